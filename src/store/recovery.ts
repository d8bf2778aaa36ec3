/**
 * Opens the store at start, before any thread writes: finds the ends of the log, of the queues and of the index, cuts off what a crash has
 * left half done, and says from where dispatch has to build them again (spec/store.md 12). One thread calls it once, in control's start.
 *
 * It looks at everything first, and refuses before it changes anything. The cuts after a crash depend on nothing but what the checkpoint says
 * and what the log holds, so a start that ends in the middle of them leaves a store in which the next one finds the same. When something is
 * missing the checkpoint is to say so before it is built.
 *
 * The checkpoint says from where on the log has to be looked through (layout/checkpoint-file.ts): after a clean stop a short piece before
 * its end, after a crash all that has come since. Queues and index are cut there, because nothing behind it was on the disk for certain.
 * A store that Apache's broker has left says less: there the look begins at a segment, as upstream's does. A queue or an index that
 * lacks more than that makes the look begin further back. Dispatch must reach `logEnd` before anybody is served, else a consumer would
 * find a queue shorter than it was and be sent back.
 */
import { dirname } from 'node:path';
import { asLogOffset, type LogOffset, type QueueOffset } from '../base/units.ts';
import { type CheckpointFields, INDEX_UNKNOWN, type Vouched } from '../layout/checkpoint-file.ts';
import type { Disk } from './disk.ts';
import { type FoundIndex, IndexAtStart } from './index-at-start.ts';
import type { IndexFiles } from './index-files.ts';
import { LogAtStart, lossLimit, type StartPoint } from './log-at-start.ts';
import { endLogAt, type RecoveryLog, segmentsEnd, walkBefore, walkRecords } from './log-recovery.ts';
import { LookBack } from './look-back.ts';
import { type QueueFiles, queueFilesOf } from './queue-files.ts';
import { queueName } from './queue-folders.ts';
import { QueueLedger } from './queue-ledger.ts';
import { type FiledQueue, type FoundQueue, findCut, keepQueue, listQueues, type QueueCut } from './queue-recovery.ts';
import { keepRecordsBehind } from './records-aside.ts';
import {
  boundsOf,
  carryOutCuts,
  leftOf,
  lookUp,
  type RecoveredQueue,
  tellLackingBeginnings,
} from './recovered-queues.ts';
import {
  Ahead,
  aheadText,
  beginsLaterText,
  damagedCheckpointText,
  fewerQueuesText,
  gapIn,
  goneFilesText,
  incompleteText,
  type QueueSums,
  summaryText,
} from './start-lines.ts';
import type { StorePaths } from './store-paths.ts';
import { forgetRepairSettings } from './unfinished-repair.ts';
import type { UnsyncedPaths } from './unsynced-queues.ts';
import { dropWithoutLog } from './without-log.ts';

export interface RecoverySettings {
  readonly segmentSizeBytes: number;
  readonly queueFileSizeBytes: number;
  /** Whether bodies are checked against their checksums (`checkCRCOnRecover`). */
  readonly checksBodies: boolean;
  /** What the store lock has found: nobody had this store open when it was left. */
  readonly cleanStop: boolean;
  /** Wall time (log-at-start.ts). */
  readonly nowMs?: number;
  /** Left out without a key index: what there is of one is left alone. */
  readonly index?: IndexFiles | null;
  /** Told of the place that the look through the log has reached, and of the end of its files. */
  readonly progress?: (position: number, filesEnd: number) => void;
  /** Called when nothing is refused any more and the first change comes. */
  readonly changes?: () => void;
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
  /** What the checkpoint is to say, before anything is appended or built; null when what it says is true. */
  readonly word: Vouched | null;
  /** What counts of the checkpoint as it was found. */
  readonly checkpoint: CheckpointFields;
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
  /** Null when none is kept. */
  readonly index: FoundIndex | null;
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
  readonly #index: IndexAtStart;
  readonly #batchTopics: ReadonlySet<string>;

  constructor(disk: Disk, paths: StorePaths, settings: RecoverySettings, log: RecoveryLog) {
    this.#disk = disk;
    this.#paths = paths;
    this.#log = log;
    this.#settings = settings;
    this.#queueFiles = queueFilesOf(paths, settings);
    this.#logFound = new LogAtStart(disk, paths, settings);
    this.#index = new IndexAtStart(disk, paths, settings.index ?? null, this.#logFound, log);
    this.#batchTopics = new Set(disk.list(paths.batchConsumeQueue));
  }

  run(): RecoveredStore {
    const { cleanStop, start: logStart, files, vouched, checkpoint } = this.#logFound;
    if (this.#logFound.isCheckpointDamaged) this.#log.warn(damagedCheckpointText(this.#paths.checkpoint));
    const found = this.#look();
    const gone = this.#logFound.goneSinceStop;
    if (gone !== null) this.#log.warn(goneFilesText(files.directory, gone));
    const { ledger, logEnd, from, lookBack } = found.walk;
    this.#settings.changes?.();
    const { queues, unsynced } = this.#change(found);
    const dispatchFrom = asLogOffset(Math.min(ledger.firstUnfiledAt ?? logEnd, found.index?.from ?? logEnd, logEnd));
    const summary = { logStart, from, dispatchFrom, logEnd, queueCount: queues.length };
    this.#log.info(summaryText(files.directory, cleanStop, summary));
    tellLackingBeginnings(this.#disk, queues, logStart, this.#log);
    const bounds = boundsOf(this.#disk, this.#queueFiles, queues, ledger, logStart);
    const lookFrom = asLogOffset(lookBack.from(logEnd));
    return {
      cleanStop,
      logStart,
      logEnd,
      lookFrom,
      dispatchFrom,
      queuesCompleteTo: ledger.firstUnfiledAt ?? logEnd,
      word: vouched !== null && isTrueOf(found, vouched) ? null : this.#word(found, lookFrom),
      checkpoint,
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
    const listed = this.#listQueues(crashed?.limit ?? 0);
    const start = crashed ?? this.#logFound.startPoint(listed, checksBodies);
    const cuts = listed.map((queue) =>
      cleanStop ? keepQueue(queue) : findCut(this.#disk, this.#queueFiles, queue, start.limit),
    );
    const found = this.#lookWith(start, cuts, this.#index.find(start));
    this.#logFound.refuseLoss(found.walk.logEnd);
    const ahead = listed.filter((queue) => queue.logEnd > found.walk.logEnd);
    if (cleanStop) return this.#withoutWhatIsAhead(found, ahead);
    if (ahead.length > 0) this.#log.warn(aheadText(ahead, found.walk.logEnd, Ahead.lost));
    return found;
  }

  /**
   * With what is left of queues and index when these cuts are carried out. `damaged`: what the word is compared with, and from where on the
   * cuts have taken something.
   */
  #lookWith(
    start: StartPoint,
    queueCuts: readonly QueueCut[],
    index: FoundIndex | null,
    damaged?: { readonly asFound: readonly FiledQueue[]; readonly goodTo: number },
  ): StartFindings {
    const queues = leftOf(queueCuts);
    const { asFound = queues, goodTo = Number.POSITIVE_INFINITY } = damaged ?? {};
    const from = Math.max(this.#logFound.start, Math.min(goodTo, this.#walkFrom(asFound, start, index)));
    const walk = this.#walk(queues, start, asLogOffset(from));
    return { start, walk, queueCuts, index, unfinished: this.#unfinished(queues, walk.ledger) };
  }

  /**
   * After a stop in order nothing names records beyond the end of the log, unless it is damaged, or the log has lost its end and RingMQ's word
   * does not say so. What is damaged goes, and is built again from the log where that has it.
   */
  #withoutWhatIsAhead(found: StartFindings, ahead: readonly FoundQueue[]): StartFindings {
    const { start, walk, queueCuts } = found;
    const { logEnd } = walk;
    const isIndexAhead = found.index !== null && found.index.end >= logEnd;
    if (ahead.length === 0 && !isIndexAhead) return found;
    const names = new Set(ahead.map(({ directory }) => directory));
    const cuts = queueCuts.map((cut) => {
      if (!names.has(cut.directory) || cut.left === null) return cut;
      return findCut(this.#disk, this.#queueFiles, { ...cut.left, torn: cut.torn, empty: cut.gone }, logEnd);
    });
    if (ahead.length > 0)
      this.#log.warn(aheadText(ahead, logEnd, this.#logFound.vouched === null ? Ahead.gone : Ahead.damaged));
    const index = isIndexAhead ? this.#index.before(logEnd) : found.index;
    const goodTo = cuts
      .filter(({ directory }) => names.has(directory))
      .reduce((least, { left }) => Math.min(least, left?.logEnd ?? -1), start.lookFrom as number);
    return this.#lookWith(start, cuts, index, { asFound: leftOf(queueCuts), goodTo });
  }

  #change({ start, walk, queueCuts, index, unfinished }: StartFindings): {
    readonly queues: readonly FiledQueue[];
    readonly unsynced: UnsyncedPaths;
  } {
    const { files, reader, run, cleanStop, vouched } = this.#logFound;
    const { logEnd } = walk;
    // RingMQ's own stop in order leaves zeros there.
    const isSearched = !cleanStop || vouched === null;
    const hasRecordsBehind = isSearched && keepRecordsBehind(this.#disk, reader, run.starts, logEnd, this.#log);
    forgetRepairSettings(this.#disk, this.#paths);
    if (this.#logFound.isMissing) dropWithoutLog(this.#disk, this.#paths, this.#log);
    const unsynced = carryOutCuts(this.#disk, this.#queueFiles, queueCuts, this.#log);
    index?.cut?.carryOut();
    const ending = { end: logEnd, walkStart: start.lookFrom, run, cleanStop, hasRecordsBehind };
    endLogAt(this.#disk, files, ending, this.#log);
    this.#drop(unfinished);
    const gone = new Set(unfinished.map(({ queue }) => queue));
    const queues = leftOf(queueCuts).filter((queue) => !gone.has(queue));
    return { queues, unsynced };
  }

  close(): void {
    this.#logFound.close();
  }

  /** Without a log they name nothing, and go (spec/store.md 12.5). */
  #listQueues(limit: number): FoundQueue[] {
    if (this.#logFound.isMissing) return [];
    return listQueues(this.#disk, this.#queueFiles, { cleanStop: this.#logFound.cleanStop, limit });
  }

  /** The walk begins early enough for what is missing. */
  #walkFrom(queues: readonly FiledQueue[], { lookFrom }: StartPoint, index: FoundIndex | null): LogOffset {
    const { cleanStop, vouched, start } = this.#logFound;
    const from = asLogOffset(Math.min(lookFrom, index?.from ?? lookFrom));
    // While a broker runs its first rounds do not count them.
    const areCounted = vouched !== null && (cleanStop || vouched.queueCount > 0);
    if (!areCounted || this.#hasAllOf(vouched, queues)) return from;
    this.#log.warn(fewerQueuesText(this.#sumsOf(queues), vouched));
    return start;
  }

  /** Looks through the log from `from` on, and from its start when a queue turns out to lack more than that. */
  #walk(queues: readonly FiledQueue[], start: StartPoint, from: LogOffset): Walk {
    const { lookFrom } = start;
    const { checksBodies, progress = () => {} } = this.#settings;
    const { reader, run, vouched } = this.#logFound;
    const lookBack = new LookBack(lookFrom);
    const filesEnd = segmentsEnd(reader, run.starts);
    const told = (position: number): void => progress(position, filesEnd);
    const passed = (position: number): void => {
      lookBack.passed(position);
      told(position);
    };
    const isCounted = vouched !== null && vouched.queueEntries > 0;
    const completeTo = isCounted && this.#hasAllOf(vouched, queues) ? vouched.filedTo : 0;
    const ledger = new QueueLedger(this.#batchTopics, completeTo);
    for (const queue of queues) ledger.addFiled(queue);
    walkBefore(reader, from, lookFrom, ledger, told);
    const walk = { from: lookFrom, durableTo: lossLimit(vouched), checksContents: checksBodies, ledger };
    const logEnd = walkRecords(reader, run.starts, walk, passed, this.#log);
    const { incomplete } = ledger;
    if (incomplete.length === 0 || from <= this.#logFound.start) return { ledger, logEnd, from, lookBack };
    this.#log.warn(incompleteText(incomplete, from));
    return this.#walk(queues, start, this.#logFound.start);
  }

  /** Who counts them while a broker runs has no rows for those of batch topics. */
  #sumsOf(queues: readonly FiledQueue[]): QueueSums {
    const filed = queues.filter(({ topic, end }) => end > 0 && !this.#batchTopics.has(topic));
    return { count: filed.length, entries: filed.reduce((sum, { end }) => sum + end, 0) };
  }

  /** Whether the queues have what they had when RingMQ said so. */
  #hasAllOf({ queueCount, queueEntries }: Vouched, queues: readonly FiledQueue[]): boolean {
    const { count, entries } = this.#sumsOf(queues);
    return count === queueCount && entries === queueEntries;
  }

  #unfinished(queues: readonly FiledQueue[], ledger: QueueLedger): UnfinishedQueue[] {
    const { incomplete } = ledger;
    if (incomplete.length === 0) return [];
    const byName = new Map(queues.map((queue) => [queueName(queue), queue]));
    return incomplete.flatMap((lacking) => {
      const queue = byName.get(queueName(lacking));
      if (queue === undefined) return [];
      if (queue.logEnd > this.#logFound.start) throw gapIn(queue, lacking);
      return { queue, firstInLog: lacking.firstUnfiled };
    });
  }

  #drop(unfinished: readonly UnfinishedQueue[]): void {
    for (const { queue, firstInLog } of unfinished) {
      this.#log.warn(beginsLaterText(queue, firstInLog));
      this.#disk.removeTree(queue.directory);
    }
    for (const { queue } of unfinished) this.#disk.syncDirectory(dirname(queue.directory));
  }

  /**
   * What the checkpoint may say from now on: what the start itself goes by, as far as queues and index do not lack anything. All that has been on
   * the disk counts as that still.
   */
  #word(found: StartFindings, lookFrom: LogOffset): Vouched {
    const { vouched } = this.#logFound;
    const { index } = found;
    const filedTo = queuesTo(found);
    const isSame = vouched !== null && filedTo === vouched.filedTo;
    return {
      filedTo,
      lookFrom: Math.min(lookFrom, filedTo),
      // The queues do not wait for one that lacks keys.
      indexEnd: lacksKeys(found) ? INDEX_UNKNOWN : this.#index.endBefore(index, filedTo),
      stoppedAt: vouched === null ? -1 : lossLimit(vouched),
      queueCount: isSame ? vouched.queueCount : 0,
      queueEntries: isSame ? vouched.queueEntries : 0,
      logStart: this.#logFound.start,
    };
  }
}

/** The queues have all records before this. */
function queuesTo({ start, walk }: StartFindings): LogOffset {
  return asLogOffset(Math.min(start.limit, walk.ledger.firstUnfiledAt ?? walk.logEnd));
}

/** Whether RingMQ's word claims no more than there is. */
function isTrueOf(found: StartFindings, { filedTo, indexEnd }: Vouched): boolean {
  return filedTo <= queuesTo(found) && (indexEnd < -1 || !lacksKeys(found));
}

function lacksKeys(found: StartFindings): boolean {
  const from = found.index?.from ?? null;
  return from !== null && from < queuesTo(found);
}
