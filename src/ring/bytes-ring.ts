/**
 * Encoded records back to back in shared memory, exactly as the log will hold them, so that a run of them goes to the file in one write.
 * A claim is contiguous: one that would cross the end starts at 0. The producer alone keeps the positions; the reader finds the bytes by
 * the descriptors. Written by a net thread, patched and read by append.
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
  #claimed = 0;
  #released = 0;

  static allocate(sizeBytes: number): SharedArrayBuffer {
    assert(Number.isInteger(Math.log2(sizeBytes)), 'a ring size is a power of two');
    return new SharedArrayBuffer(sizeBytes);
  }

  constructor(memory: SharedArrayBuffer) {
    this.bytes = Buffer.from(memory);
    this.view = new DataView(memory);
    this.size = memory.byteLength;
    this.#mask = this.size - 1;
  }

  /** Takes `length` contiguous bytes; the position of the first, or {@link NO_ROOM}. */
  claim(length: number): RingPosition | typeof NO_ROOM {
    let start = this.#claimed;
    const toEnd = this.size - (start & this.#mask);
    if (length > toEnd) start += toEnd;
    if (start + length - this.#released > this.size) return NO_ROOM;
    this.#claimed = start + length;
    return asRingPosition(start);
  }

  /** Gives back everything before `upTo`, which is the end of an earlier claim. */
  release(upTo: RingPosition): void {
    assert(upTo >= this.#released && upTo <= this.#claimed, 'only claimed bytes are released');
    // An empty ring starts over at a multiple of its size, so that the next claim has the whole ring in one piece.
    this.#released = upTo === this.#claimed ? this.#rewind() : upTo;
  }

  #rewind(): number {
    const used = this.#claimed & this.#mask;
    if (used > this.size / 2) this.#claimed += this.size - used;
    return this.#claimed;
  }

  index(position: RingPosition): number {
    return position & this.#mask;
  }

  get usedBytes(): number {
    return this.#claimed - this.#released;
  }
}
