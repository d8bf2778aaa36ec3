/**
 * The body of a benchmark message (src/bench). What varies stands at the end, so that the checksum over the whole body goes on from the
 * checksum of the filler, which is computed once for a template.
 *
 * ```
 *  0                 size - 32
 *  | filler          | magic | stamp | lane | sequence | intended | spare | checksum |
 *  |                 | i32   | i32   | i32  | i32      | f64      | i32   | i32      |
 * ```
 *
 * `stamp` names the phase of the run, `lane` the sender (one request at a time), `sequence` counts the lane's messages from 0, `intended`
 * is the monotonic time in microseconds at which the message was to be sent. The checksum is CRC-32 over everything before it.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../base/assert.ts';

/** Positions from the first byte of the tail. */
const TailAt = { magic: 0, stamp: 4, lane: 8, sequence: 12, intended: 16, spare: 24, checksum: 28 } as const;
const TAIL_BYTES = 32;
export const BENCH_BODY_MIN_BYTES = TAIL_BYTES;
const BENCH_MAGIC = 0x62656e63;

assert(TailAt.checksum + 4 === TAIL_BYTES, 'the checksum ends the body');

/** A body whose tail is still to be written; `filler` bytes before the tail stay as they are. */
export class BenchBodyWriter {
  readonly #view: DataView;
  readonly #tailAt: number;
  readonly #summed: Uint8Array;
  readonly #fillerChecksum: number;

  /** The body is `bytes[start, end)`. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    assert(end - start >= BENCH_BODY_MIN_BYTES, 'a benchmark body has room for its tail');
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#tailAt = end - TAIL_BYTES;
    this.#summed = bytes.subarray(this.#tailAt, this.#tailAt + TailAt.checksum);
    this.#fillerChecksum = crc32(bytes.subarray(start, this.#tailAt));
    this.#view.setInt32(this.#tailAt + TailAt.magic, BENCH_MAGIC);
    this.#view.setInt32(this.#tailAt + TailAt.spare, 0);
  }

  write(stamp: number, lane: number, sequence: number, intendedUs: number): void {
    const view = this.#view;
    const at = this.#tailAt;
    view.setInt32(at + TailAt.stamp, stamp);
    view.setInt32(at + TailAt.lane, lane);
    view.setInt32(at + TailAt.sequence, sequence);
    view.setFloat64(at + TailAt.intended, intendedUs);
    view.setUint32(at + TailAt.checksum, crc32(this.#summed, this.#fillerChecksum));
  }
}

/** Reads bodies without an object per message: {@link BenchBody.load} moves it. */
export class BenchBody {
  stamp = 0;
  lane = 0;
  sequence = 0;
  intendedUs = 0;
  /** CRC-32 of the whole body, which a record holds too (there without its sign bit). */
  crc = 0;

  /** The body in `bytes[start, end)`; `view` is of the same memory. False when it is not one that was written whole. */
  load(view: DataView, bytes: Uint8Array, start: number, end: number): boolean {
    const at = end - TAIL_BYTES;
    if (at < start || view.getInt32(at + TailAt.magic) !== BENCH_MAGIC) return false;
    const checksumAt = at + TailAt.checksum;
    const checksum = crc32(bytes.subarray(start, checksumAt));
    if (view.getUint32(checksumAt) !== checksum) return false;
    // Goes on where the other ended: a second pass over the body would double the cost of verifying.
    this.crc = crc32(bytes.subarray(checksumAt, end), checksum);
    this.stamp = view.getInt32(at + TailAt.stamp);
    this.lane = view.getInt32(at + TailAt.lane);
    this.sequence = view.getInt32(at + TailAt.sequence);
    this.intendedUs = view.getFloat64(at + TailAt.intended);
    return true;
  }
}
