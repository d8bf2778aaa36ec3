/**
 * Opens the store at start, before any thread writes: finds the ends of the log, of the queues and of the index, cuts off what a crash has
 * left half done, and says from where dispatch has to build them again (spec/store.md 12). One thread calls it once, in control's start.
 *
 * It looks at everything first, and refuses before it changes anything. The cuts depend on nothing but what the checkpoint says and what the
 * log holds, so a start that ends in the middle of them leaves a store in which the next one finds the same.
 *
 * The checkpoint says from where on the log has to be looked through (layout/checkpoint-file.ts): after a clean stop a short piece before
 * its end, after a crash all that has come since. Queues and index are cut there, because nothing behind it was on the disk for certain.
 * A store that Apache's broker has left says less: there the look begins at a segment, as upstream's does. A queue or an index that
 * lacks more than that makes the look begin further back. Dispatch must reach `logEnd` before anybody is served, else a consumer would
 * find a queue shorter than it was and be sent back.
 */
import { dirname } from 'node:path';
import { counted } from '../base/counted.ts';
import { asLogOffset, type LogOffset, type QueueOffset } from '../base/units.ts';
import { NO_INDEX_KEPT, type Vouched } from '../layout/checkpoint-file.ts';
import type { Disk } from './disk.ts';
import type { IndexFiles } from './index-files.ts';
import { cutIndex, findIndexCut, type IndexCut, type IndexRecoverySettings, indexEnd } from './index-recovery.ts';
import { LogAtStart, lossLimit, type StartPoint } from './log-at-start.ts';
import { endLogAt, type WalkProgress, walkBefore, walkRecords } from './log-recovery.ts';
import { LookBack } from './look-back.ts';
import { StoreTimes } from './offset-search.ts';
import { type QueueFiles, queueFilesOf } from './queue-files.ts';
import { type LedgerQueue, QueueLedger } from './queue-ledger.ts';
import { type FiledQueue, type FoundQueue, findCut, keepQueue, listQueues, type QueueCut } from './queue-recovery.ts';
import { boundsOf, carryOutCuts, cutBeyond, leftOf, lookUp, type RecoveredQueue } from './recovered-queues.ts';
import type { CommitLogFiles } from './segments.ts';
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
  /** The queues have all records before this, but for those that say another queue than their own. */
  readonly queuesCompleteTo: LogOffset;
  /** What the checkpoint can say of the disk now; null when RingMQ has said something already. To be written before anything is appended. */
  readonly firstWord: Vouched | null;
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

/** What was found on the way to the log's end. */
interface Walk {
  readonly ledger: QueueLedger;
  readonly logEnd: LogOffset;
  readonly from: LogOffset;
  readonly lookBack: LookBack;
}

/** The records between its last entry and its first in the log are gone with old segments: so are those of its entries. */
interface UnfinishedQueue {
  readonly queue: FiledQueue;
  readonly firstInLog: number;
}

/** What a start has found, and what it is going to change. */
interface StartFindings {
  readonly start: StartPoint;
  readonly walk: Walk;
  readonly queueCuts: readonly QueueCut[];
  /** Null after a clean stop, and without an index. */
  readonly indexCut: IndexCut | null;
  /** Log offset of the newest message in the index, as it is going to be: -1 when it is empty, null when none is kept. */
  readonly indexed: number | null;
  /** From here on messages may be missing in the index; null when none is. */
  readonly indexFrom: LogOffset | null;
  /** All files of these go. */
  readonly unfinished: readonly UnfinishedQueue[];
}

class Recovery {
  readonly #disk: Disk;
  readonly #paths: StorePaths;
  readonly #settings: RecoverySettings;
  readonly #log: RecoveryLog;
  readonly #queueFiles: QueueFiles;
  readonly #logFound: LogAtStart;
  readonly #batchTopics: ReadonlySet<string>;

  constructor(disk: Disk, paths: StorePaths, settings: RecoverySettings, log: RecoveryLog) {
    this.#disk = disk;
    this.#paths = paths;
    this.#log = log;
    this.#settings = settings;
    this.#queueFiles = queueFilesOf(paths, settings);
    this.#logFound = new LogAtStart(disk, paths, settings);
    this.#batchTopics = new Set(disk.list(paths.batchConsumeQueue));
  }

  run(): RecoveredStore {
    const { cleanStop, start: logStart, files } = this.#logFound;
    const found = this.#look();
    const { ledger, logEnd, from, lookBack } = found.walk;
    const { queues, unsynced } = this.#change(found);
    const dispatchFrom = asLogOffset(Math.min(ledger.firstUnfiledAt ?? logEnd, found.indexFrom ?? logEnd, logEnd));
    report(this.#log, files, cleanStop, { logStart, from, dispatchFrom, logEnd }, queues.length);
    const bounds = boundsOf(this.#disk, this.#queueFiles, queues, ledger, logStart);
    const lookFrom = asLogOffset(lookBack.from(logEnd));
    return {
      cleanStop,
      logStart,
      logEnd,
      lookFrom,
      dispatchFrom,
      queuesCompleteTo: ledger.firstUnfiledAt ?? logEnd,
      firstWord: this.#logFound.vouched === null ? firstWord(found, dispatchFrom, lookFrom) : null,
      newestStoreTimestamp: ledger.newestStoreTimestamp,
      batchTopics: this.#batchTopics,
      unsynced,
      queues: bounds,
      nextOffset: lookUp(bounds),
    };
  }

  /** Throws when the store cannot be opened. Nothing is changed yet. */
  #look(): StartFindings {
    const { cleanStop } = this.#logFound;
    const { checksBodies } = this.#settings;
    // After a crash no queue is asked: it is known before which of their entries count.
    const crashed = cleanStop ? null : this.#logFound.startPoint([], checksBodies);
    const found = this.#findQueues(crashed?.limit ?? 0);
    const start = crashed ?? this.#logFound.startPoint(found, checksBodies);
    const queueCuts = found.map((queue) =>
      cleanStop ? keepQueue(queue) : findCut(this.#disk, this.#queueFiles, queue, start.limit),
    );
    const queues = leftOf(queueCuts);
    const indexCut = this.#findIndexCut(start.limit);
    const indexed = this.#indexEnd(indexCut);
    const indexFrom = indexed === null ? null : this.#indexFrom(start, indexed);
    const walk = this.#walk(queues, start, this.#walkFrom(queues, start, indexFrom));
    this.#logFound.refuseLoss(start, walk.logEnd);
    const unfinished = this.#unfinished(queues, walk.ledger);
    return { start, walk, queueCuts, indexCut, indexed, indexFrom, unfinished };
  }

  #change({ start, walk, queueCuts, indexCut, unfinished }: StartFindings): {
    readonly queues: readonly FiledQueue[];
    readonly unsynced: UnsyncedPaths;
  } {
    const { files, run, cleanStop } = this.#logFound;
    const { logEnd } = walk;
    if (this.#logFound.isMissing) dropWithoutLog(this.#disk, this.#paths, this.#log);
    const unsynced = carryOutCuts(this.#disk, this.#queueFiles, queueCuts, this.#log);
    indexCut?.carryOut();
    endLogAt(this.#disk, files, { end: logEnd, walkStart: start.lookFrom, run, cleanStop }, this.#log);
    this.#drop(unfinished);
    const queues = leftOf(queueCuts).filter((queue) => !unfinished.some((gone) => gone.queue === queue));
    if (!cleanStop) return { queues, unsynced };
    this.#cutIndexBeyond(logEnd);
    return { queues: cutBeyond(this.#disk, this.#queueFiles, queues, logEnd, this.#log), unsynced };
  }

  close(): void {
    this.#logFound.close();
  }

  /** Without a log they name nothing, and go (spec/store.md 12.5). */
  #findQueues(limit: number): FoundQueue[] {
    if (this.#logFound.isMissing) return [];
    return listQueues(this.#disk, this.#queueFiles, { cleanStop: this.#logFound.cleanStop, limit });
  }

  /** After a crash the index is cut where the queues are. */
  #findIndexCut(limit: LogOffset): IndexCut | null {
    const { index } = this.#settings;
    if (this.#logFound.cleanStop || index == null || this.#logFound.isMissing) return null;
    return findIndexCut(this.#disk, index, this.#indexSettings(limit));
  }

  #indexEnd(indexCut: IndexCut | null): number | null {
    const { index } = this.#settings;
    if (index == null) return null;
    if (this.#logFound.isMissing) return -1;
    return indexCut === null ? indexEnd(this.#disk, index) : indexCut.end;
  }

  #indexFrom({ limit, lookFrom, vouched }: StartPoint, end: number): LogOffset | null {
    const { cleanStop, isMissing } = this.#logFound;
    if (isMissing) return null;
    const known = vouched?.indexEnd ?? NO_INDEX_KEPT;
    const isComplete = known !== NO_INDEX_KEPT && end >= known;
    if (isComplete) return cleanStop ? null : limit;
    const behind = this.#logFound.behind(end);
    if (vouched !== null || behind < lookFrom) {
      this.#log.warn(`the key index lacks messages from ${behind} on: they are put in again`);
    }
    return cleanStop ? behind : asLogOffset(Math.min(behind, limit));
  }

  #indexSettings(limit: LogOffset): IndexRecoverySettings {
    const times = new StoreTimes(this.#logFound.reader);
    return {
      limit,
      believedTo: this.#logFound.checkpoint.indexTimestamp,
      storeTimeAt: (logOffset) => times.at(logOffset),
    };
  }

  /** After a clean stop only a damaged log makes the index go beyond its end. */
  #cutIndexBeyond(logEnd: LogOffset): void {
    const { index } = this.#settings;
    if (index == null || indexEnd(this.#disk, index) < logEnd) return;
    this.#log.warn(`the key index names records beyond the end of the log at ${logEnd}: these entries are removed`);
    cutIndex(this.#disk, index, { ...this.#indexSettings(logEnd), believedTo: Number.POSITIVE_INFINITY });
  }

  /** The walk begins early enough for what is missing. */
  #walkFrom(queues: readonly FiledQueue[], { lookFrom, vouched }: StartPoint, indexFrom: LogOffset | null): LogOffset {
    const from = asLogOffset(Math.min(lookFrom, indexFrom ?? lookFrom));
    if (!this.#logFound.cleanStop || vouched === null || isAsStopped(queues, vouched)) return from;
    const { count, entries } = sumsOf(queues);
    this.#log.warn(
      `${counted(count, 'queue')} with ${counted(entries, 'entry', 'entries')}, at the stop ${vouched.queueCount} with ${vouched.queueEntries}: what is missing is ` +
        'built again from the log',
    );
    return this.#logFound.start;
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
    const { vouched } = start;
    const completeTo = vouched !== null && isAsStopped(queues, vouched) ? vouched.stoppedAt : 0;
    const ledger = new QueueLedger(this.#batchTopics, completeTo);
    for (const queue of queues) ledger.addFiled(queue);
    walkBefore(this.#logFound.reader, from, lookFrom, ledger, progress);
    const walk = { from: lookFrom, durableTo: lossLimit(vouched), checksContents: checksBodies, ledger };
    const logEnd = walkRecords(this.#logFound.reader, this.#logFound.run.starts, walk, passed, this.#log);
    const first = ledger.incomplete[0];
    if (first === undefined || from <= this.#logFound.start) return { ledger, logEnd, from, lookBack };
    this.#log.warn(
      `queue ${first.topic}/${first.queueId} (${ledger.incomplete.length} in all) has ${Math.max(0, first.filedEnd)} entries, and the log ` +
        `goes on with ${first.firstUnfiled} at ${from}: what is missing is built again from the log's start`,
    );
    return this.#walk(queues, start, this.#logFound.start);
  }

  #unfinished(queues: readonly FiledQueue[], ledger: QueueLedger): UnfinishedQueue[] {
    return ledger.incomplete.flatMap((lacking) => {
      const queue = queues.find(({ topic, queueId }) => topic === lacking.topic && queueId === lacking.queueId);
      if (queue === undefined) return [];
      if (queue.logEnd > this.#logFound.start) throw gapIn(queue, lacking);
      return { queue, firstInLog: lacking.firstUnfiled };
    });
  }

  #drop(unfinished: readonly UnfinishedQueue[]): void {
    for (const { queue, firstInLog } of unfinished) {
      const { topic, queueId, end, directory } = queue;
      this.#log.warn(
        `queue ${topic}/${queueId} ends at ${end}, the log begins with ${firstInLog}: it begins there now`,
      );
      this.#disk.removeTree(directory);
    }
    for (const { queue } of unfinished) this.#disk.syncDirectory(dirname(queue.directory));
  }
}

function sumsOf(queues: readonly FiledQueue[]): { readonly count: number; readonly entries: number } {
  const filed = queues.filter(({ end }) => end > 0);
  return { count: filed.length, entries: filed.reduce((sum, { end }) => sum + end, 0) };
}

/** Whether the queues have what they had at the stop in order that the checkpoint tells of. */
function isAsStopped(queues: readonly FiledQueue[], { stoppedAt, queueCount, queueEntries }: Vouched): boolean {
  const { count, entries } = sumsOf(queues);
  return stoppedAt >= 0 && count === queueCount && entries === queueEntries;
}

/** What the start itself goes by, as far as queues and index do not lack anything. */
function firstWord({ start, indexed }: StartFindings, dispatchFrom: LogOffset, lookFrom: LogOffset): Vouched {
  const filedTo = Math.min(start.limit, dispatchFrom);
  return {
    filedTo,
    lookFrom: Math.min(lookFrom, filedTo),
    indexEnd: indexed === null || indexed >= filedTo ? NO_INDEX_KEPT : indexed,
    stoppedAt: -1,
    queueCount: 0,
    queueEntries: 0,
  };
}

function gapIn({ topic, queueId, end }: FiledQueue, { firstUnfiled }: LedgerQueue): StoreDamagedError {
  return new StoreDamagedError(
    `queue ${topic}/${queueId} has a gap: its files end at ${end}, the log goes on with ${firstUnfiled}. \`ringmq verify\` says what is ` +
      'wrong, `ringmq repair` builds the queue from what the log has',
  );
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
      `${counted(queueCount, 'queue')}, to be filed from ${at.dispatchFrom}`,
  );
}
