/**
 * A topic's settings as upstream's TopicConfig has them, on the wire and in topics.json (spec/api.md 3, spec/store.md 18.3). Used by the
 * broker's topic table, by registrations and by the NameServer.
 */
import { HeaderError } from './command.ts';
import type { JsonObject } from './fast-json.ts';
import { booleanMember, numberMember, stringMap, stringMember } from './json-fields.ts';

/** Permission bits of topics and brokers. */
export const Perm = { inherit: 1, write: 2, read: 4, readWrite: 6, all: 7 } as const;

/** Bits of `topicSysFlag`. */
export const TopicSysFlag = { unit: 1, unitSubscription: 2 } as const;

export type TopicFilterType = 'SINGLE_TAG' | 'MULTI_TAG';

/** Members are named as on the wire, so that the object is what is printed. */
export interface TopicConfig {
  readonly attributes: Readonly<Record<string, string>>;
  readonly order: boolean;
  readonly perm: number;
  readonly readQueueNums: number;
  readonly topicFilterType: TopicFilterType;
  readonly topicName: string;
  readonly topicSysFlag: number;
  readonly writeQueueNums: number;
}

/** Queues of a TopicConfig that says nothing about them. */
const QUEUES_ABSENT = 16;

export function readTopicConfig(object: JsonObject): TopicConfig {
  return {
    attributes: stringMap(object, 'attributes'),
    order: booleanMember(object, 'order', false),
    perm: numberMember(object, 'perm', Perm.readWrite),
    readQueueNums: numberMember(object, 'readQueueNums', QUEUES_ABSENT),
    topicFilterType: filterType(stringMember(object, 'topicFilterType', 'SINGLE_TAG')),
    topicName: stringMember(object, 'topicName', ''),
    topicSysFlag: numberMember(object, 'topicSysFlag', 0),
    writeQueueNums: numberMember(object, 'writeQueueNums', QUEUES_ABSENT),
  };
}

export function filterType(text: string): TopicFilterType {
  if (text !== 'SINGLE_TAG' && text !== 'MULTI_TAG') throw new HeaderError(`unknown topicFilterType ${text}`);
  return text;
}
