/**
 * A ring of queue slots from one writer to one reader: dispatch names the queues that grew to a net thread. When it is full the names are
 * dropped and the reader is told so by {@link SlotRing.takeOverflow}, so that it looks at everything; the writer never waits.
 */
import { asQueueSlot, type QueueSlot } from '../base/units.ts';
import { RingHead } from '../layout/shared-page.ts';

const SLOTS = 8192;

export function allocateSlotRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(RingHead.sizeBytes + SLOTS * Int32Array.BYTES_PER_ELEMENT);
}

export class SlotRing {
  readonly #cells: Int32Array;
  /** [0] published position, [1] overflow flag; on the writer's line. */
  readonly #writer: Int32Array;
  /** [0] consumed position; on the reader's line. */
  readonly #reader: Int32Array;
  #position = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory, RingHead.sizeBytes, SLOTS);
    this.#writer = new Int32Array(memory, RingHead.publishedAt, 2);
    this.#reader = new Int32Array(memory, RingHead.completedAt, 1);
  }

  /** Writer: adds a name; seen by the reader after {@link publish}. */
  push(slot: QueueSlot): void {
    if (((this.#position - Atomics.load(this.#reader, 0)) | 0) >= SLOTS) {
      Atomics.store(this.#writer, 1, 1);
      return;
    }
    this.#cells[this.#position & (SLOTS - 1)] = slot;
    this.#position = (this.#position + 1) | 0;
  }

  publish(): void {
    Atomics.store(this.#writer, 0, this.#position);
  }

  /** Reader: calls `each` for all published names and returns how many there were. */
  drain(each: (slot: QueueSlot) => void): number {
    const end = Atomics.load(this.#writer, 0);
    const count = (end - this.#position) | 0;
    for (let i = 0; i < count; i++) each(asQueueSlot(this.#cells[(this.#position + i) & (SLOTS - 1)]!));
    this.#position = end;
    if (count > 0) Atomics.store(this.#reader, 0, end);
    return count;
  }

  /** Reader: true once after names were lost. */
  takeOverflow(): boolean {
    return Atomics.load(this.#writer, 1) === 1 && Atomics.exchange(this.#writer, 1, 0) === 1;
  }
}
