/**
 * The settings that control's decisions depend on, by their upstream names (spec/api.md 23), and their defaults. config/ fills the
 * object; the coordinator and its tables only read it.
 */

export interface ControlSettings {
  readonly brokerName: string;
  readonly brokerClusterName: string;
  /** 0 is the master. */
  readonly brokerId: number;
  /** `ip:port` under which this broker shows itself in answers (343); empty for the address that the client has dialled. */
  readonly brokerAddress: string;
  readonly autoCreateTopicEnable: boolean;
  readonly defaultTopicQueueNums: number;
  readonly clusterTopicEnable: boolean;
  readonly brokerTopicEnable: boolean;
  readonly traceTopicEnable: boolean;
  readonly msgTraceTopicName: string;
  readonly reviveQueueNum: number;
  readonly timerWheelEnable: boolean;
  readonly validateSystemTopicWhenUpdateTopic: boolean;
  readonly enableMixedMessageType: boolean;
  readonly autoCreateSubscriptionGroup: boolean;
  readonly notifyConsumerIdsChangedEnable: boolean;
  readonly enablePropertyFilter: boolean;
  /** Largest page of 21 and 201. */
  readonly splitMetadataSize: number;
  readonly enableSplitMetadata: boolean;
  /** A client that has not sent a heartbeat for this long is taken off. */
  readonly channelExpiredTimeout: number;
  readonly flushConsumerOffsetInterval: number;
  /** Java takes the lock's life from the system property `rocketmq.broker.rebalance.lockMaxLiveTime`. */
  readonly lockMaxLiveTime: number;
}

export const DEFAULT_CONTROL_SETTINGS: ControlSettings = {
  brokerName: 'broker-a',
  brokerClusterName: 'DefaultCluster',
  brokerId: 0,
  brokerAddress: '',
  autoCreateTopicEnable: true,
  defaultTopicQueueNums: 8,
  clusterTopicEnable: true,
  brokerTopicEnable: true,
  traceTopicEnable: false,
  msgTraceTopicName: 'RMQ_SYS_TRACE_TOPIC',
  reviveQueueNum: 8,
  timerWheelEnable: true,
  validateSystemTopicWhenUpdateTopic: true,
  enableMixedMessageType: false,
  autoCreateSubscriptionGroup: true,
  notifyConsumerIdsChangedEnable: true,
  enablePropertyFilter: false,
  splitMetadataSize: 2000,
  enableSplitMetadata: true,
  channelExpiredTimeout: 120_000,
  flushConsumerOffsetInterval: 5_000,
  lockMaxLiveTime: 60_000,
};
