/**
 * A subscription group's settings as upstream's SubscriptionGroupConfig has them, on the wire and in subscriptionGroup.json (spec/api.md 3,
 * spec/store.md 18.5). Pure; used by the group table and its handlers.
 */
import { RETRY_TOPIC_LENGTH_MAX } from '../base/limits.ts';
import type { JsonObject, JsonValue } from '../remoting/fast-json.ts';
import { booleanMember, numberMember, objectMember, stringMap, stringMember } from '../remoting/json-fields.ts';
import { clientGroupError, retryTopicOf } from '../remoting/names.ts';
import type { Attributes } from './attributes.ts';
import type { GroupView } from './control-protocol.ts';

/** Members are named as on the wire, so that the object is what is printed. */
export interface GroupConfig {
  readonly attributes: Attributes;
  readonly brokerId: number;
  readonly consumeBroadcastEnable: boolean;
  readonly consumeEnable: boolean;
  readonly consumeFromMinEnable: boolean;
  readonly consumeMessageOrderly: boolean;
  readonly consumeTimeoutMinute: number;
  readonly groupName: string;
  /** Kept as it came: only clients with retries of their own read it. */
  readonly groupRetryPolicy: JsonValue;
  readonly groupSysFlag: number;
  readonly notifyConsumerIdsChangedEnable: boolean;
  readonly retryMaxTimes: number;
  readonly retryQueueNums: number;
  /** Null is not printed. */
  readonly subscriptionDataSet: JsonValue;
  readonly whichBrokerWhenConsumeSlowly: number;
}

/** Whether a group may have this name: what clients let through, as long as its retry topic fits a record. */
export function isGroupName(name: string): boolean {
  return clientGroupError(name) === null && retryTopicOf(name).length <= RETRY_TOPIC_LENGTH_MAX;
}

export function newGroupConfig(groupName: string): GroupConfig {
  return readGroupConfig({ groupName });
}

export function readGroupConfig(object: JsonObject): GroupConfig {
  const retryPolicy = objectMember(object, 'groupRetryPolicy');
  return {
    attributes: stringMap(object, 'attributes'),
    brokerId: numberMember(object, 'brokerId', 0),
    consumeBroadcastEnable: booleanMember(object, 'consumeBroadcastEnable', true),
    consumeEnable: booleanMember(object, 'consumeEnable', true),
    consumeFromMinEnable: booleanMember(object, 'consumeFromMinEnable', true),
    consumeMessageOrderly: booleanMember(object, 'consumeMessageOrderly', false),
    consumeTimeoutMinute: numberMember(object, 'consumeTimeoutMinute', 15),
    groupName: stringMember(object, 'groupName', ''),
    groupRetryPolicy: Object.keys(retryPolicy).length === 0 ? { type: 'CUSTOMIZED' } : retryPolicy,
    groupSysFlag: numberMember(object, 'groupSysFlag', 0),
    notifyConsumerIdsChangedEnable: booleanMember(object, 'notifyConsumerIdsChangedEnable', true),
    retryMaxTimes: numberMember(object, 'retryMaxTimes', 16),
    retryQueueNums: numberMember(object, 'retryQueueNums', 1),
    subscriptionDataSet: object.subscriptionDataSet ?? null,
    whichBrokerWhenConsumeSlowly: numberMember(object, 'whichBrokerWhenConsumeSlowly', 1),
  };
}

export function groupView(config: GroupConfig): GroupView {
  return {
    name: config.groupName,
    consumeEnable: config.consumeEnable,
    consumeBroadcastEnable: config.consumeBroadcastEnable,
    retryMaxTimes: config.retryMaxTimes,
    retryQueueNums: config.retryQueueNums,
    brokerId: config.brokerId,
    whichBrokerWhenConsumeSlowly: config.whichBrokerWhenConsumeSlowly,
    groupSysFlag: config.groupSysFlag,
  };
}
