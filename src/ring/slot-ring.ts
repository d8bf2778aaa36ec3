/**
 * A ring of queue slots from one writer to one reader: dispatch names the queues that grew to a net thread. When it is full the names are
 * dropped and the reader is told so by {@link SlotRing.takeOverflow}, so that it looks at everything; the writer never waits. Positions
 * wrap at 32 bits; only their differences count.
 */
import { asQueueSlot, type QueueSlot } from '../base/units.ts';
import { RingHead } from '../layout/shared-page.ts';

const SLOTS = 8192;
const MASK = SLOTS - 1;

const PUBLISHED = 0;
const OVERFLOWED = 1;
const CONSUMED = 0;

export function allocateSlotRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(RingHead.sizeBytes + SLOTS * Int32Array.BYTES_PER_ELEMENT);
}

/** Either end: a thread uses the writer's or the reader's half of an object of its own. */
export class SlotRing {
  readonly #cells: Int32Array;
  /** On the writer's line; the overflow flag is taken back by the reader. */
  readonly #writer: Int32Array;
  readonly #reader: Int32Array;
  /** Where this end stands. */
  #position = 0;
  /** How far the writer knows the reader to be. */
  #consumedSeen = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory, RingHead.sizeBytes, SLOTS);
    this.#writer = new Int32Array(memory, RingHead.publishedAt, 2);
    this.#reader = new Int32Array(memory, RingHead.completedAt, 1);
  }

  /** Writer: adds a name; seen by the reader after {@link publish}. */
  push(slot: QueueSlot): void {
    if (!this.#hasRoom()) {
      Atomics.store(this.#writer, OVERFLOWED, 1);
      return;
    }
    this.#cells[this.#position & MASK] = slot;
    this.#position = (this.#position + 1) | 0;
  }

  /** Looks at the reader's line only when the ring seems full. */
  #hasRoom(): boolean {
    if (((this.#position - this.#consumedSeen) | 0) < SLOTS) return true;
    this.#consumedSeen = Atomics.load(this.#reader, CONSUMED);
    return ((this.#position - this.#consumedSeen) | 0) < SLOTS;
  }

  publish(): void {
    Atomics.store(this.#writer, PUBLISHED, this.#position);
  }

  /** Reader: calls `each` for all published names and returns how many there were. */
  drain(each: (slot: QueueSlot) => void): number {
    const end = Atomics.load(this.#writer, PUBLISHED);
    const count = (end - this.#position) | 0;
    for (let i = 0; i < count; i++) each(asQueueSlot(this.#cells[(this.#position + i) & MASK]!));
    this.#position = end;
    if (count > 0) Atomics.store(this.#reader, CONSUMED, end);
    return count;
  }

  /** Reader: no names, and none were lost. */
  isEmpty(): boolean {
    return Atomics.load(this.#writer, PUBLISHED) === this.#position && Atomics.load(this.#writer, OVERFLOWED) === 0;
  }

  /** Reader: true once after names were lost. Whatever they would have named had been published before; look at everything now. */
  takeOverflow(): boolean {
    return Atomics.load(this.#writer, OVERFLOWED) === 1 && Atomics.exchange(this.#writer, OVERFLOWED, 0) === 1;
  }
}
