/**
 * The log as a start finds it, before anything is changed: its files, what the checkpoint says of them, and from where on it has to be looked
 * through. Part of recovery.ts. Refuses a log that has lost what was on the disk.
 */
import { asLogOffset, type LogOffset } from '../base/units.ts';
import type { CheckpointFields, Vouched } from '../layout/checkpoint-file.ts';
import { type FoundCheckpoint, findCheckpoint, readVouched, safeTimestamp } from './checkpoint.ts';
import type { Disk } from './disk.ts';
import { hasFailedSync } from './failed-sync.ts';
import { type FoundRun, findRun } from './file-run.ts';
import { foreignFormat } from './log-format.ts';
import { LogReader } from './log-reader.ts';
import { findWalkStart, newestStoreMs } from './log-recovery.ts';
import { LogScanner, Scanned } from './log-scanner.ts';
import type { FiledQueue } from './queue-recovery.ts';
import { type FlushedLogFiles, logFilesOf, logRunOf, segmentEnd, segmentPath, segmentStart } from './segments.ts';
import { StoreDamagedError } from './store-errors.ts';
import type { StorePaths } from './store-paths.ts';

/** Where to begin. */
export interface StartPoint {
  /** From here on the log is looked through for its end. */
  readonly lookFrom: LogOffset;
  /** After a crash: from here on entries of queues and index are not believed. */
  readonly limit: LogOffset;
}

export interface LogAtStartSettings {
  readonly segmentSizeBytes: number;
  /** What the store lock has found. */
  readonly cleanStop: boolean;
  /** Wall time: the checkpoint cannot name a later one. Left out: it can. */
  readonly nowMs?: number;
}

export class LogAtStart {
  readonly files: FlushedLogFiles;
  readonly cleanStop: boolean;
  /** What counts of it. */
  readonly checkpoint: CheckpointFields;
  readonly isCheckpointDamaged: boolean;
  readonly run: FoundRun;
  readonly start: LogOffset;
  readonly reader: LogReader;
  /** What RingMQ has said of the disk itself; null when it has not. */
  readonly vouched: Vouched | null;

  /** Throws for files that do not fit the settings or each other. */
  constructor(disk: Disk, paths: StorePaths, settings: LogAtStartSettings) {
    this.files = logFilesOf(paths, settings);
    this.cleanStop = isStoppedInOrder(disk, paths, settings.cleanStop);
    this.vouched = readVouched(disk, paths.checkpoint);
    this.run = findRun(disk, logRunOf(this.files, this.cleanStop, logFlushedTo(this.vouched)));
    this.start = asLogOffset(this.run.starts[0] ?? 0);
    this.reader = new LogReader(disk, this.files);
    const { nowMs = Number.MAX_SAFE_INTEGER } = settings;
    const newest = (): number => newestStoreMs(this.reader, this.run.starts);
    const checkpoint = findCheckpoint(disk, paths.checkpoint, nowMs, newest);
    this.checkpoint = checkpoint.fields;
    this.isCheckpointDamaged = checkpoint.isDamaged;
    const loss = this.isMissing ? lossWithoutLog(this.vouched, checkpoint) : null;
    if (loss !== null) throw this.#lost(loss, withoutLog(paths.checkpoint));
  }

  #refuseForeignFormat(): void {
    const what = foreignFormat(this.reader, this.start);
    if (what === null) return;
    throw new StoreDamagedError(
      `${segmentPath(this.files, this.start)} ${what}: nothing was changed. Put the file back that was there, or give this store to a broker ` +
        'that has written it',
    );
  }

  get isMissing(): boolean {
    return this.run.starts.length === 0;
  }

  /** What tells that its oldest files have gone since the stop; null when they have not, or nobody knows. */
  get goneSinceStop(): string | null {
    return this.cleanStop && !this.isMissing ? goneSinceStop(this.vouched, this.start) : null;
  }

  /** From what RingMQ itself has said of the disk, else as upstream begins: after a clean stop that asks what the queues know. */
  startPoint(queues: readonly FiledQueue[], checksBodies: boolean): StartPoint {
    return this.#vouchedStart() ?? this.#upstreamStart(queues, checksBodies);
  }

  #vouchedStart(): StartPoint | null {
    if (this.vouched === null) return null;
    const place = vouchedPlace(this.reader, this.run.starts, this.vouched, this.cleanStop);
    if (typeof place === 'string') throw this.#lost(place);
    return place;
  }

  /**
   * After a clean stop: in the last segment that the queues know a record of or that continues it. After a crash: in the last one that
   * begins before the time that the checkpoint vouches for.
   */
  #upstreamStart(queues: readonly FiledQueue[], checksBodies: boolean): StartPoint {
    const filedTo = queues.reduce((most, queue) => Math.max(most, queue.logEnd), -1);
    const safeTime = safeTimestamp(this.checkpoint);
    if (!this.cleanStop && safeTime === 0) return { lookFrom: this.start, limit: this.start };
    const start = findWalkStart(this.reader, this.run.starts, checksBodies, (position, storeTimestamp) =>
      this.cleanStop ? position <= filedTo : storeTimestamp <= safeTime,
    );
    return { lookFrom: start, limit: start };
  }

  /** The place behind the record at `offset`; the log's start when it is not there. */
  behind(offset: number): LogOffset {
    if (offset < this.start) return this.start;
    const scanner = new LogScanner(this.reader, false);
    scanner.begin(asLogOffset(offset), segmentEnd(this.files, offset));
    return scanner.next() === Scanned.record && scanner.position === offset ? scanner.nextPosition : this.start;
  }

  /** What was on the disk once and is not there any more was not lost by a crash. */
  refuseLoss(end: LogOffset): void {
    const loss = lossAtEnd(this.vouched, end);
    if (loss !== null) throw this.#lost(loss);
    if (end === this.start && !this.isMissing) this.#refuseForeignFormat();
    if (this.vouched === null) this.#refuseFilesBehind(end);
  }

  #refuseFilesBehind(end: LogOffset): void {
    const [file] = filesBehind(this.reader, this.run.starts, end);
    if (file === undefined) return;
    throw new StoreDamagedError(
      `the log is damaged at ${end} (${segmentPath(this.files, segmentStart(this.files, end))}) and goes on in ` +
        `${segmentPath(this.files, file)}: no start cuts that off. \`ringmq verify\` says what is wrong; \`ringmq repair\` goes on over a ` +
        'damaged body, and with --cut-at cuts the log at a hole',
    );
  }

  #lost(what: string, todo = HOW_TO_GO_ON): StoreDamagedError {
    return new StoreDamagedError(`the log of ${this.files.directory} has lost something: ${what}. ${todo}`);
  }

  /** Whether a record begins in `[from, to)`, and not only a filler. */
  hasRecordIn(from: LogOffset, to: LogOffset): boolean {
    return hasRecordAt(this.reader, from, to);
  }

  close(): void {
    this.reader.close();
  }
}

function withoutLog(checkpoint: string): string {
  return `Put it back, or set storePathCommitLog where it lies elsewhere. To begin with an empty log, move ${checkpoint} away`;
}

const HOW_TO_GO_ON = '`ringmq verify` says what is wrong. To go on with what is left: `ringmq repair`';

/**
 * Whether a start takes the store for one that was stopped in order. `isGivenUp`: its last owner has taken its `abort` away. So may somebody
 * have done who wanted to help; RingMQ's own word tells that a broker was running.
 */
export function isStoppedInOrder(disk: Disk, paths: StorePaths, isGivenUp: boolean): boolean {
  if (!isGivenUp || hasFailedSync(disk, paths)) return false;
  const vouched = readVouched(disk, paths.checkpoint);
  return vouched === null || vouched.stoppedAt >= 0;
}

/** The same of a store that nobody has open. */
export function wasStoppedInOrder(disk: Disk, paths: StorePaths): boolean {
  return isStoppedInOrder(disk, paths, disk.stat(paths.abort) === null);
}

/**
 * Whether the index was kept to the end by the last broker. One that was not is looked at as after a crash, after a stop in order too: in the
 * time before it was not cut after a crash either.
 */
export function isIndexKept(vouched: Vouched | null): boolean {
  return vouched === null || vouched.indexEnd >= -1;
}

/** Up to here all records have been on the disk; 0 when nobody says so. */
export function lossLimit(vouched: Vouched | null): number {
  return Math.max(0, vouched?.filedTo ?? 0, vouched?.stoppedAt ?? 0);
}

/**
 * Files of the log up to here have been on the disk. Infinity when nobody says how far: a RingMQ broker says it before it writes anything, so
 * another one has been there, or the checkpoint is gone.
 */
export function logFlushedTo(vouched: Vouched | null): number {
  return vouched === null ? Number.POSITIVE_INFINITY : lossLimit(vouched);
}

/** Why a start refuses a log without a file; null when nothing tells that there was one. */
export function lossWithoutLog(vouched: Vouched | null, { fields, isDamaged }: FoundCheckpoint): string | null {
  const what = 'there is no file of it';
  const loss = lossOf(vouched, 0, what);
  if (loss !== null) return loss;
  if (isDamaged) return `${what}, but the checkpoint, which is damaged, names times of one`;
  const { logTimestamp } = fields;
  return logTimestamp > 0
    ? `${what}, but the checkpoint says that records up to store time ${logTimestamp} have been on the disk`
    : null;
}

/** Why a start refuses a log that ends at `end`; null when it does not. */
export function lossAtEnd(vouched: Vouched | null, end: number): string | null {
  return lossOf(vouched, end, `it ends at ${end}`);
}

function lossOf(vouched: Vouched | null, end: number, what: string): string | null {
  const to = lossLimit(vouched);
  return end < to ? `${what}, but all records up to ${to} have been on the disk` : null;
}

/**
 * What tells of a log that begins at `start` and was stopped in order that its oldest files have gone since; null when they have not, or
 * nobody knows. After a crash retention may have taken them.
 */
export function goneSinceStop(vouched: Vouched | null, start: number): string | null {
  if (vouched === null || start <= vouched.logStart) return null;
  return `begins at ${start}, and began at ${vouched.logStart} when it was stopped in order: files before are missing`;
}

/** Where a start begins that goes by `vouched`; why it refuses where these are no places of this log. Only looks. */
export function vouchedPlace(
  reader: LogReader,
  starts: readonly number[],
  vouched: Vouched,
  cleanStop: boolean,
): StartPoint | string {
  const { filedTo } = vouched;
  const first = starts[0] ?? 0;
  const filesEnd = filesEndOf(reader, starts);
  if (filedTo < first) return `it begins at ${first}, but only what lies before ${filedTo} is in all queues`;
  if (filedTo > filesEnd) return lossOf(vouched, filesEnd, `its files end at ${filesEnd}`)!;
  const limit = asLogOffset(filedTo);
  // Nothing may have come behind it: then the record before it has to be found, which tells that this is the log.
  if (!cleanStop && hasRecordAt(reader, limit, filesEnd)) return { lookFrom: limit, limit };
  const lookFrom = asLogOffset(Math.max(vouched.lookFrom, first));
  if (lookFrom >= filedTo || hasRecordAt(reader, lookFrom, filesEnd)) return { lookFrom, limit };
  return `no record lies at ${lookFrom}, but all records up to ${filedTo} have been on the disk`;
}

/** Files behind `end` that begin with a record: where nobody says how far the log was flushed they are no leftovers. */
export function filesBehind(reader: LogReader, starts: readonly number[], end: number): number[] {
  const filesEnd = filesEndOf(reader, starts);
  return starts.filter((start) => start > end && hasRecordAt(reader, asLogOffset(start), filesEnd));
}

function filesEndOf(reader: LogReader, starts: readonly number[]): LogOffset {
  return segmentEnd(reader.files, starts.at(-1) ?? 0);
}

function hasRecordAt(reader: LogReader, offset: LogOffset, filesEnd: LogOffset): boolean {
  const scanner = new LogScanner(reader, false);
  scanner.begin(offset, filesEnd);
  return scanner.next() === Scanned.record;
}
