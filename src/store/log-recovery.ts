/**
 * The log's part of a start: which segments there are, from which one to look through them, where the last whole record ends, and what
 * lies behind it. Called by recovery.ts only.
 */
import { asLogOffset, type LogOffset } from '../base/units.ts';
import { type Disk, isWritten } from './disk.ts';
import { flushSegment, forgetFailedSync, hasFailedSync, rewriteSegment } from './failed-sync.ts';
import { type FoundRun, tellTorn, wipeTail } from './file-run.ts';
import type { LogReader } from './log-reader.ts';
import { LogScanner, Scanned } from './log-scanner.ts';
import type { QueueLedger } from './queue-ledger.ts';
import { type FlushedLogFiles, segmentPath, segmentStart } from './segments.ts';
import { takeOff } from './segments-aside.ts';
import { StoreDamagedError } from './store-errors.ts';

/**
 * So much behind the end of the log is looked at. Our own clean stop leaves zeros there. Upstream's recovery leaves the bytes of a torn
 * record, which begin right at the end, so a little is enough; reading a gigabyte of zeros at every start would not be.
 */
const LEFTOVER_LOOK_BYTES = 64 * 1024;

/**
 * The start of the last segment whose first record is whole and `matches`; the first segment when there is none (spec/store.md 12.3).
 * An empty segment, made ahead of time, has no first record.
 */
export function findWalkStart(
  reader: LogReader,
  segments: readonly number[],
  checksBodies: boolean,
  matches: (position: number, storeTimestamp: number) => boolean,
): LogOffset {
  const scanner = new LogScanner(reader, checksBodies);
  for (let i = segments.length - 1; i > 0; i--) {
    const start = segments[i]!;
    scanner.begin(asLogOffset(start), asLogOffset(start + reader.files.segmentSizeBytes));
    if (scanner.next() !== Scanned.record || scanner.position !== start) continue;
    const { storeTimestamp } = scanner.cursor;
    if (storeTimestamp !== 0 && matches(start, storeTimestamp)) return asLogOffset(start);
  }
  return asLogOffset(segments[0] ?? 0);
}

/** The latest store time in the last segment with whole records, in ms; 0 for an empty log. */
export function newestStoreMs(reader: LogReader, segments: readonly number[]): number {
  const scanner = new LogScanner(reader, false);
  scanner.begin(
    findWalkStart(reader, segments, false, () => true),
    segmentsEnd(reader, segments),
  );
  let newest = 0;
  while (scanner.next() === Scanned.record) newest = Math.max(newest, scanner.cursor.storeTimestamp);
  return newest;
}

/** Of the files: the log may end before. */
export function segmentsEnd({ files }: LogReader, segments: readonly number[]): LogOffset {
  return asLogOffset((segments.at(-1) ?? -files.segmentSizeBytes) + files.segmentSizeBytes);
}

/**
 * Looks through `[from, to)`, which lies before the end of the log, for queues that lack what is there. Bodies are not looked at: queues
 * and index need none. Throws where no record is: nothing can be built from such a log, and nothing of it may be cut either.
 */
export function walkBefore(
  reader: LogReader,
  from: LogOffset,
  to: LogOffset,
  ledger: QueueLedger,
  progress: WalkProgress,
): void {
  const scanner = new LogScanner(reader, false);
  scanner.begin(from, to);
  while (scanner.next() === Scanned.record) {
    ledger.add(scanner);
    progress(scanner.position);
  }
  if (scanner.position >= to) return;
  throw new StoreDamagedError(
    `the log is damaged at ${scanner.position} (${segmentPath(reader.files, segmentStart(reader.files, scanner.position))}): queues and ` +
      'index cannot be built again from it. `ringmq verify` says what is wrong. Where only the index is missing, messageIndexEnable=false goes ' +
      'without it',
  );
}

/** How the end of the log is looked for. */
export interface RecordWalk {
  readonly from: LogOffset;
  /** Records before this place were on the disk whole: contents that are damaged are so since, and do not end the log. */
  readonly durableTo: number;
  readonly checksContents: boolean;
  readonly ledger: QueueLedger;
}

/** Of so many damaged records each has a line. */
const ROTTEN_TOLD_MAX = 10;

function nameOf({ position, cursor, topicText }: LogScanner): string {
  return `the record at ${position} (${topicText}, queue ${cursor.queueId}, offset ${cursor.queueOffset})`;
}

function rottenText(scanner: LogScanner): string {
  return `${nameOf(scanner)} was on the disk and is damaged since: it is served as it is. \`ringmq verify\` looks at all`;
}

/** All of a topic that was deleted are such records, so only the first is told. */
function strayText(scanner: LogScanner): string {
  return (
    `${nameOf(scanner)} is in no queue, and no queue lacks it: its topic was deleted, or is damaged. Such records are passed over. ` +
    '`ringmq verify` looks at all'
  );
}

/** Where a start says what it finds and does. */
export interface RecoveryLog {
  info(message: string): void;
  warn(message: string): void;
}

/** Told of the offset that a walk has reached. */
export type WalkProgress = (position: number) => void;

/**
 * Looks through the log from `from` on, tells the ledger of each record, and returns where the log ends: behind the last whole record,
 * or at the start of the segment that follows its filler. A filler that no segment follows is cut off with what is behind the end.
 */
export function walkRecords(
  reader: LogReader,
  segments: readonly number[],
  { from, durableTo, checksContents, ledger }: RecordWalk,
  progress: WalkProgress,
  log: { warn(message: string): void },
): LogOffset {
  if (segments.length === 0) return asLogOffset(0);
  const filesEnd = segmentsEnd(reader, segments);
  const scanner = new LogScanner(reader, false);
  scanner.begin(from, filesEnd);
  let lastRecordEnd: LogOffset = from;
  let rotten = 0;
  let strays = 0;
  while (scanner.next() === Scanned.record) {
    const isWhole = !checksContents || scanner.areContentsWhole();
    if (!isWhole && scanner.position >= durableTo) return scanner.position;
    if (!isWhole && ++rotten <= ROTTEN_TOLD_MAX) log.warn(rottenText(scanner));
    if (!ledger.add(scanner) && isWhole && strays++ === 0) log.warn(strayText(scanner));
    progress(scanner.position);
    lastRecordEnd = scanner.nextPosition;
  }
  return scanner.position < filesEnd ? scanner.position : lastRecordEnd;
}

/** Where a start has found the end of the log, and in which files. */
export interface LogEnd {
  readonly end: LogOffset;
  /** From here on the log was looked through. */
  readonly walkStart: LogOffset;
  readonly run: FoundRun;
  readonly cleanStop: boolean;
  /** Behind the end, in its segment, where they are no part of the log any more (records-aside.ts). */
  readonly hasRecordsBehind: boolean;
}

/**
 * Makes `end` the end of the log: later segments go, and the rest of its own becomes zero, so that no record of before the crash is
 * ever found behind one that is written now. After a crash the segments that were looked through are flushed, because some of what was
 * found in them may be in the page cache only and counts as flushed from here on; the older file first, as always.
 *
 * The later segments go first, durably: a file that a loss of power finds cut and not grown again is the last one then, which may be short.
 */
export function endLogAt(
  disk: Disk,
  files: FlushedLogFiles,
  { end, walkStart, run: { starts, torn, empty }, cleanStop, hasRecordsBehind }: LogEnd,
  log: { warn(message: string): void },
): void {
  tellTorn(log, files.directory, torn);
  const surplus = [...starts.filter((start) => start > end), ...torn, ...empty];
  if (surplus.length > 0) takeOff(disk, files, surplus, log);
  else if (!cleanStop && starts.length > 0) disk.syncDirectory(files.directory);
  const ending = segmentStart(files, end);
  if (!starts.includes(ending)) return;
  const isLeftover = hasRecordsBehind || isWritten(disk, segmentPath(files, ending), end - ending, LEFTOVER_LOOK_BYTES);
  if (isLeftover)
    log.warn(`no whole record lies at ${end}: the log ends there, what is behind it in its file is wiped`);
  if (cleanStop && !isLeftover) return;
  wipeTail(disk, segmentPath(files, ending), end - ending, files.segmentSizeBytes);
  const walked = starts.filter((start) => start + files.segmentSizeBytes > walkStart && start <= ending);
  flushAll(disk, files, walked, walkStart, end, log);
}

/** `starts`: of the segments that hold `[from, end)`. */
function flushAll(
  disk: Disk,
  files: FlushedLogFiles,
  starts: readonly number[],
  from: LogOffset,
  end: LogOffset,
  log: { warn(message: string): void },
): void {
  const hasFailed = hasFailedSync(disk, files);
  if (hasFailed) log.warn(`an fdatasync has failed: the log is written anew from ${from} to ${end}`);
  for (const start of starts) {
    if (hasFailed) {
      const last = Math.min(end - start, files.segmentSizeBytes);
      rewriteSegment(disk, files, start, Math.max(0, from - start), last);
    }
    flushSegment(disk, files, start);
  }
  if (hasFailed) forgetFailedSync(disk, files);
}
