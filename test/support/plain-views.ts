/** Topics, groups and settings as control tells them to the net threads, with nothing special about them. */
import type { GroupView, TopicView } from '../../src/broker/control-protocol.ts';
import type { PullSettings } from '../../src/broker/pull-ports.ts';

/** `slots`: the rows of its queues. */
export function plainTopic(name: string, slots: readonly number[]): TopicView {
  return {
    name,
    readQueueNums: slots.length,
    writeQueueNums: slots.length,
    perm: 6,
    order: false,
    multiTags: false,
    topicSysFlag: 0,
    attributes: {},
    slots,
  };
}

export function plainGroup(name: string): GroupView {
  return {
    name,
    consumeEnable: true,
    consumeBroadcastEnable: true,
    retryMaxTimes: 16,
    retryQueueNums: 1,
    brokerId: 0,
    whichBrokerWhenConsumeSlowly: 1,
    groupSysFlag: 0,
  };
}

/** Apache's defaults, with files of these sizes. */
export function plainPullSettings(segmentBytes: number, queueFileBytes: number): PullSettings {
  return {
    brokerName: 'broker-a',
    brokerPermission: 6,
    litePullMessageEnable: true,
    slaveReadEnable: false,
    longPollingEnable: true,
    shortPollingTimeMills: 1000,
    maxTransferBytesOnMessageInMemory: 256 * 1024,
    maxTransferCountOnMessageInMemory: 32,
    maxTransferBytesOnMessageInDisk: 64 * 1024,
    maxTransferCountOnMessageInDisk: 8,
    accessMessageInMemoryMaxRatio: 40,
    maxFilterMessageSize: 16_000,
    mappedFileSizeCommitLog: segmentBytes,
    mappedFileSizeConsumeQueue: queueFileBytes,
  };
}
