/**
 * Stored sends that wait for their flush, in the order of the log, which is the order in which they fall due. A ring of plain arrays that
 * doubles when it is full; net reads append's results into it, so what waits here holds up nobody else.
 */
import type { SerializeType } from '../layout/remoting-frame.ts';
import { QUEUED_AT_MASK } from '../layout/request-descriptor.ts';
import type { ReplyPort } from './reply-port.ts';
import type { StoredSend } from './send-answers.ts';

const FIRST_CAPACITY = 1024;
/** Usual keys have 32 characters; a longer one has an array of its own. */
const KEY_BYTES = 64;

/** Places in the int and double cells of one send: an entry of this page's own, no slot of the descriptor ring. */
const OPAQUE = 0;
const SERIALIZE_TYPE = 1;
const QUEUE_ID = 2;
const QUEUED_AT = 3;
const KEY_LENGTH = 4;
const ENTRY_INTS = 5;

const QUEUE_OFFSET = 0;
const LOG_OFFSET = 1;
const LOG_END = 2;
const ENTRY_DOUBLES = 3;

export class AwaitingFlush {
  #capacity = FIRST_CAPACITY;
  #head = 0;
  #count = 0;
  #replies: (ReplyPort | null)[] = new Array(FIRST_CAPACITY).fill(null);
  #offsets: (readonly number[] | null)[] = new Array(FIRST_CAPACITY).fill(null);
  #longKeys: (Uint8Array | null)[] = new Array(FIRST_CAPACITY).fill(null);
  #ints = new Int32Array(FIRST_CAPACITY * ENTRY_INTS);
  #doubles = new Float64Array(FIRST_CAPACITY * ENTRY_DOUBLES);
  #keys = new Uint8Array(FIRST_CAPACITY * KEY_BYTES);

  get count(): number {
    return this.#count;
  }

  /** True when the first of them is flushed. */
  isDue(flushed: number): boolean {
    return this.#count > 0 && this.#doubles[this.#head * ENTRY_DOUBLES + LOG_END]! <= flushed;
  }

  /** True when the first of them was queued more than `timeoutUs` ago. */
  isLate(nowUs: number, timeoutUs: number): boolean {
    if (this.#count === 0) return false;
    return ((nowUs - this.#ints[this.#head * ENTRY_INTS + QUEUED_AT]!) & QUEUED_AT_MASK) > timeoutUs;
  }

  push(send: StoredSend): void {
    if (this.#count === this.#capacity) this.#grow();
    const at = (this.#head + this.#count++) & (this.#capacity - 1);
    this.#replies[at] = send.reply;
    this.#offsets[at] = send.offsets;
    const ints = at * ENTRY_INTS;
    this.#ints[ints + OPAQUE] = send.opaque;
    this.#ints[ints + SERIALIZE_TYPE] = send.serializeType;
    this.#ints[ints + QUEUE_ID] = send.queueId;
    this.#ints[ints + QUEUED_AT] = send.queuedAtUs;
    const doubles = at * ENTRY_DOUBLES;
    this.#doubles[doubles + QUEUE_OFFSET] = send.queueOffset;
    this.#doubles[doubles + LOG_OFFSET] = send.logOffset;
    this.#doubles[doubles + LOG_END] = send.logEnd;
    const keyLength = send.keyEnd - send.keyStart;
    this.#ints[ints + KEY_LENGTH] = keyLength;
    if (keyLength <= KEY_BYTES) {
      const keyAt = at * KEY_BYTES;
      for (let i = 0; i < keyLength; i++) this.#keys[keyAt + i] = send.key[send.keyStart + i]!;
    } else {
      this.#longKeys[at] = Uint8Array.from(send.key.subarray(send.keyStart, send.keyEnd));
    }
  }

  /** Takes the first one out. */
  shift(into: StoredSend): void {
    const at = this.#head;
    this.#head = (at + 1) & (this.#capacity - 1);
    this.#count--;
    into.reply = this.#replies[at]!;
    into.offsets = this.#offsets[at]!;
    this.#replies[at] = null;
    this.#offsets[at] = null;
    const ints = at * ENTRY_INTS;
    into.opaque = this.#ints[ints + OPAQUE]!;
    into.serializeType = this.#ints[ints + SERIALIZE_TYPE] as SerializeType;
    into.queueId = this.#ints[ints + QUEUE_ID]!;
    into.queuedAtUs = this.#ints[ints + QUEUED_AT]!;
    const doubles = at * ENTRY_DOUBLES;
    into.queueOffset = this.#doubles[doubles + QUEUE_OFFSET]!;
    into.logOffset = this.#doubles[doubles + LOG_OFFSET]!;
    into.logEnd = this.#doubles[doubles + LOG_END]!;
    const longKey = this.#longKeys[at] ?? null;
    this.#longKeys[at] = null;
    into.key = longKey ?? this.#keys;
    into.keyStart = longKey === null ? at * KEY_BYTES : 0;
    into.keyEnd = into.keyStart + this.#ints[ints + KEY_LENGTH]!;
  }

  #grow(): void {
    const order = Array.from({ length: this.#count }, (_, i) => (this.#head + i) & (this.#capacity - 1));
    const capacity = this.#capacity * 2;
    const moved = <Value>(from: readonly (Value | null)[]): (Value | null)[] => {
      const to = order.map((at) => from[at] ?? null);
      while (to.length < capacity) to.push(null);
      return to;
    };
    const ints = new Int32Array(capacity * ENTRY_INTS);
    const doubles = new Float64Array(capacity * ENTRY_DOUBLES);
    const keys = new Uint8Array(capacity * KEY_BYTES);
    order.forEach((at, i) => {
      ints.set(this.#ints.subarray(at * ENTRY_INTS, (at + 1) * ENTRY_INTS), i * ENTRY_INTS);
      doubles.set(this.#doubles.subarray(at * ENTRY_DOUBLES, (at + 1) * ENTRY_DOUBLES), i * ENTRY_DOUBLES);
      keys.set(this.#keys.subarray(at * KEY_BYTES, (at + 1) * KEY_BYTES), i * KEY_BYTES);
    });
    this.#replies = moved(this.#replies);
    this.#offsets = moved(this.#offsets);
    this.#longKeys = moved(this.#longKeys);
    this.#ints = ints;
    this.#doubles = doubles;
    this.#keys = keys;
    this.#capacity = capacity;
    this.#head = 0;
  }
}
