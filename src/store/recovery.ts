/**
 * Opens the store at start, before any thread writes: finds the ends of the log, of the queues and of the index, cuts off what a crash has
 * left half done, and says from where dispatch has to build them again (spec/store.md 12). One thread calls it once, in control's start.
 *
 * The checkpoint says from where on the log has to be looked through (layout/checkpoint-file.ts): after a clean stop a short piece before
 * its end, after a crash all that has come since. Queues and index are cut there, because nothing behind it was on the disk for certain.
 * A store that Apache's broker has left says less: there the look begins at a segment, as upstream's does. A queue or an index that
 * lacks more than that makes the look begin further back. Dispatch must reach `logEnd` before anybody is served, else a consumer would
 * find a queue shorter than it was and be sent back.
 */
import { dirname } from 'node:path';
import { asLogOffset, type LogOffset, type QueueOffset } from '../base/units.ts';
import { type CheckpointFields, NO_INDEX_KEPT, type Vouched } from '../layout/checkpoint-file.ts';
import { readCheckpoint, readVouched, safeTimestamp } from './checkpoint.ts';
import type { Disk } from './disk.ts';
import { hasFailedSync } from './failed-sync.ts';
import { loadFileRun } from './file-run.ts';
import type { IndexFiles } from './index-files.ts';
import { cutIndex, type IndexRecoverySettings, indexEnd } from './index-recovery.ts';
import { LogReader } from './log-reader.ts';
import { endLogAt, findWalkStart, type WalkProgress, walkBefore, walkRecords } from './log-recovery.ts';
import { LogScanner, Scanned } from './log-scanner.ts';
import { LookBack } from './look-back.ts';
import { StoreTimes } from './offset-search.ts';
import { type LedgerQueue, QueueLedger } from './queue-ledger.ts';
import { type FiledQueue, listQueues } from './queue-recovery.ts';
import { boundsOf, cutAll, cutBeyond, lookUp, type RecoveredQueue } from './recovered-queues.ts';
import { type CommitLogFiles, segmentEnd } from './segments.ts';
import { StoreDamagedError } from './store-errors.ts';
import type { StorePaths } from './store-paths.ts';
import type { UnsyncedPaths } from './unsynced-queues.ts';

export interface RecoverySettings {
  readonly segmentSizeBytes: number;
  readonly queueFileSizeBytes: number;
  /** Whether bodies are checked against their checksums (`checkCRCOnRecover`). */
  readonly checksBodies: boolean;
  /** What the store lock has found: nobody had this store open when it was left. */
  readonly cleanStop: boolean;
  /** Left out without a key index: what there is of one is left alone. */
  readonly index?: IndexFiles | null;
  readonly progress?: WalkProgress;
}

export interface RecoveryLog {
  info(message: string): void;
  warn(message: string): void;
}

export interface RecoveredStore {
  readonly cleanStop: boolean;
  readonly logStart: LogOffset;
  readonly logEnd: LogOffset;
  /** A record begins here, or the log: from here on a start after a clean stop may look through what there is now. */
  readonly lookFrom: LogOffset;
  /** Records from here on may be missing in queues or index; those that they have are to be passed over. */
  readonly dispatchFrom: LogOffset;
  /** Store time of the newest record, in ms; append gives out no earlier one. 0 for an empty log. */
  readonly newestStoreTimestamp: number;
  /** All queues that have files or records from `dispatchFrom` on. */
  readonly queues: readonly RecoveredQueue[];
  /** Topics whose queues Apache's broker keeps in its batch format: they get no ConsumeQueue. */
  readonly batchTopics: ReadonlySet<string>;
  /** Files and folders of queues that were cut: to be durable before the next checkpoint. */
  readonly unsynced: UnsyncedPaths;
  /** 0 for a queue that nobody knows. */
  nextOffset(topic: string, queueId: number): QueueOffset;
}

export function recoverStore(
  disk: Disk,
  paths: StorePaths,
  settings: RecoverySettings,
  log: RecoveryLog,
): RecoveredStore {
  const recovery = new Recovery(disk, paths, settings, log);
  try {
    return recovery.run();
  } finally {
    recovery.close();
  }
}

/** Where to begin. */
interface StartPoint {
  /** From here on the log is looked through for its end. */
  readonly lookFrom: LogOffset;
  /** After a crash: from here on entries of queues and index are not believed. */
  readonly limit: LogOffset;
  /** What the start goes by; null when RingMQ has not said anything that a start of this kind can go by. */
  readonly vouched: Vouched | null;
}

/** What was found on the way to the log's end. */
interface Walk {
  readonly ledger: QueueLedger;
  readonly logEnd: LogOffset;
  readonly from: LogOffset;
  readonly lookBack: LookBack;
}

class Recovery {
  readonly #disk: Disk;
  readonly #paths: StorePaths;
  readonly #settings: RecoverySettings;
  readonly #log: RecoveryLog;
  readonly #files: CommitLogFiles;
  readonly #reader: LogReader;
  readonly #checkpoint: CheckpointFields;
  /** What RingMQ has said of the disk itself; null when it has not. */
  readonly #vouched: Vouched | null;
  /** Everything before this place was on the disk when it was last said, in the log and in the queues. */
  readonly #flushedTo: number;
  readonly #segments: readonly number[];
  readonly #logStart: LogOffset;
  readonly #batchTopics: ReadonlySet<string>;

  constructor(disk: Disk, paths: StorePaths, settings: RecoverySettings, log: RecoveryLog) {
    const { segmentSizeBytes } = settings;
    this.#disk = disk;
    this.#paths = paths;
    this.#log = log;
    this.#files = { directory: paths.commitLog, segmentSizeBytes };
    const cleanStop = settings.cleanStop && !hasFailedSync(disk, this.#files);
    this.#settings = { ...settings, cleanStop };
    this.#checkpoint = readCheckpoint(disk, paths.checkpoint);
    this.#vouched = readVouched(disk, paths.checkpoint);
    this.#flushedTo = flushedTo(this.#checkpoint, this.#vouched);
    const run = {
      directory: paths.commitLog,
      sizeBytes: segmentSizeBytes,
      setting: 'mappedFileSizeCommitLog',
      wasFlushed: (start: number) => start < this.#flushedTo,
      log,
    };
    this.#segments = loadFileRun(disk, run, cleanStop);
    this.#logStart = asLogOffset(this.#segments[0] ?? 0);
    this.#batchTopics = new Set(disk.list(paths.batchConsumeQueue));
    this.#reader = new LogReader(disk, this.#files);
  }

  run(): RecoveredStore {
    const { cleanStop, queueFileSizeBytes } = this.#settings;
    if (this.#segments.length === 0) this.#withoutLog();
    const { consumeQueue } = this.#paths;
    let queues = listQueues(this.#disk, consumeQueue, queueFileSizeBytes, cleanStop, this.#flushedTo, this.#log);
    const start = this.#startPoint(queues);
    let unsynced: UnsyncedPaths = { files: [], folders: [] };
    if (!cleanStop) {
      ({ queues, unsynced } = cutAll(this.#disk, this.#paths, queues, start.limit, queueFileSizeBytes));
    }
    const indexFrom = this.#indexFrom(start);
    const { ledger, logEnd, from, lookBack } = this.#walk(queues, start, this.#walkFrom(queues, start, indexFrom));
    this.#refuseLoss(start, logEnd);
    endLogAt(this.#disk, this.#files, this.#segments, start.lookFrom, logEnd, cleanStop, this.#log);
    queues = this.#dropUnfinished(queues, ledger);
    if (cleanStop) {
      queues = cutBeyond(this.#disk, this.#paths, queues, logEnd, queueFileSizeBytes, this.#log);
      this.#cutIndexBeyond(logEnd);
    }
    const dispatchFrom = asLogOffset(Math.min(ledger.firstUnfiledAt ?? logEnd, indexFrom ?? logEnd, logEnd));
    report(this.#log, this.#files, cleanStop, { logStart: this.#logStart, from, dispatchFrom, logEnd }, queues.length);
    const bounds = boundsOf(this.#disk, queues, ledger, this.#logStart, queueFileSizeBytes);
    return {
      cleanStop,
      logStart: this.#logStart,
      logEnd,
      lookFrom: asLogOffset(lookBack.from(logEnd)),
      dispatchFrom,
      newestStoreTimestamp: ledger.newestStoreTimestamp,
      batchTopics: this.#batchTopics,
      unsynced,
      queues: bounds,
      nextOffset: lookUp(bounds),
    };
  }

  close(): void {
    this.#reader.close();
  }

  /** From what RingMQ itself has said of the disk, else as upstream begins. */
  #startPoint(queues: readonly FiledQueue[]): StartPoint {
    return this.#vouchedStart() ?? this.#upstreamStart(queues);
  }

  #vouchedStart(): StartPoint | null {
    const { cleanStop } = this.#settings;
    const vouched = this.#vouched;
    if (vouched === null || (cleanStop && vouched.stoppedAt < 0)) return null;
    const { filedTo } = vouched;
    const back = asLogOffset(Math.max(vouched.lookFrom, this.#logStart));
    const limit = asLogOffset(filedTo);
    // Nothing may have come behind it: then the record before it has to be found, which tells that this is the log.
    const lookFrom = !cleanStop && this.#hasRecordAt(limit) ? limit : back;
    const isPlace =
      filedTo >= this.#logStart && filedTo <= this.#filesEnd && (lookFrom >= filedTo || this.#hasRecordAt(lookFrom));
    if (isPlace) return { lookFrom, limit, vouched };
    throw this.#lost(`no record lies at ${Math.min(lookFrom, filedTo)}`, filedTo);
  }

  /** What RingMQ has vouched for is looked for before anything goes. */
  #withoutLog(): void {
    const to = lossLimit(this.#vouched);
    if (to > 0) throw this.#lost('there is no file of it', to);
    dropWithoutLog(this.#disk, this.#paths, this.#log);
  }

  #hasRecordAt(offset: LogOffset): boolean {
    const scanner = new LogScanner(this.#reader, false);
    scanner.begin(offset, this.#filesEnd);
    return scanner.next() === Scanned.record;
  }

  get #filesEnd(): LogOffset {
    return asLogOffset((this.#segments.at(-1) ?? 0) + this.#files.segmentSizeBytes);
  }

  /**
   * After a clean stop: in the last segment that the queues know a record of or that continues it. After a crash: in the last one that
   * begins before the time that the checkpoint vouches for.
   */
  #upstreamStart(queues: readonly FiledQueue[]): StartPoint {
    const { cleanStop, checksBodies } = this.#settings;
    const filedTo = queues.reduce((most, queue) => Math.max(most, queue.logEnd), -1);
    const safeTime = safeTimestamp(this.#checkpoint);
    const start = findWalkStart(this.#reader, this.#segments, checksBodies, (position, storeTimestamp) =>
      cleanStop ? position <= filedTo : storeTimestamp <= safeTime,
    );
    return { lookFrom: start, limit: start, vouched: null };
  }

  /** From here on messages may be missing in the index; null when none is. After a crash its files are cut. */
  #indexFrom({ limit, lookFrom, vouched }: StartPoint): LogOffset | null {
    const { index, cleanStop } = this.#settings;
    if (index == null || this.#segments.length === 0) return null;
    const end = cleanStop ? indexEnd(this.#disk, index) : cutIndex(this.#disk, index, this.#indexCut(limit));
    const known = vouched?.indexEnd ?? NO_INDEX_KEPT;
    const isComplete = known !== NO_INDEX_KEPT && end >= known;
    if (isComplete) return cleanStop ? null : limit;
    const behind = this.#behind(end);
    if (vouched !== null || behind < lookFrom) {
      this.#log.warn(`the key index lacks messages from ${behind} on: they are put in again`);
    }
    return cleanStop ? behind : asLogOffset(Math.min(behind, limit));
  }

  #indexCut(limit: LogOffset): IndexRecoverySettings {
    const times = new StoreTimes(this.#reader);
    return {
      limit,
      believedTo: this.#checkpoint.indexTimestamp,
      storeTimeAt: (logOffset) => times.at(logOffset),
    };
  }

  /** After a clean stop only a damaged log makes the index go beyond its end. */
  #cutIndexBeyond(logEnd: LogOffset): void {
    const { index } = this.#settings;
    if (index == null || indexEnd(this.#disk, index) < logEnd) return;
    this.#log.warn(`the key index names records beyond the end of the log at ${logEnd}: these entries are removed`);
    cutIndex(this.#disk, index, { ...this.#indexCut(logEnd), believedTo: Number.POSITIVE_INFINITY });
  }

  /** The place behind the record at `offset`; the log's start when it is not there. */
  #behind(offset: number): LogOffset {
    if (offset < this.#logStart) return this.#logStart;
    const scanner = new LogScanner(this.#reader, false);
    scanner.begin(asLogOffset(offset), asLogOffset(segmentEnd(this.#files, offset)));
    return scanner.next() === Scanned.record && scanner.position === offset ? scanner.nextPosition : this.#logStart;
  }

  /** The walk begins early enough for what is missing. */
  #walkFrom(queues: readonly FiledQueue[], { lookFrom, vouched }: StartPoint, indexFrom: LogOffset | null): LogOffset {
    const from = asLogOffset(Math.min(lookFrom, indexFrom ?? lookFrom));
    if (!this.#settings.cleanStop || vouched === null) return from;
    const filed = queues.filter(({ end }) => end > 0);
    const entries = filed.reduce((sum, { end }) => sum + end, 0);
    if (filed.length === vouched.queueCount && entries === vouched.queueEntries) return from;
    this.#log.warn(
      `${filed.length} queues have ${entries} entries, at the stop ${vouched.queueCount} had ${vouched.queueEntries}: what is missing is ` +
        'built again from the log',
    );
    return this.#logStart;
  }

  /** Looks through the log from `from` on, and from its start when a queue turns out to lack more than that. */
  #walk(queues: readonly FiledQueue[], start: StartPoint, from: LogOffset): Walk {
    const { lookFrom } = start;
    const { checksBodies, progress = () => {} } = this.#settings;
    const lookBack = new LookBack(lookFrom);
    const passed = (position: number): void => {
      lookBack.passed(position);
      progress(position);
    };
    const ledger = new QueueLedger(this.#batchTopics);
    for (const queue of queues) ledger.addFiled(queue);
    walkBefore(this.#reader, from, lookFrom, ledger, progress);
    const walk = { from: lookFrom, durableTo: lossLimit(start.vouched), checksContents: checksBodies, ledger };
    const logEnd = walkRecords(this.#reader, this.#segments, walk, passed, this.#log);
    const first = ledger.incomplete[0];
    if (first === undefined || from <= this.#logStart) return { ledger, logEnd, from, lookBack };
    this.#log.warn(
      `queue ${first.topic}/${first.queueId} (${ledger.incomplete.length} in all) has ${Math.max(0, first.filedEnd)} entries, and the log ` +
        `goes on with ${first.firstUnfiled} at ${from}: what is missing is built again from the log's start`,
    );
    return this.#walk(queues, start, this.#logStart);
  }

  /** The records between a queue's last entry and its first in the log are gone with old segments: so are those of its entries. */
  #dropUnfinished(queues: readonly FiledQueue[], ledger: QueueLedger): FiledQueue[] {
    const dropped = new Set<FiledQueue>();
    for (const lacking of ledger.incomplete) {
      const queue = queues.find(({ topic, queueId }) => topic === lacking.topic && queueId === lacking.queueId);
      if (queue === undefined) continue;
      if (queue.logEnd > this.#logStart) throw gapIn(queue, lacking);
      this.#log.warn(
        `queue ${queue.topic}/${queue.queueId} ends at ${queue.end}, the log begins with ${lacking.firstUnfiled}: it begins there now`,
      );
      this.#disk.removeTree(queue.directory);
      dropped.add(queue);
    }
    for (const { directory } of dropped) this.#disk.syncDirectory(dirname(directory));
    return queues.filter((queue) => !dropped.has(queue));
  }

  /** What was on the disk once and is not there any more was not lost by a crash: nothing is cut before somebody has looked at it. */
  #refuseLoss({ vouched }: StartPoint, logEnd: LogOffset): void {
    const to = lossLimit(vouched);
    if (logEnd < to) throw this.#lost(`it ends at ${logEnd}`, to);
  }

  #lost(what: string, to: number): StoreDamagedError {
    return new StoreDamagedError(
      `the log of ${this.#files.directory} has lost something: ${what}, but all records up to ${to} have been on the disk. \`ringmq ` +
        `verify\` says what is wrong. To go on with what is left: \`ringmq repair\`, or move ${this.#paths.checkpoint} away`,
    );
  }
}

/** Infinity where only times are known: a store that Apache's broker has left. */
function flushedTo(checkpoint: CheckpointFields, vouched: Vouched | null): number {
  if (vouched !== null) return vouched.filedTo;
  return safeTimestamp(checkpoint) === 0 ? 0 : Number.POSITIVE_INFINITY;
}

function gapIn({ topic, queueId, end }: FiledQueue, { firstUnfiled }: LedgerQueue): StoreDamagedError {
  return new StoreDamagedError(
    `queue ${topic}/${queueId} has a gap: its files end at ${end}, the log goes on with ${firstUnfiled}. \`ringmq verify\` says what is ` +
      'wrong, `ringmq repair` builds the queue from what the log has',
  );
}

/** Up to here all records have been on the disk; 0 when nobody says so. */
function lossLimit(vouched: Vouched | null): number {
  return Math.max(0, vouched?.filedTo ?? 0, vouched?.stoppedAt ?? 0);
}

/** Without a log queues and index name nothing. They can be built again from a log that comes back, so nothing is lost (spec/store.md 12.5). */
function dropWithoutLog(disk: Disk, paths: StorePaths, log: RecoveryLog): void {
  for (const directory of [paths.consumeQueue, paths.index]) {
    if (disk.list(directory).length === 0) continue;
    log.warn(`${paths.commitLog} holds no log: ${directory} is removed`);
    disk.removeTree(directory);
    disk.syncDirectory(paths.root);
  }
}

function report(
  log: RecoveryLog,
  files: CommitLogFiles,
  cleanStop: boolean,
  at: { logStart: LogOffset; from: LogOffset; dispatchFrom: LogOffset; logEnd: LogOffset },
  queueCount: number,
): void {
  const how = cleanStop ? 'stopped cleanly' : 'was not stopped cleanly';
  log.info(
    `store of ${files.directory} ${how}: log ${at.logStart} to ${at.logEnd}, looked through from ${at.from}, ` +
      `${queueCount} queues, to be filed from ${at.dispatchFrom}`,
  );
}
