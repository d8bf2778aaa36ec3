/**
 * Requests on their way from one producer (a net thread) to append and their results on the way back, in the same 64-byte slots
 * (layout/request-descriptor.ts). The producer publishes once per chunk of a socket, append completes once per run; a slot is free again
 * when the producer has read its results.
 *
 * Positions only grow and are doubles; what crosses the threads are their low 32 bits, because an int32 atomic makes no BigInt. Both ends
 * are never further apart than the ring is long, so the difference of the low bits is the whole difference.
 */
import { assert } from '../base/assert.ts';
import { asRingPosition, type RingPosition } from '../base/units.ts';
import { DESCRIPTOR_SIZE_BYTES } from '../layout/request-descriptor.ts';
import { RingHead } from '../layout/shared-page.ts';

/** What both ends see of the memory. */
class DescriptorRing {
  /** Slot `i` begins at int32 `i * 16` and at double `i * 8`. */
  readonly ints: Int32Array;
  readonly doubles: Float64Array;
  protected readonly publishedCell: Int32Array;
  protected readonly completedCell: Int32Array;
  readonly slots: number;
  readonly #mask: number;

  constructor(memory: SharedArrayBuffer) {
    this.ints = new Int32Array(memory, RingHead.sizeBytes);
    this.doubles = new Float64Array(memory, RingHead.sizeBytes);
    this.publishedCell = new Int32Array(memory, RingHead.publishedAt, 1);
    this.completedCell = new Int32Array(memory, RingHead.completedAt, 1);
    this.slots = (memory.byteLength - RingHead.sizeBytes) / DESCRIPTOR_SIZE_BYTES;
    assert(Number.isInteger(Math.log2(this.slots)), 'a ring size is a power of two');
    this.#mask = this.slots - 1;
  }

  index(position: RingPosition): number {
    return position & this.#mask;
  }
}

export function allocateDescriptorRing(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer(RingHead.sizeBytes + slots * DESCRIPTOR_SIZE_BYTES);
}

/** The producer's end. Opened on a ring that has been used, it goes on where that stands. */
export class DescriptorRingProducer extends DescriptorRing {
  #claimed: number;
  #published: number;
  #completed: number;
  #freed: number;

  constructor(memory: SharedArrayBuffer) {
    super(memory);
    this.#completed = Atomics.load(this.completedCell, 0) >>> 0;
    this.#freed = this.#completed;
    this.#published = this.#completed + ((Atomics.load(this.publishedCell, 0) - this.#completed) | 0);
    this.#claimed = this.#published;
  }

  hasRoom(): boolean {
    return this.#claimed - this.#freed < this.slots;
  }

  /** Takes the next slot and returns its index. Call only when {@link hasRoom}. */
  claim(): number {
    assert(this.hasRoom(), 'a slot is claimed only when one is free');
    return this.index(asRingPosition(this.#claimed++));
  }

  /** Shows all claimed slots to the consumer. Returns false when there were none. */
  publish(): boolean {
    if (this.#published === this.#claimed) return false;
    this.#published = this.#claimed;
    Atomics.store(this.publishedCell, 0, this.#published | 0);
    return true;
  }

  /** Positions below this have results. */
  completed(): RingPosition {
    this.#completed += (Atomics.load(this.completedCell, 0) - this.#completed) | 0;
    return asRingPosition(this.#completed);
  }

  /** The results below `upTo` have been read. */
  free(upTo: RingPosition): void {
    assert(upTo >= this.#freed && upTo <= this.#completed, 'only slots with results are freed');
    this.#freed = upTo;
  }

  get claimed(): number {
    return this.#claimed;
  }
}

/** The consumer's end (append). Opened on a ring that has been used, it goes on where that stands. */
export class DescriptorRingConsumer extends DescriptorRing {
  #published: number;
  #consumed: number;

  constructor(memory: SharedArrayBuffer) {
    super(memory);
    this.#consumed = Atomics.load(this.completedCell, 0) >>> 0;
    this.#published = this.#consumed;
  }

  /** Positions below this have been handed over. */
  published(): RingPosition {
    this.#published += (Atomics.load(this.publishedCell, 0) - this.#published) | 0;
    return asRingPosition(this.#published);
  }

  get consumed(): RingPosition {
    return asRingPosition(this.#consumed);
  }

  /** The slots below `upTo` hold their results; the producer may read them from now on. */
  complete(upTo: RingPosition): void {
    if (upTo === this.#consumed) return;
    assert(
      upTo > this.#consumed && upTo <= this.#published,
      'results are given back in order, and only of what was handed over',
    );
    this.#consumed = upTo;
    Atomics.store(this.completedCell, 0, upTo | 0);
  }
}
