/**
 * What the net threads and control say to each other: one ordered port per net, arrays of these messages, structured clone. State
 * updates and answers come in the order in which control made them, so a pull right after a heartbeat sees the subscription.
 * Both ends hold plain data only; this page is the whole conversation.
 */

/** A topic as the net threads need it. `slots[queueId]` is the row in the shared queue table, for max(read, write) queues. */
export interface TopicView {
  readonly name: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  /** 4 read, 2 write, 1 inherit (spec/api.md 3). */
  readonly perm: number;
  readonly order: boolean;
  readonly multiTags: boolean;
  readonly topicSysFlag: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly slots: readonly number[];
}

/** A subscription group's settings as pulls need them. */
export interface GroupView {
  readonly name: string;
  readonly consumeEnable: boolean;
  readonly consumeBroadcastEnable: boolean;
  readonly retryMaxTimes: number;
  readonly retryQueueNums: number;
  readonly brokerId: number;
  readonly whichBrokerWhenConsumeSlowly: number;
  readonly groupSysFlag: number;
}

export interface SubscriptionView {
  readonly topic: string;
  /** `TAG` or `SQL92`. */
  readonly expressionType: string;
  readonly expression: string;
  /** Java hash codes of the tags; empty means all. */
  readonly codeSet: readonly number[];
  readonly subVersion: number;
}

/** The live members of a consumer group, as far as pulls need them; null when the last one has gone. */
export interface ConsumerGroupView {
  readonly messageModel: 'BROADCASTING' | 'CLUSTERING';
  readonly subscriptions: readonly SubscriptionView[];
}

/** Net -> control. `connectionId` is unique over all nets; addresses are `ip:port`. */
export type ToControl =
  | { readonly kind: 'opened'; readonly connectionId: number; readonly remote: string; readonly local: string }
  | { readonly kind: 'closed'; readonly connectionId: number }
  /** A whole frame (length field included) whose request code belongs to control. */
  | { readonly kind: 'request'; readonly connectionId: number; readonly frame: Uint8Array }
  /** A send met an unknown topic: create it from the template (spec/api.md 3) or refuse. Answered by `ensured`. */
  | {
      readonly kind: 'ensureTopic';
      readonly ticket: number;
      readonly topic: string;
      readonly defaultTopic: string;
      readonly defaultTopicQueueNums: number;
    }
  /** A pull met an unknown group. Answered by `ensured`, after the `group` update if there is one now. */
  | { readonly kind: 'ensureGroup'; readonly ticket: number; readonly group: string }
  /** The newest offset of a queue that pulls have committed on the way (threads/net/commit-batch.ts). No answer; without the group, no effect. */
  | {
      readonly kind: 'commitOffset';
      readonly group: string;
      readonly topic: string;
      readonly queueId: number;
      readonly offset: number;
    };

/** Control -> net. */
export type FromControl =
  /** A whole frame to write: an answer, or a request of the broker's own (40 and the like). */
  | { readonly kind: 'frame'; readonly connectionId: number; readonly frame: Uint8Array }
  | { readonly kind: 'close'; readonly connectionId: number; readonly reason: string }
  | { readonly kind: 'topic'; readonly topic: TopicView }
  | { readonly kind: 'topicGone'; readonly name: string }
  | { readonly kind: 'group'; readonly group: GroupView }
  | { readonly kind: 'groupGone'; readonly name: string }
  | { readonly kind: 'consumers'; readonly group: string; readonly consumers: ConsumerGroupView | null }
  /** The next `count` of this net's `request`, `ensureTopic` and `ensureGroup` messages have been taken, with an answer or without. */
  | { readonly kind: 'carriedOut'; readonly count: number }
  /** Code 0: it is there now. Otherwise the response code and remark for the client. */
  | { readonly kind: 'ensured'; readonly ticket: number; readonly code: number; readonly remark: string | null };
