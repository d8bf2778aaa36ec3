/**
 * The header of a pull (codes 11 and 361), as the broker needs it (spec/api.md 8.1). Filled by pull-header-scanner for each pull on net,
 * or by {@link pullHeaderOf} from a decoded command.
 */
import { HeaderError, type RemotingCommand } from './command.ts';
import { optionalString, requiredInt, requiredLong, requiredString } from './header-reader.ts';
import { NO_BYTES, ScannedHeader } from './scanned-header.ts';

/** Bits of a pull's `sysFlag`. */
export const PullSysFlag = {
  commitOffset: 0x1,
  suspend: 0x2,
  subscription: 0x4,
  classFilter: 0x8,
  litePull: 0x10,
} as const;

/** Text is ranges of `names`, which hold until the memory of the frame changes or the object is filled again. */
export class PullHeader extends ScannedHeader {
  consumerGroupStart = 0;
  consumerGroupEnd = 0;
  topicStart = 0;
  topicEnd = 0;
  queueId = 0;
  queueOffset = 0;
  maxMsgNums = 0;
  sysFlag = 0;
  commitOffset = 0;
  suspendTimeoutMillis = 0;
  subVersion = 0;
  /** False: the request has no such field. */
  hasSubscription = false;
  subscriptionStart = 0;
  subscriptionEnd = 0;
  hasExpressionType = false;
  expressionTypeStart = 0;
  expressionTypeEnd = 0;

  /** The expression of the request's own subscription; makes the string now. */
  subscription(): string | null {
    return this.hasSubscription ? this.#text(this.subscriptionStart, this.subscriptionEnd) : null;
  }

  /** `TAG`, `SQL92` or what a client calls it; makes the string now. */
  expressionType(): string | null {
    return this.hasExpressionType ? this.#text(this.expressionTypeStart, this.expressionTypeEnd) : null;
  }

  /** A copy that holds when the memory of the frame changes, for a pull that is answered later: of the texts and nothing around them. */
  copy(): PullHeader {
    const copy = Object.assign(new PullHeader(), this);
    const group = this.names.subarray(this.consumerGroupStart, this.consumerGroupEnd);
    const topic = this.names.subarray(this.topicStart, this.topicEnd);
    const subscription = this.hasSubscription
      ? this.names.subarray(this.subscriptionStart, this.subscriptionEnd)
      : NO_BYTES;
    const type = this.hasExpressionType
      ? this.names.subarray(this.expressionTypeStart, this.expressionTypeEnd)
      : NO_BYTES;
    copy.consumerGroupStart = 0;
    copy.consumerGroupEnd = group.length;
    copy.topicStart = copy.consumerGroupEnd;
    copy.topicEnd = copy.topicStart + topic.length;
    copy.subscriptionStart = copy.topicEnd;
    copy.subscriptionEnd = copy.subscriptionStart + subscription.length;
    copy.expressionTypeStart = copy.subscriptionEnd;
    copy.expressionTypeEnd = copy.expressionTypeStart + type.length;
    copy.names = new Uint8Array(copy.expressionTypeEnd);
    copy.names.set(group);
    copy.names.set(topic, copy.topicStart);
    copy.names.set(subscription, copy.subscriptionStart);
    copy.names.set(type, copy.expressionTypeStart);
    copy.body = NO_BYTES;
    return copy;
  }

  #text(start: number, end: number): string {
    return Buffer.from(this.names.buffer, this.names.byteOffset + start, end - start).toString();
  }
}

/** The fields that the broker reads; maxMsgBytes and what proxies add say nothing to it. */
export const PULL_FIELD_NAMES = [
  'consumerGroup',
  'topic',
  'queueId',
  'queueOffset',
  'maxMsgNums',
  'sysFlag',
  'commitOffset',
  'suspendTimeoutMillis',
  'subVersion',
  'subscription',
  'expressionType',
] as const;
/** So many of them, the first, are required. */
export const PULL_FIELDS_REQUIRED = 9;

/**
 * Fills `into` from a command of the general path.
 * @throws HeaderError for a required field that is missing and for text that is no number.
 */
export function pullHeaderOf(command: RemotingCommand, into: PullHeader): void {
  if (command.extFields === null) throw new HeaderError('a pull without extFields');
  const consumerGroup = Buffer.from(requiredString(command, 'consumerGroup'));
  const topic = Buffer.from(requiredString(command, 'topic'));
  const subscription = optionalString(command, 'subscription');
  const subscriptionBytes = Buffer.from(subscription ?? '');
  const expressionType = optionalString(command, 'expressionType');
  const expressionTypeBytes = Buffer.from(expressionType ?? '');
  into.take(command, [consumerGroup, topic, subscriptionBytes, expressionTypeBytes]);
  into.consumerGroupStart = 0;
  into.consumerGroupEnd = consumerGroup.length;
  into.topicStart = into.consumerGroupEnd;
  into.topicEnd = into.topicStart + topic.length;
  into.queueId = requiredInt(command, 'queueId');
  into.queueOffset = requiredLong(command, 'queueOffset');
  into.maxMsgNums = requiredInt(command, 'maxMsgNums');
  into.sysFlag = requiredInt(command, 'sysFlag');
  into.commitOffset = requiredLong(command, 'commitOffset');
  into.suspendTimeoutMillis = requiredLong(command, 'suspendTimeoutMillis');
  into.subVersion = requiredLong(command, 'subVersion');
  into.hasSubscription = subscription !== null;
  into.subscriptionStart = into.topicEnd;
  into.subscriptionEnd = into.subscriptionStart + subscriptionBytes.length;
  into.hasExpressionType = expressionType !== null;
  into.expressionTypeStart = into.subscriptionEnd;
  into.expressionTypeEnd = into.expressionTypeStart + expressionTypeBytes.length;
}
