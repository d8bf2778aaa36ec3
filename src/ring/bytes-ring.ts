/**
 * Encoded records back to back in shared memory, exactly as the log will hold them, so that a run of them goes to the file in one write.
 * A claim is contiguous: one that would cross the end starts at 0. The producer alone keeps the positions; the reader finds the bytes by
 * the descriptors, which also carry the hand-over. Written by a net thread, completed and read by append.
 */
import { assert } from '../base/assert.ts';
import { asRingPosition, type RingPosition } from '../base/units.ts';

/** Returned by {@link BytesRing.claim} when there is no room now. */
export const NO_ROOM = -1;

export class BytesRing {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly size: number;
  readonly #mask: number;
  /** Everything in [released, claimed) is in use or was skipped at the end of the memory. */
  #claimed = 0;
  #released = 0;

  static allocate(sizeBytes: number): SharedArrayBuffer {
    return new SharedArrayBuffer(sizeBytes);
  }

  constructor(memory: SharedArrayBuffer) {
    assert(Number.isInteger(Math.log2(memory.byteLength)), 'a ring size is a power of two');
    this.bytes = Buffer.from(memory);
    this.view = new DataView(memory);
    this.size = memory.byteLength;
    this.#mask = this.size - 1;
  }

  /**
   * Takes `length` contiguous bytes, at most half the ring, so that an empty ring always has room. Returns the position of the first, or
   * {@link NO_ROOM}.
   */
  claim(length: number): RingPosition | typeof NO_ROOM {
    assert(length > 0 && length * 2 <= this.size, 'a claim is not empty and fits half the ring');
    let start = this.#claimed;
    const toEnd = this.size - (start & this.#mask);
    if (length > toEnd) start += toEnd;
    if (start + length - this.#released > this.size) return NO_ROOM;
    this.#claimed = start + length;
    return asRingPosition(start);
  }

  /** Gives back everything before `upTo`, which is the end of an earlier claim that has not been given back yet. */
  release(upTo: RingPosition): void {
    assert(upTo >= this.#released && upTo <= this.#claimed, 'only claimed bytes are released');
    this.#released = upTo;
    if (upTo === this.#claimed) this.#startOver();
  }

  /**
   * An empty ring goes on at index 0: half of it is in one piece for the next claim, and under light load the same few pages stay in the
   * processor's cache (docs/decisions/0009).
   */
  #startOver(): void {
    const index = this.#claimed & this.#mask;
    if (index === 0) return;
    this.#claimed += this.size - index;
    this.#released = this.#claimed;
  }

  index(position: RingPosition): number {
    return position & this.#mask;
  }

  /** Bytes that are not free, those skipped at the end of the memory among them. */
  get usedBytes(): number {
    return this.#claimed - this.#released;
  }
}
