/**
 * All queues of the broker in one piece of shared memory: a row for each with its bounds and its newest entries, as the ConsumeQueue file
 * holds them. Dispatch writes, net and control read. A reader copies entries and then looks at the maximum again: dispatch publishes at
 * the latest after QUEUE_TAIL_UNPUBLISHED_MAX entries, so only entries that lie further back than the rest of the tail can have been
 * overwritten in the meantime.
 *
 * That argument needs two orders that an atomic operation alone does not give on a weakly ordered machine (ARM): the entries put after a
 * maximum become visible after it, and the copied entries are read before the maximum is read again. An atomic store keeps what comes
 * before it and an atomic load what comes after it, and the two are never swapped: so the writer follows its store with a load, and the
 * reader puts a store before its load.
 */
import { assert } from '../base/assert.ts';
import { QUEUE_SLOTS_MAX, QUEUE_TAIL_ENTRIES, QUEUE_TAIL_UNPUBLISHED_MAX } from '../base/limits.ts';
import { asQueueOffset, type LogOffset, type QueueOffset, type QueueSlot } from '../base/units.ts';
import { QUEUE_ENTRY_BYTES, QueueEntryAt, writeQueueEntry } from '../layout/queue-entry.ts';
import { QUEUE_GENERATION_BYTES, QueueRow } from '../layout/shared-page.ts';

/** Entries that are certainly whole, counted back from the published maximum. */
export const STABLE_ENTRIES = QUEUE_TAIL_ENTRIES - QUEUE_TAIL_UNPUBLISHED_MAX;

const TAIL_MASK = QUEUE_TAIL_ENTRIES - 1;
const ROW_LONGS = QueueRow.sizeBytes / BigInt64Array.BYTES_PER_ELEMENT;
const MAX = QueueRow.maxAt / BigInt64Array.BYTES_PER_ELEMENT;
const MIN = QueueRow.minAt / BigInt64Array.BYTES_PER_ELEMENT;
const FILED = QueueRow.filedAt / BigInt64Array.BYTES_PER_ELEMENT;
const ROW_AND_GENERATION_BYTES = QueueRow.sizeBytes + QUEUE_GENERATION_BYTES;

assert((QUEUE_TAIL_ENTRIES & TAIL_MASK) === 0, 'the place of an entry is its offset & mask');

export class QueueTable {
  /** The whole table, for filing entries straight from a tail. */
  readonly bytes: Buffer;
  readonly slots: number;
  readonly #view: DataView;
  readonly #longs: BigInt64Array;
  readonly #generations: Int32Array;
  /** Private to this thread: only the order that an atomic operation on it makes is wanted. */
  readonly #fence = new Int32Array(1);

  static allocate(slots = QUEUE_SLOTS_MAX): SharedArrayBuffer {
    return new SharedArrayBuffer(slots * ROW_AND_GENERATION_BYTES);
  }

  constructor(memory: SharedArrayBuffer) {
    this.bytes = Buffer.from(memory);
    this.#view = new DataView(memory);
    this.slots = memory.byteLength / ROW_AND_GENERATION_BYTES;
    this.#longs = new BigInt64Array(memory, 0, this.slots * ROW_LONGS);
    this.#generations = new Int32Array(memory, this.slots * QueueRow.sizeBytes, this.slots);
  }

  /** Offset of the queue's next message, as far as readers may see. */
  max(slot: QueueSlot): QueueOffset {
    return asQueueOffset(Number(Atomics.load(this.#longs, slot * ROW_LONGS + MAX)));
  }

  /** Offset of the queue's first message. */
  min(slot: QueueSlot): QueueOffset {
    return asQueueOffset(Number(Atomics.load(this.#longs, slot * ROW_LONGS + MIN)));
  }

  /** Entries below this are in the ConsumeQueue file. */
  filed(slot: QueueSlot): QueueOffset {
    return asQueueOffset(Number(Atomics.load(this.#longs, slot * ROW_LONGS + FILED)));
  }

  /** How often the queue's topic has been deleted; a request that was checked against an older generation is refused. */
  generation(slot: QueueSlot): number {
    return Atomics.load(this.#generations, slot);
  }

  /** Control: the queue's topic is deleted. Returns the new generation. */
  nextGeneration(slot: QueueSlot): number {
    return Atomics.add(this.#generations, slot, 1) + 1;
  }

  /** Byte position of an entry's place in the tail. Places of consecutive offsets follow each other up to the tail's end. */
  entryPosition(slot: QueueSlot, offset: QueueOffset): number {
    return slot * QueueRow.sizeBytes + QueueRow.entriesAt + (offset & TAIL_MASK) * QUEUE_ENTRY_BYTES;
  }

  /** Dispatch: writes an entry that readers see after {@link publishMax}. */
  put(slot: QueueSlot, offset: QueueOffset, logOffset: LogOffset, size: number, tagsCode: number): void {
    writeQueueEntry(this.#view, this.entryPosition(slot, offset), logOffset, size, tagsCode);
  }

  /** Dispatch: all entries below `max` are written. Owed at the latest after QUEUE_TAIL_UNPUBLISHED_MAX of them. */
  publishMax(slot: QueueSlot, max: QueueOffset): void {
    Atomics.store(this.#longs, slot * ROW_LONGS + MAX, BigInt(max));
    Atomics.load(this.#fence, 0);
  }

  setMin(slot: QueueSlot, min: QueueOffset): void {
    Atomics.store(this.#longs, slot * ROW_LONGS + MIN, BigInt(min));
  }

  setFiled(slot: QueueSlot, filed: QueueOffset): void {
    Atomics.store(this.#longs, slot * ROW_LONGS + FILED, BigInt(filed));
  }

  /**
   * Copies up to `count` entries from `from` on to `into` at `at`. Returns how many; 0 means that the tail does not hold `from` (any
   * more, or since the start), or that nothing is there: take the file, which holds everything below {@link filed}.
   */
  readTail(slot: QueueSlot, from: QueueOffset, count: number, into: Uint8Array, at: number): number {
    const before = this.max(slot);
    const wanted = Math.min(count, before - from);
    if (wanted <= 0 || from < before - STABLE_ENTRIES) return 0;
    assert(at + wanted * QUEUE_ENTRY_BYTES <= into.length, 'the entries fit');
    const first = this.entryPosition(slot, from);
    const toWrap = QUEUE_TAIL_ENTRIES - (from & TAIL_MASK);
    if (wanted <= toWrap) {
      this.bytes.copy(into, at, first, first + wanted * QUEUE_ENTRY_BYTES);
    } else {
      const firstBytes = toWrap * QUEUE_ENTRY_BYTES;
      const start = slot * QueueRow.sizeBytes + QueueRow.entriesAt;
      this.bytes.copy(into, at, first, first + firstBytes);
      this.bytes.copy(into, at + firstBytes, start, start + (wanted - toWrap) * QUEUE_ENTRY_BYTES);
    }
    Atomics.store(this.#fence, 0, 0);
    return from < this.max(slot) - STABLE_ENTRIES || isUnwritten(into, at) ? 0 : wanted;
  }
}

/**
 * A queue that was there when the broker started has a maximum but an empty tail. Entries are written in order and a record has a size,
 * so the first copied entry tells whether all were written.
 */
function isUnwritten(entries: Uint8Array, at: number): boolean {
  const size = at + QueueEntryAt.size;
  return (entries[size]! | entries[size + 1]! | entries[size + 2]! | entries[size + 3]!) === 0;
}
