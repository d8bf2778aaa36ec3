/** How a killed broker has left its newest index file and the end of its log, in words. Used by moments.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import {
  FIRST_INDEX_ENTRY,
  type IndexFileShape,
  indexEntryLogOffset,
  indexEntryPosition,
  readIndexHeader,
} from '../../../src/layout/index-file.ts';
import { BLANK_MAGIC, RecordAt } from '../../../src/layout/message-record.ts';

/** What the newest index file counts, and whether its end is that of its last entry. */
export function indexRollOf(store: string, shape: IndexFileShape): string {
  const view = newestIndexFile(store);
  const { nextEntry, endTimestamp, endLogOffset } = readIndexHeader(view);
  if (nextEntry === FIRST_INDEX_ENTRY) return `the newest index file is ${endTimestamp === 0 ? 'all zero' : 'empty'}`;
  if (nextEntry < shape.entries) return 'the newest index file has fewer entries than fit';
  const last = indexEntryLogOffset(view, indexEntryPosition(shape, nextEntry - 1));
  return `the newest index file is full${last === endLogOffset ? '' : ' and names an older end'}`;
}

function newestIndexFile(store: string): DataView {
  const name = readdirSync(`${store}/index`).sort().at(-1);
  return viewOf(`${store}/index/${name}`);
}

/** What the last segment with records ends with, and the one before it when the last has only begun. */
export function logRollOf(store: string): string {
  const segments = readdirSync(`${store}/commitlog`)
    .sort()
    .map((name) => viewOf(`${store}/commitlog/${name}`));
  const [last, before] = segments
    .filter((segment) => segment.getInt32(RecordAt.totalSize) !== 0)
    .reverse()
    .map(endOf);
  if (last?.end !== 'torn') return `${last?.end}, then nothing`;
  return `${before?.end}, then ${last.records > 0 ? 'records and ' : ''}a torn one`;
}

/** What stands behind the last whole record of a segment. */
function endOf(segment: DataView): { readonly records: number; readonly end: 'a filler' | 'no filler' | 'torn' } {
  let at = 0;
  for (let records = 0; ; records++) {
    const size = segment.getInt32(at + RecordAt.totalSize);
    if (size === 0) return { records, end: 'no filler' };
    if (segment.getInt32(at + RecordAt.magic) === BLANK_MAGIC) return { records, end: 'a filler' };
    at += size;
    // The properties end a record, and they do not end with a zero.
    if (segment.getUint8(at - 1) === 0) return { records, end: 'torn' };
  }
}

function viewOf(path: string): DataView {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  return new DataView(buffer, byteOffset, byteLength);
}
