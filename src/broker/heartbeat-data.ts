/**
 * The body of a heartbeat (34) as the registries take it (spec/api.md 6.1): what a client produces to and consumes. Pure reading; an
 * absent member takes upstream's default.
 */
import type { JsonObject } from '../remoting/fast-json.ts';
import { asObject, booleanMember, listMember, numberMember, stringMember } from '../remoting/json-fields.ts';

export type MessageModel = 'BROADCASTING' | 'CLUSTERING';

/** A subscription as the consumer sent it; the members keep their names on the wire, 203 and 345 show the object as it is. */
export interface Subscription {
  readonly classFilterMode: boolean;
  /** Java hash codes of the tags; empty means all. */
  readonly codeSet: readonly number[];
  readonly expressionType: string;
  readonly subString: string;
  /** Time in ms at which the client made the subscription; a greater one replaces it. */
  readonly subVersion: number;
  readonly tagsSet: readonly string[];
  readonly topic: string;
}

export interface ConsumerData {
  readonly groupName: string;
  /** CONSUME_ACTIVELY, CONSUME_PASSIVELY or CONSUME_POP. */
  readonly consumeType: string;
  readonly messageModel: MessageModel;
  readonly consumeFromWhere: string;
  readonly subscriptions: readonly Subscription[];
  readonly unitMode: boolean;
}

export interface HeartbeatData {
  readonly clientId: string;
  readonly consumers: readonly ConsumerData[];
  readonly producerGroups: readonly string[];
  /** 0 for a heartbeat of the first version. */
  readonly fingerprint: number;
  /** The subscriptions were left out on purpose: keep the stored ones. */
  readonly withoutSubscriptions: boolean;
}

export function readHeartbeat(body: JsonObject): HeartbeatData {
  const fingerprint = numberMember(body, 'heartbeatFingerprint', 0);
  return {
    clientId: stringMember(body, 'clientID', ''),
    consumers: listMember(body, 'consumerDataSet').map((entry) => readConsumer(asObject(entry, 'a consumer'))),
    producerGroups: listMember(body, 'producerDataSet').map((entry) =>
      stringMember(asObject(entry, 'a producer'), 'groupName', ''),
    ),
    fingerprint,
    withoutSubscriptions: fingerprint !== 0 && booleanMember(body, 'withoutSub', false),
  };
}

function readConsumer(entry: JsonObject): ConsumerData {
  return {
    groupName: stringMember(entry, 'groupName', ''),
    consumeType: stringMember(entry, 'consumeType', 'CONSUME_PASSIVELY'),
    messageModel: stringMember(entry, 'messageModel', '') === 'BROADCASTING' ? 'BROADCASTING' : 'CLUSTERING',
    consumeFromWhere: stringMember(entry, 'consumeFromWhere', 'CONSUME_FROM_LAST_OFFSET'),
    subscriptions: listMember(entry, 'subscriptionDataSet').map((item) =>
      readSubscription(asObject(item, 'a subscription')),
    ),
    unitMode: booleanMember(entry, 'unitMode', false),
  };
}

/** Also the subscription in the body of 46. */
export function readSubscription(entry: JsonObject): Subscription {
  return {
    classFilterMode: booleanMember(entry, 'classFilterMode', false),
    codeSet: listMember(entry, 'codeSet').map(Number),
    expressionType: stringMember(entry, 'expressionType', '') || 'TAG',
    subString: stringMember(entry, 'subString', ''),
    subVersion: numberMember(entry, 'subVersion', 0),
    tagsSet: listMember(entry, 'tagsSet').map(String),
    topic: stringMember(entry, 'topic', ''),
  };
}
