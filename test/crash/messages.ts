/**
 * The messages of the crash suite. Each names itself: a lane (one connection of a producer), a number in that lane and the stamp of the
 * store's life stand in the body, with filler and a checksum over all of it, and again in its keys. So a record that is torn, foreign or at the
 * place of another shows. Used by the producers, the consumer and the survey.
 */
import { seededRandom } from '../../src/base/random.ts';
import { BENCH_BODY_MIN_BYTES, BenchBody, BenchBodyWriter } from '../../src/layout/bench-body.ts';
import { encodeProperties, parsePropertiesAt } from '../../src/layout/message-properties.ts';
import { RecordCursor } from '../../src/layout/message-record.ts';

const TWO_32 = 0x1_0000_0000;
const FILLER_BYTES = 512 * 1024;
const FILLERS = 997;
const KEPT_FOR_WAIT = 7;
export const BODY_MAX_BYTES = FILLER_BYTES - FILLERS;

/** Lane and number of a message as one number. */
export function messageIdOf(lane: number, sequence: number): number {
  return lane * TWO_32 + sequence;
}

export function laneOf(id: number): number {
  return Math.floor(id / TWO_32);
}

export function sequenceOf(id: number): number {
  return id % TWO_32;
}

export function nameOf(id: number): string {
  return `${laneOf(id)}:${sequenceOf(id)}`;
}

export function topicName(index: number): string {
  return `crash-${index}`;
}

let filler: Uint8Array | null = null;

export function bodyOf(stamp: number, lane: number, sequence: number, bytes: number): Uint8Array {
  const random = seededRandom(1);
  filler ??= Uint8Array.from({ length: FILLER_BYTES }, () => random.below(256));
  const size = Math.max(bytes, BENCH_BODY_MIN_BYTES);
  const start = (lane * 31 + sequence) % FILLERS;
  const body = filler.slice(start, start + size);
  new BenchBodyWriter(body, 0, size).write(stamp, lane, sequence, 0);
  return body;
}

/** Some do not wait for their flush; what is written survives a killed process all the same. */
export function propertiesOf(stamp: number, lane: number, sequence: number): string {
  const properties = new Map([
    ['UNIQ_KEY', uniqueKeyOf(stamp, lane, sequence)],
    ['KEYS', `lane-${lane} ${keyOf(lane, sequence)}`],
    ['TAGS', `tag-${sequence % 3}`],
  ]);
  if (sequence % KEPT_FOR_WAIT === 0) properties.set('WAIT', 'false');
  return encodeProperties(properties);
}

/** One of the message's two keys; the other is shared by its lane. */
export function keyOf(lane: number, sequence: number): string {
  return `order-${lane}-${sequence}`;
}

export function uniqueKeyOf(stamp: number, lane: number, sequence: number): string {
  return [stamp, lane, sequence, stamp].map((part) => part.toString(16).toUpperCase().padStart(8, '0')).join('');
}

/** A record that a pull has brought. */
export interface FoundMessage {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly logOffset: number;
  readonly storeTimestamp: number;
  /** NaN: the body is none that a producer of this life has sent, `what` says why. */
  readonly id: number;
  readonly what: string;
}

/** The records of a pull's answer, one behind the other. */
export function readMessages(bytes: Uint8Array, stamp: number): FoundMessage[] {
  // Pooled memory: a view of its own, once.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cursor = new RecordCursor();
  const body = new BenchBody();
  const found: FoundMessage[] = [];
  for (let at = 0; at < bytes.length; at += cursor.totalSize) {
    if (!cursor.load(view, at)) throw new Error(`no record at ${at} of an answer of ${bytes.length} bytes`);
    const { queueId, queueOffset, physicalOffset: logOffset, storeTimestamp, topicStart, topicLength } = cursor;
    const topic = Buffer.from(bytes.subarray(topicStart, topicStart + topicLength)).toString();
    const what = whatIsWrong(view, bytes, cursor, body, stamp);
    const id = what === '' ? messageIdOf(body.lane, body.sequence) : Number.NaN;
    found.push({ topic, queueId, queueOffset, logOffset, storeTimestamp, id, what });
  }
  return found;
}

function whatIsWrong(view: DataView, bytes: Uint8Array, cursor: RecordCursor, body: BenchBody, stamp: number): string {
  const { bodyStart, bodyLength, propertiesStart, propertiesLength } = cursor;
  if (!body.load(view, bytes, bodyStart, bodyStart + bodyLength)) return 'a torn body';
  if (body.stamp !== stamp) return `the body of another life (${body.stamp})`;
  const properties = parsePropertiesAt(bytes, propertiesStart, propertiesStart + propertiesLength);
  const expected = uniqueKeyOf(stamp, body.lane, body.sequence);
  if (properties.get('UNIQ_KEY') !== expected) return `the unique key ${properties.get('UNIQ_KEY')} of another message`;
  return '';
}
