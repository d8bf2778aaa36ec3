/** Encodes records into a bytes ring as net does: the only copy of the body. Used by the benchmarks of records and topology. */
import {
  encodeHost,
  RecordHead,
  recordSizeOf,
  writePropertiesLength,
  writeRecordHead,
  writeTopicLength,
} from '../src/layout/message-record.ts';
import type { BytesRing } from '../src/ring/bytes-ring.ts';
import { copyInto } from '../src/ring/copy-into.ts';

export const TOPIC = Buffer.from('BenchmarkTest');
const PROPERTIES = Buffer.from(
  'UNIQ_KEY\u0001FD00000000000000000000000000000224CC5FFD2B27721F48AA0000\u0002TAGS\u0001TagA\u0002',
);

export function encodedSizeOf(bodyLength: number): number {
  return recordSizeOf(bodyLength, TOPIC.length, PROPERTIES.length, false, false);
}

export class RecordEncoder {
  readonly #ring: BytesRing;
  readonly #head = new RecordHead();

  constructor(ring: BytesRing) {
    this.#ring = ring;
    this.#head.topicLength = TOPIC.length;
    this.#head.bornHost = encodeHost('127.0.0.1', 40_000);
    this.#head.storeHost = encodeHost('127.0.0.1', 10_911);
    this.#head.bornTimestamp = 1_700_000_000_000;
  }

  /** Returns the size of the record. */
  encode(at: number, body: Buffer, queueId: number): number {
    const { bytes, view } = this.#ring;
    const head = this.#head;
    head.queueId = queueId;
    head.bodyLength = body.length;
    head.totalSize = encodedSizeOf(body.length);
    let next = writeRecordHead(view, bytes, at, head);
    copyInto(bytes, next, body, 0, body.length);
    next = writeTopicLength(view, next + body.length, TOPIC.length);
    copyInto(bytes, next, TOPIC, 0, TOPIC.length);
    next = writePropertiesLength(view, next + TOPIC.length, PROPERTIES.length);
    copyInto(bytes, next, PROPERTIES, 0, PROPERTIES.length);
    return head.totalSize;
  }
}
