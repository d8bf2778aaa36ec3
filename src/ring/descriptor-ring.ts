/**
 * Requests on their way from one producer (a net thread) to append and their results on the way back, in the same 64-byte slots
 * (layout/request-descriptor.ts). The producer publishes once per chunk of a socket, append completes once per run; a slot is free again
 * when the producer has read its results.
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
  protected readonly publishedCell: BigInt64Array;
  protected readonly completedCell: BigInt64Array;
  protected readonly slots: number;
  readonly #mask: number;

  constructor(memory: SharedArrayBuffer) {
    this.ints = new Int32Array(memory, RingHead.sizeBytes);
    this.doubles = new Float64Array(memory, RingHead.sizeBytes);
    this.publishedCell = new BigInt64Array(memory, RingHead.publishedAt, 1);
    this.completedCell = new BigInt64Array(memory, RingHead.completedAt, 1);
    this.slots = (memory.byteLength - RingHead.sizeBytes) / DESCRIPTOR_SIZE_BYTES;
    this.#mask = this.slots - 1;
  }

  index(position: RingPosition): number {
    return position & this.#mask;
  }
}

export function allocateDescriptorRing(slots: number): SharedArrayBuffer {
  assert(Number.isInteger(Math.log2(slots)), 'a ring size is a power of two');
  return new SharedArrayBuffer(RingHead.sizeBytes + slots * DESCRIPTOR_SIZE_BYTES);
}

/** The producer's end. */
export class DescriptorRingProducer extends DescriptorRing {
  #claimed = 0;
  #published = 0;
  #freed = 0;

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
    Atomics.store(this.publishedCell, 0, BigInt(this.#published));
    return true;
  }

  /** Positions below this have results. */
  completed(): RingPosition {
    return asRingPosition(Number(Atomics.load(this.completedCell, 0)));
  }

  /** The results below `upTo` have been read. */
  free(upTo: RingPosition): void {
    assert(upTo >= this.#freed && upTo <= this.#published, 'only published slots are freed');
    this.#freed = upTo;
  }

  get claimed(): number {
    return this.#claimed;
  }
}

/** The consumer's end (append). */
export class DescriptorRingConsumer extends DescriptorRing {
  #consumed = 0;

  published(): RingPosition {
    return asRingPosition(Number(Atomics.load(this.publishedCell, 0)));
  }

  get consumed(): RingPosition {
    return asRingPosition(this.#consumed);
  }

  /** The slots below `upTo` hold their results; the producer may read them from now on. */
  complete(upTo: RingPosition): void {
    if (upTo === this.#consumed) return;
    assert(upTo > this.#consumed, 'results are given back in order');
    this.#consumed = upTo;
    Atomics.store(this.completedCell, 0, BigInt(upTo));
  }
}
