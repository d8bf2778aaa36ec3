/** A file of the CommitLog: its range and its records, or the one at an offset. Part of `ringmq inspect`. */
import { dirname } from 'node:path';
import { counted } from '../../base/counted.ts';
import { asLogOffset } from '../../base/units.ts';
import {
  BLANK_HEAD_BYTES,
  BLANK_MAGIC,
  type MessageRecord,
  RecordAt,
  readRecord,
} from '../../layout/message-record.ts';
import type { Disk } from '../../store/disk.ts';
import { LogReader } from '../../store/log-reader.ts';
import { LogScanner, Scanned } from '../../store/log-scanner.ts';
import type { CommitLogFiles } from '../../store/segments.ts';
import { sizeText, timeText } from '../tool-output.ts';
import { NO_PROGRESS, type ToolProgress } from '../tool-progress.ts';
import { type Inspection, moreText, type Shown } from './inspection.ts';
import { inspectRecord } from './record.ts';

/** Enough for most records; the scanner takes more for a longer one. */
const RECORD_WINDOW_BYTES = 16 * 1024;
/** What is shorter is read in a moment. */
const LONG_BYTES = 16 * 1024 * 1024;
const TOLD_EVERY_BYTES = 1024 * 1024;
const KIND = 'CommitLog segment';
const COLUMNS = ['log offset', 'size', 'topic', 'queue', 'queue offset', 'stored at'];

export interface SegmentFile {
  readonly path: string;
  readonly start: number;
  readonly sizeBytes: number;
}

/** The first `limit` records from `from` on, which is an offset of the log or of the file; the segment's range. All of it is read. */
export function inspectSegment(
  disk: Disk,
  segment: SegmentFile,
  from: number | null,
  limit: number,
  beginLong: (bytes: number) => ToolProgress,
): Inspection {
  const files = { directory: dirname(segment.path), segmentSizeBytes: segment.sizeBytes };
  const begin = from === null ? segment.start : from < segment.start ? segment.start + from : from;
  const end = segment.start + segment.sizeBytes;
  if (from !== null && begin >= end) {
    const note = `there is no offset ${from}: the file has the log offsets ${segment.start} to ${end - 1}`;
    return nothingIn(segment, note);
  }
  const progress = end - begin < LONG_BYTES ? NO_PROGRESS : beginLong(end - begin);
  const reader = new LogReader(disk, files);
  try {
    const part = { begin, limit, isAsked: from !== null };
    return scan(segment, part, new LogScanner(reader, true), blankAt(disk, segment), progress);
  } finally {
    reader.close();
    progress.end();
  }
}

function nothingIn(segment: SegmentFile, note: string): Inspection {
  return { kind: KIND, path: segment.path, facts: rangeFacts(segment), isMissing: true, notes: [note] };
}

function rangeFacts({ start, sizeBytes }: SegmentFile): Record<string, Shown> {
  return { 'log offsets': `${start} to ${start + sizeBytes}`, size: sizeText(sizeBytes) };
}

function fillerText(bytes: number): string {
  return `filler of ${counted(bytes, 'byte')}: the next record begins the next file`;
}

type Blank = (position: number) => number;

interface Part {
  readonly begin: number;
  readonly limit: number;
  /** Somebody has named `begin`. */
  readonly isAsked: boolean;
}

function scan(segment: SegmentFile, part: Part, scanner: LogScanner, blank: Blank, progress: ToolProgress): Inspection {
  const { begin, limit, isAsked } = part;
  const end = segment.start + segment.sizeBytes;
  const rows: Shown[][] = [];
  let records = 0;
  let dataEnd = begin;
  let newestMs = 0;
  let toldTo = begin;
  scanner.begin(asLogOffset(begin), asLogOffset(end));
  let found = scanner.next();
  for (; found === Scanned.record; found = scanner.next()) {
    if (rows.length < limit) rows.push(rowOf(scanner));
    records++;
    dataEnd = scanner.nextPosition;
    newestMs = scanner.cursor.storeTimestamp;
    // A look at the clock takes as long as a record.
    if (dataEnd - toldTo < TOLD_EVERY_BYTES) continue;
    progress.advance(dataEnd - toldTo);
    toldTo = dataEnd;
  }
  const filler = blank(dataEnd);
  if (isAsked && records === 0)
    return nothingIn(segment, filler > 0 ? fillerText(filler) : `no whole record begins at ${begin}`);
  const notes: string[] = [];
  if (records > rows.length) notes.push(`${moreText(records - rows.length, 'record')}, an offset begins elsewhere`);
  if (found === Scanned.bad && filler === 0)
    notes.push(`no record at ${scanner.position}: the log ends there, or it is damaged (ringmq verify tells)`);
  return {
    kind: KIND,
    path: segment.path,
    facts: {
      ...rangeFacts(segment),
      records,
      'records end at': dataEnd,
      filler: filler === 0 ? null : `${counted(filler, 'byte')} up to the end of the file`,
      'newest stored at': timeText(newestMs),
    },
    columns: COLUMNS,
    rows,
    notes,
  };
}

function rowOf(scanner: LogScanner): Shown[] {
  const { cursor, bytes, position } = scanner;
  const topic = bytes.toString('utf8', cursor.topicStart, cursor.topicStart + cursor.topicLength);
  return [position, cursor.totalSize, topic, cursor.queueId, cursor.queueOffset, timeText(cursor.storeTimestamp)];
}

/** Bytes of the filler at a position of the log, 0 when there is none. */
function blankAt(disk: Disk, segment: SegmentFile): Blank {
  return (position) => {
    const bytes = new Uint8Array(BLANK_HEAD_BYTES);
    const file = disk.open(segment.path, 'read');
    try {
      if (file.read(bytes, 0, BLANK_HEAD_BYTES, position - segment.start) < BLANK_HEAD_BYTES) return 0;
    } finally {
      file.close();
    }
    const view = new DataView(bytes.buffer);
    return view.getInt32(RecordAt.magic) === BLANK_MAGIC ? view.getInt32(RecordAt.totalSize) : 0;
  };
}

/** The record at an offset of the log; a refusal that says what is there instead. */
export function inspectRecordAt(disk: Disk, files: CommitLogFiles, path: string, position: number): Inspection {
  const record = readRecordAt(disk, files, position);
  if (typeof record !== 'string') return inspectRecord(path, position, record);
  return { kind: 'no record', path, facts: { 'log offset': position }, isMissing: true, notes: [record] };
}

/** Text that says why there is none. Damaged bodies are read all the same. */
export function readRecordAt(disk: Disk, files: CommitLogFiles, position: number): MessageRecord | string {
  const reader = new LogReader(disk, files);
  try {
    const head = new Uint8Array(BLANK_HEAD_BYTES);
    if (reader.read(asLogOffset(position), head.length, head, 0) < head.length)
      return 'the log has no file for this offset';
    const view = new DataView(head.buffer);
    const size = view.getInt32(RecordAt.totalSize);
    if (view.getInt32(RecordAt.magic) === BLANK_MAGIC) return fillerText(size);
    const scanner = new LogScanner(reader, false, RECORD_WINDOW_BYTES);
    scanner.begin(asLogOffset(position), asLogOffset(position + Math.max(size, head.length)));
    if (scanner.next() !== Scanned.record) return 'no record begins here';
    return readRecord(scanner.view, scanner.bytes, scanner.recordAt) ?? 'no record begins here';
  } finally {
    reader.close();
  }
}
