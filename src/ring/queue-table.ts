/**
 * All queues of the broker in one piece of shared memory: a row for each with its bounds and its newest entries, as the ConsumeQueue file
 * holds them. Dispatch writes, net and control read. A reader copies entries and then looks at the maximum again: dispatch publishes at
 * the latest after QUEUE_TAIL_UNPUBLISHED_MAX entries, so only entries that lie further back than the rest of the tail can have been
 * overwritten in the meantime.
 */
import { assert } from '../base/assert.ts';
import { QUEUE_SLOTS_MAX, QUEUE_TAIL_ENTRIES, QUEUE_TAIL_UNPUBLISHED_MAX } from '../base/limits.ts';
import { asQueueOffset, type LogOffset, type QueueOffset, type QueueSlot } from '../base/units.ts';
import { QUEUE_ENTRY_BYTES, writeQueueEntry } from '../layout/queue-entry.ts';
import { QueueRow } from '../layout/shared-page.ts';

/** Entries that are certainly whole, counted back from the published maximum. */
export const STABLE_ENTRIES = QUEUE_TAIL_ENTRIES - QUEUE_TAIL_UNPUBLISHED_MAX;

const ROW_LONGS = QueueRow.sizeBytes / BigInt64Array.BYTES_PER_ELEMENT;
const MAX = QueueRow.maxAt / BigInt64Array.BYTES_PER_ELEMENT;
const MIN = QueueRow.minAt / BigInt64Array.BYTES_PER_ELEMENT;
const FILED = QueueRow.filedAt / BigInt64Array.BYTES_PER_ELEMENT;

export class QueueTable {
  /** The whole table, for filing entries straight from a tail. */
  readonly bytes: Buffer;
  readonly slots: number;
  readonly #view: DataView;
  readonly #longs: BigInt64Array;

  static allocate(slots = QUEUE_SLOTS_MAX): SharedArrayBuffer {
    return new SharedArrayBuffer(slots * QueueRow.sizeBytes);
  }

  constructor(memory: SharedArrayBuffer) {
    this.bytes = Buffer.from(memory);
    this.#view = new DataView(memory);
    this.#longs = new BigInt64Array(memory);
    this.slots = memory.byteLength / QueueRow.sizeBytes;
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

  /** Byte position of an entry's place in the tail. Places of consecutive offsets follow each other up to the tail's end. */
  entryPosition(slot: QueueSlot, offset: QueueOffset): number {
    return slot * QueueRow.sizeBytes + QueueRow.entriesAt + (offset % QUEUE_TAIL_ENTRIES) * QUEUE_ENTRY_BYTES;
  }

  /** Dispatch: writes an entry that readers see after {@link publishMax}. */
  put(slot: QueueSlot, offset: QueueOffset, logOffset: LogOffset, size: number, tagsCode: number): void {
    writeQueueEntry(this.#view, this.entryPosition(slot, offset), logOffset, size, tagsCode);
  }

  /** Dispatch: all entries below `max` are written. */
  publishMax(slot: QueueSlot, max: QueueOffset): void {
    Atomics.store(this.#longs, slot * ROW_LONGS + MAX, BigInt(max));
  }

  setMin(slot: QueueSlot, min: QueueOffset): void {
    Atomics.store(this.#longs, slot * ROW_LONGS + MIN, BigInt(min));
  }

  setFiled(slot: QueueSlot, filed: QueueOffset): void {
    Atomics.store(this.#longs, slot * ROW_LONGS + FILED, BigInt(filed));
  }

  /**
   * Copies up to `count` entries from `from` on to `into` at `at`. Returns how many; 0 means that the tail does not hold `from` (any
   * more), or that nothing is there: take the file.
   */
  readTail(slot: QueueSlot, from: QueueOffset, count: number, into: Uint8Array, at: number): number {
    assert(count >= 0, 'a count is not negative');
    const before = this.max(slot);
    const wanted = Math.min(count, before - from);
    if (wanted <= 0 || from < before - STABLE_ENTRIES) return 0;
    for (let i = 0; i < wanted; i++) this.#copyEntry(slot, asQueueOffset(from + i), into, at + i * QUEUE_ENTRY_BYTES);
    const after = this.max(slot);
    return from < after - STABLE_ENTRIES ? 0 : wanted;
  }

  #copyEntry(slot: QueueSlot, offset: QueueOffset, into: Uint8Array, at: number): void {
    const position = this.entryPosition(slot, offset);
    for (let i = 0; i < QUEUE_ENTRY_BYTES; i++) into[at + i] = this.bytes[position + i]!;
  }
}
