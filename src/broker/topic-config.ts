/** Making and comparing topic settings. Pure; used by the topic table and its handlers. */
import type { TopicConfig } from '../remoting/topic-config.ts';
import type { Attributes } from './attributes.ts';

export function newTopicConfig(topicName: string, queues: number, perm: number): TopicConfig {
  return {
    attributes: {},
    order: false,
    perm,
    readQueueNums: queues,
    topicFilterType: 'SINGLE_TAG',
    topicName,
    topicSysFlag: 0,
    writeQueueNums: queues,
  };
}

/** Queues the topic needs rows for. */
export function queuesOf(config: TopicConfig): number {
  return Math.max(config.readQueueNums, config.writeQueueNums);
}

export function sameTopicConfig(one: TopicConfig, other: TopicConfig): boolean {
  return (
    one.topicName === other.topicName &&
    one.readQueueNums === other.readQueueNums &&
    one.writeQueueNums === other.writeQueueNums &&
    one.perm === other.perm &&
    one.order === other.order &&
    one.topicFilterType === other.topicFilterType &&
    one.topicSysFlag === other.topicSysFlag &&
    sameAttributes(one.attributes, other.attributes)
  );
}

function sameAttributes(one: Attributes, other: Attributes): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
