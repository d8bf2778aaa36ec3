/**
 * What the name of a topic may be in a file, and topics whose name decides what a queue entry holds. Here and not in remoting, because the
 * store asks. What a client may name a topic is narrower (remoting/names.ts).
 */
import { isUtf8 } from 'node:buffer';
import { RETRY_TOPIC_LENGTH_MAX } from '../base/limits.ts';

/** Upstream's topic of delayed messages, one queue for each delay level: its entries hold times of delivery in place of tags codes. */
export const SCHEDULE_TOPIC = 'SCHEDULE_TOPIC_XXXX';

const LIGHT_QUEUE_PREFIX = '%LMQ%';

/** Apache's queues for light consumers hold entries of other topics' records: nothing of them can be told, or built, from the log. */
export function isLightQueue(topic: string): boolean {
  return topic.startsWith(LIGHT_QUEUE_PREFIX);
}

/** What a byte says of a name that holds it. */
const OTHER_THAN_DOT = 1;
const NOT_ASCII = 2;
const FORBIDDEN = 4;

const BYTES = Uint8Array.from({ length: 256 }, (_, byte) => {
  const isControl = byte < 0x20 || byte === 0x7f;
  if (isControl || byte === '/'.charCodeAt(0)) return FORBIDDEN;
  if (byte === '.'.charCodeAt(0)) return 0;
  return byte < 0x80 ? OTHER_THAN_DOT : OTHER_THAN_DOT | NOT_ASCII;
});

/**
 * Whether `[start, end)` can be the name of a topic, which is that of a folder: text without control characters and slashes. Older brokers
 * have let more through than ours, so a record is not called damaged for less. Recovery and verify ask it of each record.
 */
export function isTopicName(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length === 0 || length > RETRY_TOPIC_LENGTH_MAX) return false;
  let all = 0;
  for (let i = start; i < end; i++) all |= BYTES[bytes[i]!]!;
  // Dots alone: the folder itself, or the one above.
  if (all < NOT_ASCII) return all === OTHER_THAN_DOT || length > 2;
  return all < FORBIDDEN && isUtf8(bytes.subarray(start, end));
}

/** For messages: as it is, or quoted when it is no name, so that nothing of it gets into a log or a terminal. */
export function topicText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  return isTopicName(bytes, start, end) ? text : JSON.stringify(text);
}
