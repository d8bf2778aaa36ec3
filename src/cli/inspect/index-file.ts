/** A file of the key index: its header, single entries, the chain of a key. Part of `ringmq inspect`. */
import {
  FIRST_INDEX_ENTRY,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  INDEX_SLOT_BYTES,
  type IndexFileShape,
  type IndexHeader,
  indexEntryKeyHash,
  indexEntryLogOffset,
  indexEntryPosition,
  indexEntryPrevious,
  indexEntrySeconds,
  indexKeyHashOf,
  indexSlotPosition,
  readIndexHeader,
  readIndexSlot,
} from '../../layout/index-file.ts';
import type { Disk, DiskFile } from '../../store/disk.ts';
import { indexShapeOf } from '../../store/index-shape.ts';
import { timeText } from '../tool-output.ts';
import type { Inspection, Shown } from './inspection.ts';

const COLUMNS = ['entry', 'key hash', 'log offset', 'stored at', 'entry before'];
const KIND = 'index file';
const MS_PER_SECOND = 1000;

/** `from`: number of an entry; `key`: topic#key, whose chain is walked from the newest entry on. */
export function inspectIndexFile(
  disk: Disk,
  path: string,
  from: number | null,
  key: string | null,
  limit: number,
): Inspection {
  const size = disk.stat(path)?.size ?? 0;
  const file = disk.open(path, 'read');
  try {
    const isPart = from !== null || key !== null;
    if (size < INDEX_HEADER_BYTES)
      return { kind: KIND, path, facts: { size }, isMissing: isPart, notes: ['too short to hold its header'] };
    const header = readIndexHeader(viewAt(file, 0, INDEX_HEADER_BYTES));
    const shape = indexShapeOf(file, size);
    const facts = { ...headerFacts(header), slots: shape?.slots ?? null, 'entries at most': shape?.entries ?? null };
    if (shape === null) {
      const notes = ['not of the default size, and nothing in it tells how many slots it has'];
      return { kind: KIND, path, facts, isMissing: isPart, notes };
    }
    const reader = new EntryReader(file, shape, header);
    const shown = key === null ? reader.range(from, limit) : reader.chain(key, limit);
    return { kind: KIND, path, facts, ...shown };
  } finally {
    file.close();
  }
}

function headerFacts(header: IndexHeader): Record<string, Shown> {
  return {
    'first stored at': timeText(header.beginTimestamp),
    'last stored at': timeText(header.endTimestamp),
    'log offsets': `${header.beginLogOffset} to ${header.endLogOffset}`,
    'used slots': header.usedSlots,
    entries: header.nextEntry - FIRST_INDEX_ENTRY,
  };
}

type Entries = Pick<Inspection, 'columns' | 'rows' | 'notes' | 'isMissing'>;

class EntryReader {
  readonly #file: DiskFile;
  readonly #shape: IndexFileShape;
  readonly #header: IndexHeader;

  constructor(file: DiskFile, shape: IndexFileShape, header: IndexHeader) {
    this.#file = file;
    this.#shape = shape;
    this.#header = header;
  }

  range(from: number | null, limit: number): Entries {
    const { nextEntry } = this.#header;
    if (from !== null && (from < FIRST_INDEX_ENTRY || from >= nextEntry)) {
      const what =
        nextEntry === FIRST_INDEX_ENTRY ? 'no entries' : `the entries ${FIRST_INDEX_ENTRY} to ${nextEntry - 1}`;
      return { isMissing: true, notes: [`there is no entry ${from}: the file has ${what}`] };
    }
    const rows: Shown[][] = [];
    for (let entry = from ?? FIRST_INDEX_ENTRY; entry < nextEntry && rows.length < limit; entry++) {
      rows.push(this.#row(entry).cells);
    }
    return { columns: COLUMNS, rows };
  }

  chain(key: string, limit: number): Entries {
    const hash = indexKeyHashOf(...split(key));
    const rows: Shown[][] = [];
    let isThere = false;
    let entry = readIndexSlot(viewAt(this.#file, indexSlotPosition(hash % this.#shape.slots), INDEX_SLOT_BYTES), 0);
    while (entry >= FIRST_INDEX_ENTRY && entry < this.#header.nextEntry && (rows.length < limit || !isThere)) {
      const { cells, keyHash, previous } = this.#row(entry);
      if (rows.length < limit) rows.push(cells);
      isThere ||= keyHash === hash;
      // A damaged chain may go forward and for ever.
      if (previous >= entry) break;
      entry = previous;
    }
    if (!isThere) return { isMissing: true, notes: [`the file has no entry of ${key}: none with its hash ${hash}`] };
    const notes = [`chain of ${key}, hash ${hash}: other keys may have the same hash or slot`];
    return { columns: COLUMNS, rows, notes };
  }

  #row(entry: number): { cells: Shown[]; keyHash: number; previous: number } {
    const view = viewAt(this.#file, indexEntryPosition(this.#shape, entry), INDEX_ENTRY_BYTES);
    const keyHash = indexEntryKeyHash(view, 0);
    const previous = indexEntryPrevious(view, 0);
    const storedAt = timeText(this.#header.beginTimestamp + indexEntrySeconds(view, 0) * MS_PER_SECOND);
    return { cells: [entry, keyHash, indexEntryLogOffset(view, 0), storedAt, previous], keyHash, previous };
  }
}

function viewAt(file: DiskFile, position: number, length: number): DataView {
  const bytes = new Uint8Array(length);
  file.read(bytes, 0, length, position);
  return new DataView(bytes.buffer);
}

function split(key: string): [topic: string, key: string] {
  const at = key.indexOf('#');
  return at < 0 ? ['', key] : [key.slice(0, at), key.slice(at + 1)];
}
