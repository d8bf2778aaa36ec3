/**
 * Control's look at single messages: by key, through the shared index and its older files, and by log offset (spec/store.md 9.4). Only
 * what consumers may see is found: nothing else is in the index, and offsets end where dispatch may read.
 */
import type { FoundMessages, KeyQuery, MessagePort } from '../../broker/control-ports.ts';
import { indexKeyHashOf } from '../../layout/index-file.ts';
import { parsePropertiesAt } from '../../layout/message-properties.ts';
import { KEY_SEPARATOR, PropertyName } from '../../layout/property-names.ts';
import type { IndexBounds, IndexTable } from '../../ring/index-table.ts';
import { ChainEntries } from '../../store/chain-entries.ts';
import type { IndexFile } from '../../store/index-file.ts';
import type { IndexReader } from '../../store/index-reader.ts';
import { type IndexQuery, isTimeMatched, type SearchedIndex, searchIndex } from '../../store/index-search.ts';
import type { LogReader } from '../../store/log-reader.ts';
import { type FoundRecord, readRecordAt } from '../../store/record-reader.ts';

/** Upstream looks again, further back, when all that the index named is gone from the log. */
const ROUNDS_MAX = 3;
/** An answer is one frame, and clients take 16 MiB at most. */
const ANSWER_MAX_BYTES = 12 * 1024 * 1024;
/** A look at the shared index is void when its file changes meanwhile, which happens once in millions of messages and takes some ms. */
const LOOKS_MAX = 100;
const CHANGE_SPINS_MAX = 10_000_000;
/** Entries that one query looks at: control has others to serve. A file's chains have four on average, those of a hot key have more. */
const ENTRIES_MAX = 50_000;
/** Dispatch shows what it has put at the end of its turn, a fraction of a millisecond later. */
const SPINS_MAX = 100_000;

const NOTHING: FoundMessages = { records: [], indexedAt: 0, indexedTo: 0 };

export interface MessageReadParts {
  readonly log: LogReader;
  /** Consumers may see the log up to here. */
  readonly visible: () => number;
  /** Null without a key index, both. */
  readonly indexTable: IndexTable | null;
  readonly indexReader: IndexReader | null;
}

export class MessageReads implements MessagePort {
  readonly #parts: MessageReadParts;
  readonly #entries = new ChainEntries();

  constructor(parts: MessageReadParts) {
    this.#parts = parts;
  }

  get areIndexed(): boolean {
    return this.#parts.indexTable !== null;
  }

  at(logOffset: number): Uint8Array | null {
    return this.#record(logOffset)?.bytes ?? null;
  }

  byKey({ topic, key, max, begin, end }: KeyQuery): FoundMessages | null {
    const { indexTable, indexReader } = this.#parts;
    if (indexTable === null || indexReader === null) return NOTHING;
    const keyHash = indexKeyHashOf(topic, key);
    const looks = { left: ENTRIES_MAX };
    let to = end;
    for (let round = 0; round < ROUNDS_MAX && to >= begin; round++) {
      const offsets = this.#search(indexTable, indexReader, { keyHash, begin, end: to, max, looks });
      if (offsets === null) return null;
      const { records, oldest } = this.#read(offsets, topic, key);
      if (records.length > 0) {
        const { endTimestamp: indexedAt, endLogOffset: indexedTo } = indexTable.bounds();
        return { records, indexedAt, indexedTo };
      }
      if (oldest === null) break;
      to = oldest.cursor.storeTimestamp;
    }
    return NOTHING;
  }

  /** The records that have the key, oldest first, as many as fit an answer; and the oldest of all, for a look further back. */
  #read(offsets: number[], topic: string, key: string): { records: Uint8Array[]; oldest: FoundRecord | null } {
    const records: Uint8Array[] = [];
    let oldest: FoundRecord | null = null;
    let size = 0;
    for (const offset of offsets.sort((a, b) => a - b)) {
      const record = this.#record(offset);
      oldest ??= record;
      if (record === null || !hasKey(record, topic, key)) continue;
      size += record.bytes.length;
      // The first record is sent in any case.
      if (records.length > 0 && size > ANSWER_MAX_BYTES) break;
      records.push(record.bytes);
    }
    return { records, oldest };
  }

  #record(logOffset: number): FoundRecord | null {
    return readRecordAt(this.#parts.log, logOffset, this.#parts.visible());
  }

  /** Log offsets, newest first; null when the shared index did not stay the same for as long as a look takes. */
  #search(table: IndexTable, reader: IndexReader, query: IndexQuery): number[] | null {
    for (let look = 0; look < LOOKS_MAX; look++) {
      const sequence = settledSequence(table);
      if (sequence === null) return null;
      const found: number[] = [];
      this.#searchFiles(table, reader, query, found);
      if (!table.hasMoved(sequence)) return found;
    }
    return null;
  }

  /** The newest file first; none before the one that begins before the time in question. */
  #searchFiles(table: IndexTable, reader: IndexReader, query: IndexQuery, found: number[]): void {
    const shared = table.name();
    const entries = this.#entries;
    for (const listed of reader.filesFrom(shared)) {
      const isShared = listed.name === shared;
      const bounds = isShared ? table.bounds() : reader.head(listed);
      if (bounds === null) continue;
      if (isTimeMatched(bounds, query.begin, query.end)) {
        const file = reader.open(listed);
        if (file === null) continue;
        entries.begin(file);
        searchIndex(isShared ? sharedIndex(table, bounds, entries) : fileIndex(file, bounds, entries), query, found);
      }
      if (bounds.beginTimestamp < query.begin || found.length >= query.max) return;
    }
  }
}

/** Waits while the shared index goes over to its next file: it is cleared meanwhile, which takes some ms. */
function settledSequence(table: IndexTable): number | null {
  for (let spins = 0; spins < CHANGE_SPINS_MAX; spins++) {
    const sequence = table.sequence();
    if (sequence % 2 === 0) return sequence;
  }
  return null;
}

function fileIndex(file: IndexFile, { beginTimestamp, nextEntry }: IndexBounds, entries: ChainEntries): SearchedIndex {
  return {
    slots: file.shape.slots,
    beginTimestamp,
    nextEntry,
    slot: (slot) => file.readSlot(slot),
    readEntry: (entry, into) => entries.read(entry, into),
  };
}

/** Slots and newest entries are in memory, the others in the file. */
function sharedIndex(table: IndexTable, { beginTimestamp }: IndexBounds, entries: ChainEntries): SearchedIndex {
  return {
    slots: table.slots,
    beginTimestamp,
    nextEntry: Number.POSITIVE_INFINITY,
    slot(slot) {
      const newest = table.slot(slot);
      for (let spins = 0; spins < SPINS_MAX && newest >= table.nextEntry(); spins++);
      return newest < table.nextEntry() ? newest : 0;
    },
    readEntry(entry, into) {
      if (!table.readEntry(entry, into)) entries.read(entry, into);
    },
  };
}

function hasKey({ bytes, cursor }: FoundRecord, topic: string, key: string): boolean {
  if (bytes.toString('utf8', cursor.topicStart, cursor.topicStart + cursor.topicLength) !== topic) return false;
  const propertiesEnd = cursor.propertiesStart + cursor.propertiesLength;
  const properties = parsePropertiesAt(bytes, cursor.propertiesStart, propertiesEnd);
  if (properties.get(PropertyName.UNIQ_KEY) === key) return true;
  return properties.get(PropertyName.KEYS)?.split(KEY_SEPARATOR).includes(key) ?? false;
}
