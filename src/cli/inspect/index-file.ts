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
    if (size < INDEX_HEADER_BYTES)
      return { kind: 'index file', path, facts: { size }, notes: ['too short to hold its header'] };
    const header = readIndexHeader(viewAt(file, 0, INDEX_HEADER_BYTES));
    const shape = indexShapeOf(file, size);
    const facts = { ...headerFacts(header), slots: shape?.slots ?? null, 'entries at most': shape?.entries ?? null };
    if (shape === null) {
      return {
        kind: 'index file',
        path,
        facts,
        notes: ['not of the default size, and nothing in it tells how many slots it has'],
      };
    }
    const reader = new EntryReader(file, shape, header);
    const rows = key === null ? reader.range(from ?? FIRST_INDEX_ENTRY, limit) : reader.chain(key, limit);
    const notes =
      key === null
        ? []
        : [`chain of ${key}, hash ${indexKeyHashOf(...split(key))}: other keys may have the same hash or slot`];
    return { kind: 'index file', path, facts, columns: COLUMNS, rows, notes };
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

class EntryReader {
  readonly #file: DiskFile;
  readonly #shape: IndexFileShape;
  readonly #header: IndexHeader;

  constructor(file: DiskFile, shape: IndexFileShape, header: IndexHeader) {
    this.#file = file;
    this.#shape = shape;
    this.#header = header;
  }

  range(from: number, limit: number): Shown[][] {
    const rows: Shown[][] = [];
    for (
      let entry = Math.max(FIRST_INDEX_ENTRY, from);
      entry < this.#header.nextEntry && rows.length < limit;
      entry++
    ) {
      rows.push(this.#row(entry).cells);
    }
    return rows;
  }

  chain(key: string, limit: number): Shown[][] {
    const slot = indexKeyHashOf(...split(key)) % this.#shape.slots;
    const rows: Shown[][] = [];
    let entry = readIndexSlot(viewAt(this.#file, indexSlotPosition(slot), INDEX_SLOT_BYTES), 0);
    while (entry >= FIRST_INDEX_ENTRY && entry < this.#header.nextEntry && rows.length < limit) {
      const { cells, previous } = this.#row(entry);
      rows.push(cells);
      // A damaged chain may go forward and for ever.
      if (previous >= entry) break;
      entry = previous;
    }
    return rows;
  }

  #row(entry: number): { cells: Shown[]; previous: number } {
    const view = viewAt(this.#file, indexEntryPosition(this.#shape, entry), INDEX_ENTRY_BYTES);
    const previous = indexEntryPrevious(view, 0);
    const storedAt = timeText(this.#header.beginTimestamp + indexEntrySeconds(view, 0) * MS_PER_SECOND);
    return { cells: [entry, indexEntryKeyHash(view, 0), indexEntryLogOffset(view, 0), storedAt, previous], previous };
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
