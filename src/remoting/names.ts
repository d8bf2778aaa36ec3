/**
 * Names of topics and groups: what is allowed (spec/api.md 3; golden answers/names), and the names made of others (answers/naming). The
 * texts of refusals are upstream's, because tools and tests of users look for them. Called by control, net and the client.
 */
import { TOPIC_LENGTH_MAX } from '../base/limits.ts';
import { SCHEDULE_TOPIC } from '../layout/topic-names.ts';

/** Longest group that a client lets through; the broker itself does not check. */
const CLIENT_GROUP_LENGTH_MAX = 255;

const ALLOWED = /^[%|a-zA-Z0-9_-]+$/;
const FAQ = '\nFor more information, please visit the url, https://rocketmq.apache.org/docs/bestPractice/06FAQ';

/** Why a broker refuses the topic, or null. Retry and dead-letter topics have no other limit here (5.3.3). */
export function topicError(topic: string): string | null {
  if (isBlank(topic)) return 'The specified topic is blank.';
  if (!ALLOWED.test(topic)) return `The specified topic contains illegal characters, allowing only ${ALLOWED.source}`;
  if (topic.length > TOPIC_LENGTH_MAX) return 'The specified topic is longer than topic max length.';
  return null;
}

/** Why a client refuses to use the topic, or null. */
export function clientTopicError(topic: string): string | null {
  return clientError(topic, 'The specified topic', 'topic', TOPIC_LENGTH_MAX);
}

/** Why a client refuses to use the group, or null. */
export function clientGroupError(group: string): string | null {
  return clientError(group, 'the specified group', 'group', CLIENT_GROUP_LENGTH_MAX);
}

function clientError(name: string, subject: string, kind: string, lengthMax: number): string | null {
  if (isBlank(name)) return `${subject} is blank${FAQ}`;
  if (name.length > lengthMax) return `${subject} is longer than ${kind} max length ${lengthMax}.${FAQ}`;
  if (!ALLOWED.test(name))
    return `${subject}[${name}] contains illegal characters, allowing only ${ALLOWED.source}${FAQ}`;
  return null;
}

function isBlank(name: string): boolean {
  return name.trim() === '';
}

/** Written by the broker alone: a client's send is answered NO_PERMISSION. */
const NOT_SENDABLE = new Set([
  SCHEDULE_TOPIC,
  'RMQ_SYS_TRANS_HALF_TOPIC',
  'RMQ_SYS_TRANS_OP_HALF_TOPIC',
  'TRANS_CHECK_MAX_TIME_TOPIC',
  'SELF_TEST_TOPIC',
  'OFFSET_MOVED_EVENT',
]);
export const SYSTEM_TOPICS: ReadonlySet<string> = new Set([
  ...NOT_SENDABLE,
  'TBW102',
  'BenchmarkTest',
  'RMQ_SYS_TRACE_TOPIC',
  'CHECKPOINT_TOPIC',
]);
const SYSTEM_PREFIX = 'rmq_sys_';

/** One of upstream's own; a broker adds those named after itself and its cluster. */
export function isSystemTopic(topic: string): boolean {
  return SYSTEM_TOPICS.has(topic) || topic.startsWith(SYSTEM_PREFIX);
}

export function isSendForbidden(topic: string): boolean {
  return NOT_SENDABLE.has(topic);
}

const RETRY_PREFIX = '%RETRY%';
const DEAD_LETTER_PREFIX = '%DLQ%';

export function retryTopicOf(group: string): string {
  return RETRY_PREFIX + group;
}

export function deadLetterTopicOf(group: string): string {
  return DEAD_LETTER_PREFIX + group;
}

export function isRetryTopic(topic: string): boolean {
  return topic.startsWith(RETRY_PREFIX);
}

export function isDeadLetterTopic(topic: string): boolean {
  return topic.startsWith(DEAD_LETTER_PREFIX);
}

/** The group of a retry or dead-letter topic; other names as they are. */
export function groupOfTopic(topic: string): string {
  return topic.slice(prefixOf(topic).length);
}

/** Retry topic of a group that pops; `version` 2 has a separator that no name may hold. */
export function popRetryTopicOf(group: string, topic: string, version: 1 | 2): string {
  return `${retryTopicOf(group)}${version === 1 ? '_' : '+'}${topic}`;
}

const NAMESPACE_SEPARATOR = '%';

/** `T` -> `INST%T`, `%RETRY%G` -> `%RETRY%INST%G`; system topics and names that have the namespace stay. */
export function withNamespace(namespace: string, name: string): string {
  const prefix = prefixOf(name);
  const bare = name.slice(prefix.length);
  if (namespace === '' || name === '' || isSystemTopic(bare)) return name;
  if (bare.startsWith(namespace + NAMESPACE_SEPARATOR)) return name;
  return prefix + namespace + NAMESPACE_SEPARATOR + bare;
}

/** Undoes {@link withNamespace}; a name of another namespace, or of none, stays. */
export function withoutNamespace(namespace: string, name: string): string {
  const prefix = prefixOf(name);
  const bare = name.slice(prefix.length);
  const start = namespace + NAMESPACE_SEPARATOR;
  return namespace !== '' && bare.startsWith(start) ? prefix + bare.slice(start.length) : name;
}

function prefixOf(name: string): string {
  if (isRetryTopic(name)) return RETRY_PREFIX;
  return isDeadLetterTopic(name) ? DEAD_LETTER_PREFIX : '';
}
