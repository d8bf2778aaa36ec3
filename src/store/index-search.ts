/**
 * Finds the messages of a key in one file of the index (spec/store.md 9.4): follows the chain of the key's slot from the newest entry back.
 * Hashes may collide, so whoever asks reads the messages and looks at their keys. Called by control for queries, by the tools.
 */
import {
  FIRST_INDEX_ENTRY,
  INDEX_ENTRY_BYTES,
  type IndexHeader,
  indexEntryKeyHash,
  indexEntryLogOffset,
  indexEntryPrevious,
  indexEntrySeconds,
} from '../layout/index-file.ts';

const MS_PER_SECOND = 1000;
/** The one that is looked at: each thread has one of its own. */
const ENTRY = new Uint8Array(INDEX_ENTRY_BYTES);
const ENTRY_VIEW = new DataView(ENTRY.buffer);

/** A file, or the newest one as it is shared. */
export interface SearchedIndex {
  readonly slots: number;
  readonly beginTimestamp: number;
  /** Entries below this one exist. */
  readonly nextEntry: number;
  /** Number of the slot's newest entry. */
  slot(slot: number): number;
  readEntry(entry: number, into: Uint8Array): void;
}

export interface IndexQuery {
  readonly keyHash: number;
  readonly begin: number;
  readonly end: number;
  readonly max: number;
  /** Entries that the whole query may still look at: chains of a key that millions of messages have are long. */
  readonly looks: { left: number };
}

/** May the file have messages of this time? */
export function isTimeMatched(
  { beginTimestamp, endTimestamp }: Pick<IndexHeader, 'beginTimestamp' | 'endTimestamp'>,
  begin: number,
  end: number,
): boolean {
  if (begin < beginTimestamp) return end >= beginTimestamp;
  return begin <= endTimestamp;
}

/** Adds log offsets to `found`, newest first, until it has `max` or no looks are left. */
export function searchIndex(index: SearchedIndex, query: IndexQuery, found: number[]): void {
  const { keyHash, begin, end, max, looks } = query;
  let before = index.nextEntry;
  for (let entry = index.slot(keyHash % index.slots); entry >= FIRST_INDEX_ENTRY && entry < before; ) {
    if (found.length >= max || looks.left-- <= 0) return;
    index.readEntry(entry, ENTRY);
    const seconds = indexEntrySeconds(ENTRY_VIEW, 0);
    const time = index.beginTimestamp + seconds * MS_PER_SECOND;
    // What comes before in the chain is older still.
    if (seconds < 0 || time < begin) return;
    if (indexEntryKeyHash(ENTRY_VIEW, 0) === keyHash && time <= end) found.push(indexEntryLogOffset(ENTRY_VIEW, 0));
    // Chains only lead back: a damaged one must not lead in a circle.
    before = entry;
    entry = indexEntryPrevious(ENTRY_VIEW, 0);
  }
}
