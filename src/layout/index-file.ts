/**
 * A file of the key index (spec/store.md 9.1): finds messages by topic and key. A header, a table of hash slots, and entries in the order
 * in which they were put. A slot holds the number of its newest entry, each entry that of the one before it in the slot; numbers begin at
 * 1, and 0 says that there is none.
 *
 * ```
 *  0        8        16          24          32         36        40            40 + 4 * slots
 *  | begin  | end    | begin log | end log   | used     | next    | slot i32 ... | entry 0 | entry 1 ...
 *  | ms i64 | ms i64 | offset i64| offset i64| slots i32| entry   |              | unused  |
 *                                                         i32
 *  an entry:  0               4                12              16               20
 *             | key hash i32  | log offset i64 | seconds i32   | entry before   |
 *                                                since begin     in slot i32
 * ```
 */
import { assert } from '../base/assert.ts';
import { readInt64, writeInt64 } from '../base/int64.ts';
import { javaHashCode } from '../base/java-hash.ts';

const HeaderAt = {
  beginTimestamp: 0,
  endTimestamp: 8,
  beginLogOffset: 16,
  endLogOffset: 24,
  usedSlots: 32,
  nextEntry: 36,
} as const;
export const INDEX_HEADER_BYTES = 40;
export const INDEX_SLOT_BYTES = 4;

const EntryAt = { keyHash: 0, logOffset: 4, seconds: 12, previous: 16 } as const;
export const INDEX_ENTRY_BYTES = 20;

/** Number of the first entry: the place of entry 0 is never used. */
export const FIRST_INDEX_ENTRY = 1;
/** Stands between topic and key in what is hashed. */
export const TOPIC_KEY_SEPARATOR = '#';
const MS_PER_SECOND = 1000;
const INT32_MAX = 0x7fffffff;

assert(HeaderAt.nextEntry + 4 === INDEX_HEADER_BYTES, 'the next entry ends the header');
assert(EntryAt.previous + 4 === INDEX_ENTRY_BYTES, 'the entry before ends an entry');

/** How large index files are: `maxHashSlotNum` and `maxIndexNum`. The latter counts the unused entry 0. */
export interface IndexFileShape {
  readonly slots: number;
  readonly entries: number;
}

export function indexFileBytes({ slots, entries }: IndexFileShape): number {
  return INDEX_HEADER_BYTES + slots * INDEX_SLOT_BYTES + entries * INDEX_ENTRY_BYTES;
}

export function indexSlotPosition(slot: number): number {
  return INDEX_HEADER_BYTES + slot * INDEX_SLOT_BYTES;
}

export function indexEntryPosition({ slots }: IndexFileShape, entry: number): number {
  return INDEX_HEADER_BYTES + slots * INDEX_SLOT_BYTES + entry * INDEX_ENTRY_BYTES;
}

/** Number of the newest entry of the slot at `at`. */
export function readIndexSlot(view: DataView, at: number): number {
  return view.getInt32(at);
}

/** Times are store times in ms. Begin and end are those of the first and the last message; all 0 in a file that nothing was put in. */
export interface IndexHeader {
  readonly beginTimestamp: number;
  readonly endTimestamp: number;
  readonly beginLogOffset: number;
  readonly endLogOffset: number;
  readonly usedSlots: number;
  /** Number that the next entry gets. */
  readonly nextEntry: number;
}

export function readIndexHeader(view: DataView, at = 0): IndexHeader {
  return {
    beginTimestamp: readInt64(view, at + HeaderAt.beginTimestamp),
    endTimestamp: readInt64(view, at + HeaderAt.endTimestamp),
    beginLogOffset: readInt64(view, at + HeaderAt.beginLogOffset),
    endLogOffset: readInt64(view, at + HeaderAt.endLogOffset),
    usedSlots: view.getInt32(at + HeaderAt.usedSlots),
    // Upstream reads what a fresh file says, 0, as 1.
    nextEntry: Math.max(FIRST_INDEX_ENTRY, view.getInt32(at + HeaderAt.nextEntry)),
  };
}

export function encodeIndexHeader(header: IndexHeader): Uint8Array {
  const bytes = new Uint8Array(INDEX_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  writeInt64(view, HeaderAt.beginTimestamp, header.beginTimestamp);
  writeInt64(view, HeaderAt.endTimestamp, header.endTimestamp);
  writeInt64(view, HeaderAt.beginLogOffset, header.beginLogOffset);
  writeInt64(view, HeaderAt.endLogOffset, header.endLogOffset);
  view.setInt32(HeaderAt.usedSlots, header.usedSlots);
  view.setInt32(HeaderAt.nextEntry, header.nextEntry);
  return bytes;
}

export function writeIndexEntry(
  view: DataView,
  at: number,
  keyHash: number,
  logOffset: number,
  seconds: number,
  previous: number,
): void {
  view.setInt32(at + EntryAt.keyHash, keyHash);
  writeInt64(view, at + EntryAt.logOffset, logOffset);
  view.setInt32(at + EntryAt.seconds, seconds);
  writeIndexEntryPrevious(view, at, previous);
}

export function writeIndexEntryPrevious(view: DataView, at: number, previous: number): void {
  view.setInt32(at + EntryAt.previous, previous);
}

export function indexEntryKeyHash(view: DataView, at: number): number {
  return view.getInt32(at + EntryAt.keyHash);
}

export function indexEntryLogOffset(view: DataView, at: number): number {
  return readInt64(view, at + EntryAt.logOffset);
}

/** Whole seconds from the file's begin to the message's store time. */
export function indexEntrySeconds(view: DataView, at: number): number {
  return view.getInt32(at + EntryAt.seconds);
}

/** Number of the entry before this one in its slot. */
export function indexEntryPrevious(view: DataView, at: number): number {
  return view.getInt32(at + EntryAt.previous);
}

/** What an entry holds of a message's store time (spec/store.md 9.2). */
export function indexSeconds(beginTimestamp: number, storeTimestamp: number): number {
  if (beginTimestamp <= 0 || storeTimestamp <= beginTimestamp) return 0;
  return Math.min(INT32_MAX, Math.trunc((storeTimestamp - beginTimestamp) / MS_PER_SECOND));
}

/** Java's `Math.abs` of the hash of `topic#key`, with 0 for the one number that has no positive counterpart (spec/store.md 9.2). */
export function indexKeyHash(javaHash: number): number {
  const positive = Math.abs(javaHash);
  return positive > INT32_MAX ? 0 : positive;
}

export function indexKeyHashOf(topic: string, key: string): number {
  return indexKeyHash(javaHashCode(topic + TOPIC_KEY_SEPARATOR + key));
}
