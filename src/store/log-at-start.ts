/**
 * The log as a start finds it, before anything is changed: its files, what the checkpoint says of them, and from where on it has to be looked
 * through. Part of recovery.ts. Refuses a log that has lost what was on the disk.
 */
import { asLogOffset, type LogOffset } from '../base/units.ts';
import type { CheckpointFields, Vouched } from '../layout/checkpoint-file.ts';
import { findCheckpoint, readVouched, safeTimestamp } from './checkpoint.ts';
import type { Disk } from './disk.ts';
import { hasFailedSync } from './failed-sync.ts';
import { type FoundRun, findRun } from './file-run.ts';
import { LogReader } from './log-reader.ts';
import { findWalkStart, newestStoreMs } from './log-recovery.ts';
import { LogScanner, Scanned } from './log-scanner.ts';
import type { FiledQueue } from './queue-recovery.ts';
import { type FlushedLogFiles, logFilesOf, segmentEnd, segmentPath, segmentStart } from './segments.ts';
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
    const flushedTo = logFlushedTo(this.vouched);
    this.run = findRun(disk, {
      directory: paths.commitLog,
      sizeBytes: settings.segmentSizeBytes,
      setting: 'mappedFileSizeCommitLog',
      cleanStop: this.cleanStop,
      wasFlushed: (tear) => tear < flushedTo,
    });
    this.start = asLogOffset(this.run.starts[0] ?? 0);
    this.reader = new LogReader(disk, this.files);
    const { nowMs = Number.MAX_SAFE_INTEGER } = settings;
    const newest = (): number => newestStoreMs(this.reader, this.run.starts);
    const { fields, isDamaged } = findCheckpoint(disk, paths.checkpoint, nowMs, newest);
    this.checkpoint = fields;
    this.isCheckpointDamaged = isDamaged;
    if (this.isMissing) this.#refuseLoss('there is no file of it', 0);
  }

  get isMissing(): boolean {
    return this.run.starts.length === 0;
  }

  /** From what RingMQ itself has said of the disk, else as upstream begins: after a clean stop that asks what the queues know. */
  startPoint(queues: readonly FiledQueue[], checksBodies: boolean): StartPoint {
    return this.#vouchedStart() ?? this.#upstreamStart(queues, checksBodies);
  }

  #vouchedStart(): StartPoint | null {
    if (this.vouched === null) return null;
    const { filedTo } = this.vouched;
    const back = asLogOffset(Math.max(this.vouched.lookFrom, this.start));
    const limit = asLogOffset(filedTo);
    // Nothing may have come behind it: then the record before it has to be found, which tells that this is the log.
    const lookFrom = !this.cleanStop && this.#hasRecordAt(limit) ? limit : back;
    const isPlace =
      filedTo >= this.start && filedTo <= this.#filesEnd && (lookFrom >= filedTo || this.#hasRecordAt(lookFrom));
    if (isPlace) return { lookFrom, limit };
    throw this.#lost(
      `no record lies at ${Math.min(lookFrom, filedTo)}, but all records up to ${filedTo} have been on the disk`,
    );
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

  #hasRecordAt(offset: LogOffset): boolean {
    const scanner = new LogScanner(this.reader, false);
    scanner.begin(offset, this.#filesEnd);
    return scanner.next() === Scanned.record;
  }

  get #filesEnd(): LogOffset {
    return asLogOffset((this.run.starts.at(-1) ?? 0) + this.files.segmentSizeBytes);
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
    this.#refuseLoss(`it ends at ${end}`, end);
    if (this.vouched === null) this.#refuseFilesBehind(end);
  }

  /** Where nobody says how far the log was flushed, a file behind its end that begins with a record is no leftover. */
  #refuseFilesBehind(end: LogOffset): void {
    const file = this.run.starts.find((start) => start > end && this.#hasRecordAt(asLogOffset(start)));
    if (file === undefined) return;
    throw new StoreDamagedError(
      `the log is damaged at ${end} (${segmentPath(this.files, segmentStart(this.files, end))}) and goes on in ` +
        `${segmentPath(this.files, file)}: no start cuts that off. \`ringmq verify\` says what is wrong; \`ringmq repair\` goes on over a ` +
        'damaged body, and with --cut-at cuts the log at a hole',
    );
  }

  #refuseLoss(what: string, end: number): void {
    const to = lossLimit(this.vouched);
    if (end < to) throw this.#lost(`${what}, but all records up to ${to} have been on the disk`);
  }

  #lost(what: string): StoreDamagedError {
    return new StoreDamagedError(
      `the log of ${this.files.directory} has lost something: ${what}. \`ringmq verify\` says what is wrong. To go on with what is ` +
        'left: `ringmq repair`',
    );
  }

  close(): void {
    this.reader.close();
  }
}

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
