/**
 * Checks one index file by itself: the header against the entries, and whether the slots and chains lead to every entry. The chains are
 * built again in memory, entry by entry, and compared: each entry must name the one before it in its slot. Whether the entries are those of
 * the log's records is the business of verify-keys.ts. Called by verify-task.ts, one file at a time.
 */
import { counted } from '../base/counted.ts';
import {
  FIRST_INDEX_ENTRY,
  INDEX_ENTRY_BYTES,
  INDEX_SLOT_BYTES,
  indexEntryKeyHash,
  indexEntryLogOffset,
  indexEntryPosition,
  indexEntryPrevious,
  indexEntrySeconds,
  indexSlotPosition,
  readIndexSlot,
} from '../layout/index-file.ts';
import { type Disk, type DiskFile, openUnlessGone } from './disk.ts';
import { EntryAdder, type EntrySum } from './entry-sum.ts';
import type { IndexFileHead } from './verify-keys.ts';

const CHUNK_ENTRIES = 16_384;
const CHUNK_SLOTS = 65_536;

export interface IndexFileResult {
  readonly path: string;
  /** One line for each thing that the header says wrongly. */
  readonly headerProblems: readonly string[];
  /** Entries that no chain reaches, or slots that lead elsewhere. */
  readonly chainFaults: number;
  readonly firstChainFault: string;
  readonly entries: EntrySum;
}

export function verifyIndexFile(disk: Disk, head: IndexFileHead): IndexFileResult {
  const file = openUnlessGone(disk, head.path);
  if (file === null) {
    const entries = { count: 0, sum: 0 };
    return { path: head.path, headerProblems: [], chainFaults: 0, firstChainFault: '', entries };
  }
  try {
    return new IndexCheck(file, head).run();
  } finally {
    file.close();
  }
}

class IndexCheck {
  readonly #file: DiskFile;
  readonly #head: IndexFileHead;
  /** Newest entry of each slot so far. */
  readonly #slots: Int32Array;
  readonly #problems: string[] = [];
  readonly #sum = new EntryAdder();
  #usedSlots = 0;
  #chainFaults = 0;
  #firstChainFault = '';

  constructor(file: DiskFile, head: IndexFileHead) {
    this.#file = file;
    this.#head = head;
    this.#slots = new Int32Array(head.shape.slots);
  }

  run(): IndexFileResult {
    const { header, shape, path } = this.#head;
    if (header.nextEntry > shape.entries)
      this.#problems.push(`it counts ${counted(header.nextEntry, 'entry', 'entries')} of ${shape.entries}`);
    this.#walkEntries(Math.min(header.nextEntry, shape.entries));
    if (this.#usedSlots !== header.usedSlots) {
      this.#problems.push(`it counts ${counted(header.usedSlots, 'slot')} in use, not ${this.#usedSlots}`);
    }
    this.#compareSlots();
    return {
      path,
      headerProblems: this.#problems,
      chainFaults: this.#chainFaults,
      firstChainFault: this.#firstChainFault,
      entries: { count: this.#sum.count, sum: this.#sum.sum },
    };
  }

  #walkEntries(end: number): void {
    const bytes = new Uint8Array(CHUNK_ENTRIES * INDEX_ENTRY_BYTES);
    const view = new DataView(bytes.buffer);
    const { shape, header } = this.#head;
    let last = -1;
    for (let first = FIRST_INDEX_ENTRY; first < end; first += CHUNK_ENTRIES) {
      const count = Math.min(CHUNK_ENTRIES, end - first);
      this.#file.read(bytes, 0, count * INDEX_ENTRY_BYTES, indexEntryPosition(shape, first));
      for (let i = 0; i < count; i++) this.#takeEntry(view, i * INDEX_ENTRY_BYTES, first + i);
      if (first === FIRST_INDEX_ENTRY && indexEntryLogOffset(view, 0) !== header.beginLogOffset) {
        this.#problems.push(
          `it begins with the record at ${header.beginLogOffset}, the first entry with ${indexEntryLogOffset(view, 0)}`,
        );
      }
      last = indexEntryLogOffset(view, (count - 1) * INDEX_ENTRY_BYTES);
    }
    if (end > FIRST_INDEX_ENTRY && last !== header.endLogOffset) {
      this.#problems.push(`it ends with the record at ${header.endLogOffset}, the last entry with ${last}`);
    }
  }

  #takeEntry(view: DataView, at: number, entry: number): void {
    const keyHash = indexEntryKeyHash(view, at);
    this.#sum.addIndexEntry(keyHash, indexEntryLogOffset(view, at), indexEntrySeconds(view, at));
    const slot = keyHash % this.#head.shape.slots;
    if (slot < 0) {
      this.#fault(`entry ${entry} has the hash ${keyHash}`);
      return;
    }
    const before = this.#slots[slot]!;
    const previous = indexEntryPrevious(view, at);
    if (previous !== before) this.#fault(`entry ${entry} names ${previous} as the one before it, that is ${before}`);
    if (before === 0) this.#usedSlots++;
    this.#slots[slot] = entry;
  }

  #compareSlots(): void {
    const bytes = new Uint8Array(CHUNK_SLOTS * INDEX_SLOT_BYTES);
    const view = new DataView(bytes.buffer);
    const { slots } = this.#head.shape;
    for (let first = 0; first < slots; first += CHUNK_SLOTS) {
      const count = Math.min(CHUNK_SLOTS, slots - first);
      this.#file.read(bytes, 0, count * INDEX_SLOT_BYTES, indexSlotPosition(first));
      for (let i = 0; i < count; i++) {
        const newest = readIndexSlot(view, i * INDEX_SLOT_BYTES);
        const expected = this.#slots[first + i]!;
        if (newest !== expected) this.#fault(`slot ${first + i} leads to entry ${newest}, its newest is ${expected}`);
      }
    }
  }

  #fault(what: string): void {
    if (this.#chainFaults++ === 0) this.#firstChainFault = what;
  }
}
