/**
 * What must hold before a pull may read its queue, in upstream's order (spec/api.md 8.2). Remarks and codes are upstream's, because
 * clients, tools and the tests of users look for them. Called on net for each pull, again for each re-execution of a parked one.
 *
 * Not here yet: rows 0 and 8d (slaves, request 353), 10 to 12 (reset offsets of the server, offsets of broadcasting proxies).
 */
import { PULL_EXPRESSION_MAX_BYTES, RETRY_TOPIC_LENGTH_MAX } from '../base/limits.ts';
import { asQueueSlot, type QueueSlot } from '../base/units.ts';
import type { TagFilter } from '../filter/tag-filter.ts';
import { RequestCode, ResponseCode } from '../remoting/codes.ts';
import { type PullHeader, PullSysFlag } from '../remoting/pull-header.ts';
import type { ConsumerGroupView, GroupView, SubscriptionView, TopicView } from './control-protocol.ts';
import type { NetTables } from './net-tables.ts';
import { hasTagType, PullFilters } from './pull-filters.ts';
import type { PullSettings } from './pull-ports.ts';
import type { Refusal } from './refusal.ts';

const PERM_READ = 4;
/** The longest topic's; groups are shorter, as their retry topics have to be topics. */
const NAME_MAX_BYTES = RETRY_TOPIC_LENGTH_MAX;
/** A queue that has no row in the queue table. */
export const NO_SLOT = asQueueSlot(-1);

/** Which permission was missing, for the client to know. */
const Forbidden = { broker: 1, group: 2, topic: 3, broadcast: 4 } as const;

export interface PullRefusal extends Refusal {
  /** Goes out as `forbiddenType`; 0 for none. */
  readonly forbiddenType: number;
}

const FAQ = '\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';

/** Not final: control may create the group. */
export const GROUP_MISSING: PullRefusal = {
  code: ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
  remark: `the subscription group does not exist${FAQ}`,
  forbiddenType: 0,
};

/** What a pull is about, once it has passed. One object is filled again and again. */
export class PullTarget {
  group!: GroupView;
  topic!: TopicView;
  slot!: QueueSlot;
  filter!: TagFilter;
}

export class PullChecks {
  readonly #tables: NetTables;
  readonly #settings: PullSettings;
  readonly #filters = new PullFilters();

  constructor(tables: NetTables, settings: PullSettings) {
    this.#tables = tables;
    this.#settings = settings;
  }

  knowsGroup(header: PullHeader): boolean {
    return this.#tables.group(header.names, header.consumerGroupStart, header.consumerGroupEnd) !== null;
  }

  /** Null and a filled `into` when the pull may read. `remote` is the client's address, for the remark. */
  check(header: PullHeader, remote: string, into: PullTarget): PullRefusal | null {
    const settings = this.#settings;
    if ((settings.brokerPermission & PERM_READ) === 0) {
      return forbidden(Forbidden.broker, `the broker[${settings.brokerName}] pulling message is forbidden`);
    }
    if (header.code === RequestCode.LITE_PULL_MESSAGE && !settings.litePullMessageEnable) {
      return forbidden(Forbidden.broker, `the broker[${settings.brokerName}] for lite pull consumer is forbidden`);
    }
    const group = this.#tables.group(header.names, header.consumerGroupStart, header.consumerGroupEnd);
    if (group === null) return GROUP_MISSING;
    if (!group.consumeEnable) {
      return forbidden(Forbidden.group, `subscription group no permission, ${group.name}`);
    }
    const refusal = this.checkQueue(header, remote, into);
    if (refusal !== null) return refusal;
    into.group = group;
    return (header.sysFlag & PullSysFlag.subscription) !== 0
      ? this.#ownSubscription(header, into)
      : this.#groupSubscription(header, into);
  }

  /** Null and topic and row in `into` when the pull's queue may be read, whoever reads it. */
  checkQueue(header: PullHeader, remote: string, into: PullTarget): PullRefusal | null {
    const topic = this.#tables.topic(header.names, header.topicStart, header.topicEnd)?.view ?? null;
    if (topic === null) {
      const name = textOf(header.names, header.topicStart, header.topicEnd);
      return refusal(ResponseCode.TOPIC_NOT_EXIST, `topic[${name}] not exist, apply first please! ${FAQ}`);
    }
    if ((topic.perm & PERM_READ) === 0) {
      return forbidden(Forbidden.topic, `the topic[${topic.name}] pulling message is forbidden`);
    }
    if (header.queueId < 0 || header.queueId >= topic.readQueueNums) return noSuchQueue(header, topic, remote);
    into.topic = topic;
    into.slot = asQueueSlot(topic.slots[header.queueId] ?? NO_SLOT);
    return null;
  }

  #ownSubscription(header: PullHeader, into: PullTarget): PullRefusal | null {
    if (!hasTagType(header)) return refusedType(header.expressionType());
    const filter = this.#filters.ofRequest(header);
    if (filter === null) {
      return refusal(ResponseCode.SUBSCRIPTION_PARSE_FAILED, "parse the consumer's subscription failed");
    }
    into.filter = filter;
    return null;
  }

  #groupSubscription(header: PullHeader, into: PullTarget): PullRefusal | null {
    const { group, topic } = into;
    const consumers = this.#tables.consumers(header.names, header.consumerGroupStart, header.consumerGroupEnd);
    if (consumers === null) {
      return refusal(ResponseCode.SUBSCRIPTION_NOT_EXIST, `the consumer's group info not exist${FAQ}`);
    }
    if (consumers.messageModel === 'BROADCASTING' && !group.consumeBroadcastEnable) {
      return forbidden(Forbidden.broadcast, `the consumer group[${group.name}] can not consume by broadcast way`);
    }
    const subscription = subscriptionOf(consumers, topic.name);
    if (subscription === null) {
      return refusal(ResponseCode.SUBSCRIPTION_NOT_EXIST, `the consumer's subscription not exist${FAQ}`);
    }
    if (subscription.subVersion < header.subVersion) {
      return refusal(ResponseCode.SUBSCRIPTION_NOT_LATEST, "the consumer's subscription not latest");
    }
    if (subscription.expressionType !== 'TAG' && subscription.expressionType !== '') {
      return refusedType(subscription.expressionType);
    }
    into.filter = this.#filters.ofSubscription(subscription);
    return null;
  }
}

/**
 * Before anything is kept of a pull: names that no group or topic can have, and an expression that is too long to be kept while it waits.
 * Not upstream's, which takes whatever fits a frame.
 */
export function refusedLengths(header: PullHeader): PullRefusal | null {
  if (header.consumerGroupEnd - header.consumerGroupStart > NAME_MAX_BYTES) return GROUP_MISSING;
  const topicLength = header.topicEnd - header.topicStart;
  if (topicLength > NAME_MAX_BYTES) {
    return refusal(
      ResponseCode.TOPIC_NOT_EXIST,
      `a topic name of ${topicLength} bytes, the limit is ${NAME_MAX_BYTES}`,
    );
  }
  const expressionLength = header.hasSubscription ? header.subscriptionEnd - header.subscriptionStart : 0;
  const typeLength = header.hasExpressionType ? header.expressionTypeEnd - header.expressionTypeStart : 0;
  if (expressionLength <= PULL_EXPRESSION_MAX_BYTES && typeLength <= NAME_MAX_BYTES) return null;
  return refusal(
    ResponseCode.SUBSCRIPTION_PARSE_FAILED,
    `a subscription of ${expressionLength} bytes and a type of ${typeLength}, the limits are ${PULL_EXPRESSION_MAX_BYTES} and ${NAME_MAX_BYTES}`,
  );
}

function subscriptionOf(consumers: ConsumerGroupView, topic: string): SubscriptionView | null {
  // A group has a few subscriptions: its topic and its retry topic.
  for (const subscription of consumers.subscriptions) if (subscription.topic === topic) return subscription;
  return null;
}

function refusal(code: number, remark: string): PullRefusal {
  return { code, remark, forbiddenType: 0 };
}

function forbidden(forbiddenType: number, remark: string): PullRefusal {
  return { code: ResponseCode.NO_PERMISSION, remark, forbiddenType };
}

function noSuchQueue(header: PullHeader, topic: TopicView, remote: string): PullRefusal {
  return refusal(
    ResponseCode.INVALID_PARAMETER,
    `queueId[${header.queueId}] is illegal, topic:[${topic.name}] topicConfig.readQueueNums:[${topic.readQueueNums}] consumer:[/${remote}]`,
  );
}

/** SQL92 is answered as by an Apache broker without `enablePropertyFilter`; another type as request 46 answers it. */
function refusedType(type: string | null): PullRefusal {
  return type === 'SQL92'
    ? refusal(ResponseCode.SYSTEM_ERROR, `The broker does not support consumer to filter message by ${type}`)
    : refusal(ResponseCode.SUBSCRIPTION_PARSE_FAILED, `the expression type ${type} is not known: use TAG`);
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}
