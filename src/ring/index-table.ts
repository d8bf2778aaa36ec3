/**
 * The newest file of the key index as it is shared: its hash slots, its newest entries and its bounds. Dispatch writes, control reads for
 * queries; what is older is in the file. A file that is full makes room for the next, so the same memory stands for another file then.
 *
 * Entries and slots are plain memory and become whole with {@link publish}: a reader that meets an entry number beyond the published one
 * looks again. An entry is given up for another only when it is in the file and `filed` says so: who has copied one and still finds
 * it not filed has copied the right one. The sequence is odd while the file changes; one that has moved makes the whole look void.
 * The fences are those of queue-table.ts: a load behind the writer's store, a store before the reader's load.
 */
import { assert } from '../base/assert.ts';
import { INDEX_TAIL_ENTRIES } from '../base/limits.ts';
import {
  INDEX_ENTRY_BYTES,
  INDEX_SLOT_BYTES,
  type IndexHeader,
  writeIndexEntry,
  writeIndexEntryPrevious,
} from '../layout/index-file.ts';
import { IndexTableAt } from '../layout/shared-page.ts';

/** Entries that are linked at once. */
const LINK_ENTRIES = 256;

const TAIL_MASK = INDEX_TAIL_ENTRIES - 1;
const LONG = BigInt64Array.BYTES_PER_ELEMENT;
const INT = Int32Array.BYTES_PER_ELEMENT;

const SEQUENCE = IndexTableAt.sequence / INT;
const NEXT_ENTRY = IndexTableAt.nextEntry / INT;
const FILED = IndexTableAt.filed / INT;
const NAME = IndexTableAt.name / LONG;
const BEGIN_TIMESTAMP = IndexTableAt.beginTimestamp / LONG;
const END_TIMESTAMP = IndexTableAt.endTimestamp / LONG;
const BEGIN_LOG_OFFSET = IndexTableAt.beginLogOffset / LONG;
const END_LOG_OFFSET = IndexTableAt.endLogOffset / LONG;
const HEAD_LONGS = IndexTableAt.entries / LONG;

/** What of a header the table shows; the number of used slots is the writer's own. */
export type IndexBounds = Omit<IndexHeader, 'usedSlots'>;

export class IndexTable {
  readonly slots: number;
  /** The whole table, for writing slots and entries to the file straight from it. */
  readonly bytes: Buffer;
  readonly #view: DataView;
  readonly #ints: Int32Array;
  readonly #longs: BigInt64Array;
  /** Big-endian, as the file has them: read and write them {@link turned}. */
  readonly #slots: Int32Array;
  /** Slots of the entries that are not linked yet, in their order. */
  readonly #waitingSlots = new Int32Array(LINK_ENTRIES);
  readonly #foundSlots = new Int32Array(LINK_ENTRIES);
  #firstWaiting = 0;
  #waiting = 0;
  #firsts = 0;
  /** Private to this thread: only the order that an atomic operation on it makes is wanted. */
  readonly #fence = new Int32Array(1);

  static allocate(slots: number): SharedArrayBuffer {
    return new SharedArrayBuffer(IndexTableAt.slots + slots * INDEX_SLOT_BYTES);
  }

  constructor(memory: SharedArrayBuffer) {
    this.slots = (memory.byteLength - IndexTableAt.slots) / INDEX_SLOT_BYTES;
    this.bytes = Buffer.from(memory);
    this.#view = new DataView(memory);
    this.#ints = new Int32Array(memory, 0, IndexTableAt.entries / INT);
    this.#longs = new BigInt64Array(memory, 0, HEAD_LONGS);
    this.#slots = new Int32Array(memory, IndexTableAt.slots, this.slots);
  }

  /** Even while the table stands for one file; 0 before there is any. */
  sequence(): number {
    return Atomics.load(this.#ints, SEQUENCE);
  }

  /** True when the file has changed since `sequence`, so that what was read in between is of no use. */
  hasMoved(sequence: number): boolean {
    Atomics.store(this.#fence, 0, 0);
    return Atomics.load(this.#ints, SEQUENCE) !== sequence;
  }

  /** The name of the file, a number of 17 digits. */
  name(): bigint {
    return Atomics.load(this.#longs, NAME);
  }

  bounds(): IndexBounds {
    return {
      beginTimestamp: this.#long(BEGIN_TIMESTAMP),
      endTimestamp: this.#long(END_TIMESTAMP),
      beginLogOffset: this.#long(BEGIN_LOG_OFFSET),
      endLogOffset: this.#long(END_LOG_OFFSET),
      nextEntry: this.nextEntry(),
    };
  }

  /** Entries below this one are whole. */
  nextEntry(): number {
    return Atomics.load(this.#ints, NEXT_ENTRY);
  }

  /** Number of the newest entry of a slot, 0 without one. */
  slot(slot: number): number {
    return turned(Atomics.load(this.#slots, slot));
  }

  /** Copies an entry to `into`. False when it has left the table: take the file. */
  readEntry(entry: number, into: Uint8Array): boolean {
    const from = entryPosition(entry);
    this.bytes.copy(into, 0, from, from + INDEX_ENTRY_BYTES);
    Atomics.store(this.#fence, 0, 0);
    return entry >= Atomics.load(this.#ints, FILED);
  }

  /** Dispatch: from here on the table stands for another file, or for what was found of it; its slots are set by {@link loadSlots}. */
  begin(name: bigint, bounds: IndexBounds): void {
    const isUsed = this.sequence() > 0;
    Atomics.store(this.#ints, SEQUENCE, this.sequence() | 1);
    Atomics.load(this.#fence, 0);
    Atomics.store(this.#longs, NAME, name);
    // Memory that nobody has written to is zero, and costs nothing as long as nobody does.
    if (isUsed) this.#slots.fill(0);
    this.publish(bounds);
    this.setFiled(bounds.nextEntry);
  }

  /** Dispatch: the table is whole again. */
  ready(): void {
    Atomics.store(this.#ints, SEQUENCE, this.sequence() + 1);
  }

  /** Dispatch: writes a new entry, the one behind the last. It is linked to its slot with others, at the latest by {@link link}. */
  put(slot: number, entry: number, keyHash: number, logOffset: number, seconds: number): void {
    if (this.#waiting === LINK_ENTRIES) this.#linkWaiting();
    writeIndexEntry(this.#view, entryPosition(entry), keyHash, logOffset, seconds, 0);
    if (this.#waiting === 0) this.#firstWaiting = entry;
    this.#waitingSlots[this.#waiting++] = slot;
  }

  /** Dispatch: all that was put is linked. Returns how many slots have got their first entry since the last call. */
  link(): number {
    this.#linkWaiting();
    const firsts = this.#firsts;
    this.#firsts = 0;
    return firsts;
  }

  #linkWaiting(): void {
    const slots = this.#slots;
    const waiting = this.#waitingSlots;
    const found = this.#foundSlots;
    const count = this.#waiting;
    // Slots are all over the memory: when all are asked for first, their ways from there overlap.
    for (let i = 0; i < count; i++) found[i] = slots[waiting[i]!]!;
    for (let i = 0; i < count; i++) {
      const slot = waiting[i]!;
      const entry = this.#firstWaiting + i;
      // Not what was found above: an entry before this one may have the same slot.
      const previous = slots[slot]!;
      if (previous === 0) this.#firsts++;
      else writeIndexEntryPrevious(this.#view, entryPosition(entry), turned(previous));
      slots[slot] = turned(entry);
    }
    this.#waiting = 0;
  }

  /** Dispatch: readers may see the entries below `nextEntry`. */
  publish(bounds: IndexBounds): void {
    Atomics.store(this.#longs, BEGIN_TIMESTAMP, BigInt(bounds.beginTimestamp));
    Atomics.store(this.#longs, BEGIN_LOG_OFFSET, BigInt(bounds.beginLogOffset));
    Atomics.store(this.#longs, END_TIMESTAMP, BigInt(bounds.endTimestamp));
    Atomics.store(this.#longs, END_LOG_OFFSET, BigInt(bounds.endLogOffset));
    Atomics.store(this.#ints, NEXT_ENTRY, bounds.nextEntry);
  }

  /** Dispatch: entries below this one are in the file, and their places may be given to others. */
  setFiled(entry: number): void {
    Atomics.store(this.#ints, FILED, entry);
    Atomics.load(this.#fence, 0);
  }

  /** Byte position of an entry in {@link bytes}; consecutive ones follow each other up to {@link entriesToWrap}. */
  entryPosition(entry: number): number {
    return entryPosition(entry);
  }

  /** How many entries from this one on follow each other in {@link bytes}. */
  entriesToWrap(entry: number): number {
    return INDEX_TAIL_ENTRIES - (entry & TAIL_MASK);
  }

  /** Byte position of a slot in {@link bytes}, where slots follow each other as they do in the file. */
  slotPosition(slot: number): number {
    return IndexTableAt.slots + slot * INDEX_SLOT_BYTES;
  }

  /** Sets slots to what the file holds. */
  loadSlots(first: number, count: number, from: Buffer): void {
    const part = from.subarray(0, count * INDEX_SLOT_BYTES);
    assert(first + count <= this.slots, 'the table has the slots of its files');
    // A slot that nobody has used is zero already: memory that is not touched costs nothing.
    if (isZero(part)) return;
    part.copy(this.bytes, this.slotPosition(first));
  }

  #long(index: number): number {
    return Number(Atomics.load(this.#longs, index));
  }
}

function entryPosition(entry: number): number {
  return IndexTableAt.entries + (entry & TAIL_MASK) * INDEX_ENTRY_BYTES;
}

/** From big-endian to this machine's byte order, or back. */
function turned(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

const ZEROS = Buffer.alloc(256 * 1024);

function isZero(bytes: Buffer): boolean {
  assert(bytes.length <= ZEROS.length, 'slots are loaded in pieces');
  return bytes.equals(ZEROS.subarray(0, bytes.length));
}
