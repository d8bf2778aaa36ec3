/**
 * What the name of a topic may be in a file, and topics whose name decides what a queue entry holds. Here and not in remoting, because the
 * store asks. What a client may name a topic is narrower (remoting/names.ts).
 */
import { isUtf8 } from 'node:buffer';
import { RETRY_TOPIC_LENGTH_MAX } from '../base/limits.ts';

/** Upstream's topic of delayed messages, one queue for each delay level: its entries hold times of delivery in place of tags codes. */
export const SCHEDULE_TOPIC = 'SCHEDULE_TOPIC_XXXX';

const SPACE = 0x20;
const DOT = 0x2e;
const SLASH = 0x2f;
const DELETE = 0x7f;

/**
 * Whether `[start, end)` can be the name of a topic, which is that of a folder: text without control characters and slashes. Older brokers
 * have let more through than ours, so a record is not called damaged for less.
 */
export function isTopicName(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length === 0 || length > RETRY_TOPIC_LENGTH_MAX) return false;
  let all = 0;
  let dots = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte < SPACE || byte === SLASH || byte === DELETE) return false;
    if (byte === DOT) dots++;
    all |= byte;
  }
  if (dots === length && length <= 2) return false;
  return all < 0x80 || isUtf8(bytes.subarray(start, end));
}

/** For messages: as it is, or quoted when it is no name, so that nothing of it gets into a log or a terminal. */
export function topicText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  return isTopicName(bytes, start, end) ? text : JSON.stringify(text);
}
