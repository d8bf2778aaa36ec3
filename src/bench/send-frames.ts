/**
 * Sends (310) encoded beforehand, with the headers that the Java client 5.3.3 writes. A buffer holds as many frames as one write takes; for
 * each message only the parts that vary are patched in place, all of fixed width. Called by SendConnection on a load worker.
 */
import { systemClock } from '../base/clock.ts';
import { seededRandom } from '../base/random.ts';
import { HEX_INT64_BYTES, putDecimal, putHexInt64 } from '../layout/ascii.ts';
import { BenchBodyWriter } from '../layout/bench-body.ts';
import { BinaryHeaderAt, FrameAt, putInt32, SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from '../layout/remoting-frame.ts';
import { RequestCode } from '../remoting/codes.ts';
import { encodeFrame, requestOf } from '../remoting/frame-codec.ts';
import { type Destinations, queueIdOf, topicIndexOf, topicIndexWidth, topicName } from './destinations.ts';
import type { HeaderKind } from './options.ts';
import { firstDifference, putDigits } from './patching.ts';

export interface SendShape {
  readonly destinations: Destinations;
  readonly bodyBytes: number;
  readonly header: HeaderKind;
  /** Names the phase in every body. */
  readonly stamp: number;
}

/** Opaques start here, so that they have the same width as text. */
export const FIRST_OPAQUE = 100_000_000;
/** One write; below it a system call for each message would cost more than the message. */
const BUFFER_BYTES = 128 * 1024;
/** A time in ms has as many digits until the year 2286. */
const TIMESTAMP_DIGITS = 13;
/** Bodies that differ in their filler. */
const FILLERS = 251;
const FILLER_SEED = 1;
const TWO_32 = 0x1_0000_0000;

/** Everything about the frames that does not depend on the buffer. */
export class SendTemplate {
  readonly frame: Uint8Array;
  readonly shape: SendShape;
  readonly opaqueAt: number;
  readonly topicIndexAt: number;
  readonly topicIndexDigits: number;
  readonly queueIdAt: number;
  readonly queueIdDigits: number;
  readonly timestampAt: number;
  readonly uniqueKeyAt: number;
  readonly bodyAt: number;
  readonly framesPerBuffer: number;
  readonly #filler: Uint8Array;

  constructor(shape: SendShape) {
    const { destinations } = shape;
    this.shape = shape;
    this.topicIndexDigits = topicIndexWidth(destinations);
    this.queueIdDigits = String(destinations.queues - 1).length;
    const plain: Variables = {
      opaque: FIRST_OPAQUE,
      topic: topicName(destinations, 0),
      queueId: '0'.repeat(this.queueIdDigits),
      timestamp: '0'.repeat(TIMESTAMP_DIGITS),
      uniqueKey: '0'.repeat(HEX_INT64_BYTES),
    };
    this.frame = encode(shape, plain);
    // A field lies where the frame changes with it: the same for both header encodings.
    const at = (change: Partial<Variables>): number =>
      firstDifference(this.frame, encode(shape, { ...plain, ...change }));
    this.opaqueAt = shape.header === 'json' ? at({ opaque: FIRST_OPAQUE * 2 }) : FrameAt.header + BinaryHeaderAt.opaque;
    this.topicIndexAt = at({ topic: destinations.topicPrefix + '1'.repeat(this.topicIndexDigits) });
    this.queueIdAt = at({ queueId: '1'.repeat(this.queueIdDigits) });
    this.timestampAt = at({ timestamp: '1'.repeat(TIMESTAMP_DIGITS) });
    this.uniqueKeyAt = at({ uniqueKey: '1'.repeat(HEX_INT64_BYTES) });
    this.bodyAt = this.frame.length - shape.bodyBytes;
    this.framesPerBuffer = Math.max(1, Math.floor(BUFFER_BYTES / this.frame.length));
    const random = seededRandom(FILLER_SEED);
    this.#filler = Uint8Array.from({ length: shape.bodyBytes + FILLERS }, () => random.below(256));
  }

  /** A body's worth of random bytes. Neighbours differ, so that a part of another message shows in the checksum. */
  filler(index: number): Uint8Array {
    const start = index % FILLERS;
    return this.#filler.subarray(start, start + this.shape.bodyBytes);
  }
}

/** The frames of one write. Its memory may be patched again when the write is released. */
export class SendBuffer {
  readonly bytes: Uint8Array;
  readonly #template: SendTemplate;
  readonly #bodies: readonly BenchBodyWriter[];
  #count = 0;

  /** `index` tells buffers with the same template apart. */
  constructor(template: SendTemplate, index: number) {
    const size = template.frame.length;
    this.#template = template;
    this.bytes = new Uint8Array(size * template.framesPerBuffer);
    let filler = index * template.framesPerBuffer;
    const bodies: BenchBodyWriter[] = [];
    for (let start = 0; start < this.bytes.length; start += size) {
      this.bytes.set(template.frame, start);
      this.bytes.set(template.filler(filler++), start + template.bodyAt);
      bodies.push(new BenchBodyWriter(this.bytes, start + template.bodyAt, start + size));
    }
    this.#bodies = bodies;
  }

  get isFull(): boolean {
    return this.#count === this.#bodies.length;
  }

  /** Bytes of the frames added so far. */
  get length(): number {
    return this.#count * this.#template.frame.length;
  }

  clear(): void {
    this.#count = 0;
  }

  /** Makes the next frame the `sequence`th message of `lane`; the answer will carry `opaque`. */
  add(
    opaque: number,
    lane: number,
    sequence: number,
    destination: number,
    intendedUs: number,
    timestamp: Uint8Array,
  ): void {
    const { bytes } = this;
    const template = this.#template;
    const { destinations, header, stamp } = template.shape;
    const start = this.#count * template.frame.length;
    if (header === 'json') putDecimal(bytes, start + template.opaqueAt, opaque);
    else putInt32(bytes, start + template.opaqueAt, opaque);
    if (destinations.topics > 1) {
      const index = topicIndexOf(destinations, destination);
      putDigits(bytes, start + template.topicIndexAt, template.topicIndexDigits, index);
    }
    putDigits(bytes, start + template.queueIdAt, template.queueIdDigits, queueIdOf(destinations, destination));
    for (let i = 0; i < TIMESTAMP_DIGITS; i++) bytes[start + template.timestampAt + i] = timestamp[i]!;
    putHexInt64(bytes, start + template.uniqueKeyAt, lane * TWO_32 + sequence);
    this.#bodies[this.#count]!.write(stamp, lane, sequence, intendedUs);
    this.#count++;
  }
}

/** The wall time as digits, written anew only when it has changed. */
export class TimestampDigits {
  readonly bytes: Uint8Array = new Uint8Array(TIMESTAMP_DIGITS);
  #ms = 0;

  update(): void {
    const ms = systemClock.nowMs();
    if (ms === this.#ms) return;
    this.#ms = ms;
    putDecimal(this.bytes, 0, ms);
  }
}

interface Variables {
  readonly opaque: number;
  readonly topic: string;
  readonly queueId: string;
  readonly timestamp: string;
  readonly uniqueKey: string;
}

function encode(shape: SendShape, variables: Variables): Uint8Array {
  // The stamp keeps keys of different phases apart.
  const uniqueKey = shape.stamp.toString(16).toUpperCase().padStart(HEX_INT64_BYTES, '0') + variables.uniqueKey;
  const fields = new Map([
    ['a', 'ringmq-bench'],
    ['b', variables.topic],
    ['c', 'TBW102'],
    ['d', String(shape.destinations.queues)],
    ['e', variables.queueId],
    ['f', '0'],
    ['g', variables.timestamp],
    ['h', '0'],
    ['i', `UNIQ_KEY\u0001${uniqueKey}\u0002WAIT\u0001true\u0002TAGS\u0001bench\u0002`],
    ['j', '0'],
    ['k', 'false'],
    ['m', 'false'],
  ]);
  const request = requestOf(RequestCode.SEND_MESSAGE_V2, variables.opaque, fields, new Uint8Array(shape.bodyBytes));
  return encodeFrame({ ...request, serializeType: shape.header === 'json' ? SERIALIZE_JSON : SERIALIZE_ROCKETMQ });
}
