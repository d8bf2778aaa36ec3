/** Files of queues: Apache's simple ones, which RingMQ keeps too, and its batch ones. Part of `ringmq inspect`. */
import { BATCH_QUEUE_ENTRY_BYTES, readBatchQueueEntry } from '../../layout/batch-queue-entry.ts';
import {
  entryLogOffset,
  entrySize,
  entryTagsCode,
  FILLER_ENTRY_SIZE,
  QUEUE_ENTRY_BYTES,
} from '../../layout/queue-entry.ts';
import type { Disk } from '../../store/disk.ts';
import { timeText } from '../tool-output.ts';
import { type Inspection, moreText, type Shown } from './inspection.ts';

export interface QueueFile {
  readonly path: string;
  /** Byte of the queue at which the file starts. */
  readonly start: number;
}

const COLUMNS = ['queue offset', 'log offset', 'size', 'tags code'];
const BATCH_COLUMNS = ['entry', 'first offset', 'messages', 'log offset', 'size', 'tags code', 'stored at'];

/** `limit` entries from queue offset `from` on, or the first ones; how many there are. */
export function inspectQueueFile(
  disk: Disk,
  { path, start }: QueueFile,
  from: number | null,
  limit: number,
): Inspection {
  const bytes = disk.readWhole(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isEntryPlace = start % QUEUE_ENTRY_BYTES === 0;
  const first = isEntryPlace ? start / QUEUE_ENTRY_BYTES : 0;
  const places = Math.floor(bytes.length / QUEUE_ENTRY_BYTES);
  const isEntry = (at: number): boolean => entryLogOffset(view, at) >= 0 && entrySize(view, at) > 0;
  let entries = 0;
  while (entries < places && isEntry(entries * QUEUE_ENTRY_BYTES)) entries++;
  let fillers = 0;
  while (fillers < entries && entrySize(view, fillers * QUEUE_ENTRY_BYTES) === FILLER_ENTRY_SIZE) fillers++;
  const facts = {
    'queue offsets': `${first} to ${first + places}`,
    entries,
    'fillers before the first message': fillers,
    'next offset': first + entries,
  };
  const begin = from === null ? fillers : from - first;
  // Where the file is damaged more may lie behind the last entry.
  if (from !== null && (begin < 0 || bytes.subarray(begin * QUEUE_ENTRY_BYTES).every((byte) => byte === 0))) {
    const notes = [noEntry(from, first, first + entries)];
    return { kind: 'ConsumeQueue file', path, facts, isMissing: true, notes };
  }
  const rows: Shown[][] = [];
  for (let i = begin; i < places && rows.length < limit && (i < entries || from !== null); i++) {
    const at = i * QUEUE_ENTRY_BYTES;
    rows.push([first + i, entryLogOffset(view, at), entrySize(view, at), entryTagsCode(view, at)]);
  }
  const isBehind = from !== null && begin >= entries;
  const notes = isBehind ? [noEntry(from, first, first + entries)] : moreNote(entries - begin - rows.length);
  if (!isEntryPlace) {
    notes.push(
      `it begins at ${start}, where no file of ${bytes.length} bytes does: which offsets its entries have cannot be told, and they are counted from 0`,
    );
  }
  return {
    kind: 'ConsumeQueue file',
    path,
    facts,
    columns: COLUMNS,
    rows,
    notes,
  };
}

export function inspectBatchQueueFile(
  disk: Disk,
  { path, start }: QueueFile,
  from: number | null,
  limit: number,
): Inspection {
  const bytes = disk.readWhole(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = start / BATCH_QUEUE_ENTRY_BYTES;
  const rows: Shown[][] = [];
  let entries = 0;
  let firstOffset = 0;
  let nextOffset = 0;
  for (let at = 0; at + BATCH_QUEUE_ENTRY_BYTES <= bytes.length; at += BATCH_QUEUE_ENTRY_BYTES) {
    const entry = readBatchQueueEntry(view, at);
    if (entry === null) break;
    entries++;
    if (entries === 1) firstOffset = entry.baseOffset;
    nextOffset = entry.baseOffset + entry.count;
    if (entry.baseOffset + entry.count <= (from ?? 0) || rows.length === limit) continue;
    const { baseOffset, count, logOffset, size, tagsCode, storeTimestamp } = entry;
    rows.push([first + entries - 1, baseOffset, count, logOffset, size, tagsCode, timeText(storeTimestamp)]);
  }
  const facts = { entries, 'first entry': first };
  if (from !== null && (from < firstOffset || from >= nextOffset)) {
    const notes = [noEntry(from, firstOffset, nextOffset)];
    return { kind: 'BatchConsumeQueue file', path, facts, isMissing: true, notes };
  }
  return {
    kind: 'BatchConsumeQueue file',
    path,
    facts,
    columns: BATCH_COLUMNS,
    rows,
    notes: [
      ...moreNote(entries - rows.length),
      'RingMQ keeps such a queue as it is and does not serve it: batch queues are not built yet',
    ],
  };
}

function noEntry(offset: number, first: number, next: number): string {
  return `there is no entry of offset ${offset}: the file has ${next > first ? `${first} to ${next - 1}` : 'none'}`;
}

function moreNote(more: number): string[] {
  return more > 0 ? [`${moreText(more, 'entry', 'entries')}, an offset begins elsewhere`] : [];
}
