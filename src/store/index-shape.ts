/**
 * How many slots and entries an index file has, which no field of it says. The broker is told by its settings; the command line's tools look
 * at stores whose settings they are not given, and find the only shape in which the newest entry is where its slot says.
 */
import {
  FIRST_INDEX_ENTRY,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  INDEX_SLOT_BYTES,
  type IndexFileShape,
  indexEntryKeyHash,
  indexEntryLogOffset,
  indexEntryPosition,
  indexFileBytes,
  indexSlotPosition,
  readIndexHeader,
  readIndexSlot,
} from '../layout/index-file.ts';
import type { DiskFile } from './disk.ts';

export const DEFAULT_INDEX_SHAPE: IndexFileShape = { slots: 5_000_000, entries: 20_000_000 };
/** A file of another size than the default is looked through in memory. */
const SEARCHED_MAX_BYTES = 64 * 1024 * 1024;

/** Null when no shape fits what is in the file. `given` is taken when it fits the size. */
export function indexShapeOf(
  file: DiskFile,
  sizeBytes: number,
  given: IndexFileShape = DEFAULT_INDEX_SHAPE,
): IndexFileShape | null {
  for (const shape of [given, DEFAULT_INDEX_SHAPE]) if (indexFileBytes(shape) === sizeBytes) return shape;
  if (!isShapeSearched(sizeBytes) || sizeBytes < INDEX_HEADER_BYTES) return null;
  const bytes = new Uint8Array(sizeBytes);
  if (file.read(bytes, 0, sizeBytes, 0) < sizeBytes) return null;
  return searchShape(new DataView(bytes.buffer));
}

/** Whether a file with nothing in it can have this size. */
export function isShapeSize(sizeBytes: number): boolean {
  const room = sizeBytes - INDEX_HEADER_BYTES - INDEX_ENTRY_BYTES;
  return room >= INDEX_SLOT_BYTES && room % INDEX_SLOT_BYTES === 0;
}

/** Whether a file of this size is looked through. */
export function isShapeSearched(sizeBytes: number): boolean {
  return sizeBytes <= SEARCHED_MAX_BYTES;
}

function searchShape(view: DataView): IndexFileShape | null {
  const { nextEntry, beginLogOffset, endLogOffset, usedSlots } = readIndexHeader(view);
  if (nextEntry === FIRST_INDEX_ENTRY) return null;
  const room = view.byteLength - INDEX_HEADER_BYTES;
  for (let slots = Math.max(1, usedSlots); slots * INDEX_SLOT_BYTES < room; slots++) {
    const entryBytes = room - slots * INDEX_SLOT_BYTES;
    const shape = { slots, entries: entryBytes / INDEX_ENTRY_BYTES };
    if (entryBytes % INDEX_ENTRY_BYTES !== 0 || shape.entries < nextEntry) continue;
    const first = indexEntryPosition(shape, FIRST_INDEX_ENTRY);
    const newest = indexEntryPosition(shape, nextEntry - 1);
    if (indexEntryLogOffset(view, first) !== beginLogOffset || indexEntryLogOffset(view, newest) !== endLogOffset)
      continue;
    const slot = indexEntryKeyHash(view, newest) % slots;
    if (slot >= 0 && readIndexSlot(view, indexSlotPosition(slot)) === nextEntry - 1) return shape;
  }
  return null;
}
