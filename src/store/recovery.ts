/**
 * Opens the store at start, before any thread writes: finds the ends of the log and of the queues, cuts off what a crash has left half
 * done, and says from where dispatch has to build the queues again (spec/store.md 12). One thread calls it once, in control's start.
 *
 * After a clean stop the files are as they should be, and the last segment alone is looked through. After a crash nothing is trusted
 * that the checkpoint does not vouch for: the log is checked from the segment that the checkpoint points at, and every queue is cut at
 * that segment's start. Dispatch must reach `logEnd` before anybody is served, else a consumer would find a queue shorter than it was
 * and be sent back.
 */
import { asLogOffset, asQueueOffset, type LogOffset, type QueueOffset } from '../base/units.ts';
import { readCheckpoint, safeTimestamp } from './checkpoint.ts';
import type { Disk } from './disk.ts';
import { loadFileRun } from './file-run.ts';
import { LogReader } from './log-reader.ts';
import { endLogAt, findWalkStart, walkRecords } from './log-recovery.ts';
import { QueueLedger } from './queue-ledger.ts';
import { cutQueue, type FiledQueue, listQueues, minOf } from './queue-recovery.ts';
import type { CommitLogFiles } from './segments.ts';
import type { StorePaths } from './store-paths.ts';
import { QueueSync, UnsyncedQueues } from './unsynced-queues.ts';

export interface RecoverySettings {
  readonly segmentSizeBytes: number;
  readonly queueFileSizeBytes: number;
  /** Whether bodies are checked against their checksums (`checkCRCOnRecover`). */
  readonly checksBodies: boolean;
  /** What the store lock has found: nobody had this store open when it was left. */
  readonly cleanStop: boolean;
}

export interface RecoveryLog {
  info(message: string): void;
  warn(message: string): void;
}

export interface RecoveredQueue {
  readonly topic: string;
  readonly queueId: number;
  /** Of the entries in files. A queue that only the log knows has both at the offset of its first record. */
  readonly min: QueueOffset;
  readonly max: QueueOffset;
  /** What append gives the queue's next message: it counts records that dispatch has still to file. */
  readonly next: QueueOffset;
}

export interface RecoveredStore {
  readonly cleanStop: boolean;
  readonly logStart: LogOffset;
  readonly logEnd: LogOffset;
  /** Records from here on may be missing in queues; those that a queue has are to be passed over. */
  readonly dispatchFrom: LogOffset;
  /** Store time of the newest record, in ms; append gives out no earlier one. 0 for an empty log. */
  readonly newestStoreTimestamp: number;
  /** All queues that have files or records from `dispatchFrom` on. */
  readonly queues: readonly RecoveredQueue[];
  /** Topics whose queues Apache's broker keeps in its batch format: they get no ConsumeQueue. */
  readonly batchTopics: ReadonlySet<string>;
  /** 0 for a queue that nobody knows. */
  nextOffset(topic: string, queueId: number): QueueOffset;
}

export function recoverStore(
  disk: Disk,
  paths: StorePaths,
  settings: RecoverySettings,
  log: RecoveryLog,
): RecoveredStore {
  const { cleanStop, segmentSizeBytes, queueFileSizeBytes } = settings;
  const files = { directory: paths.commitLog, segmentSizeBytes };
  const segments = loadFileRun(disk, paths.commitLog, segmentSizeBytes, 'mappedFileSizeCommitLog', cleanStop);
  if (segments.length === 0) dropQueuesWithoutLog(disk, paths, log);
  const logStart = asLogOffset(segments[0] ?? 0);
  const batchTopics = new Set(disk.list(paths.batchConsumeQueue));
  let queues = listQueues(disk, paths.consumeQueue, queueFileSizeBytes, cleanStop);

  const reader = new LogReader(disk, files);
  try {
    const walkStart = findStart(disk, paths, settings, reader, segments, queues);
    if (!cleanStop) queues = cutAll(disk, paths, queues, walkStart, queueFileSizeBytes);
    const ledger = new QueueLedger(batchTopics);
    for (const queue of queues) ledger.addFiled(queue.topic, queue.queueId, queue.end);
    const logEnd = walkRecords(reader, segments, walkStart, settings.checksBodies, ledger);
    endLogAt(disk, files, segments, walkStart, logEnd, cleanStop);
    if (cleanStop) queues = cutBeyond(disk, paths, queues, logEnd, queueFileSizeBytes, log);
    const dispatchFrom = ledger.firstUnfiledAt ?? logEnd;
    report(log, files, cleanStop, { logStart, walkStart, dispatchFrom, logEnd }, queues.length);
    const bounds = boundsOf(disk, queues, ledger, logStart, queueFileSizeBytes);
    const { newestStoreTimestamp } = ledger;
    const nextOffset = lookUp(bounds);
    return { cleanStop, logStart, logEnd, dispatchFrom, newestStoreTimestamp, batchTopics, queues: bounds, nextOffset };
  } finally {
    reader.close();
  }
}

/** Without a log the queues name nothing. They can be built again from a log that comes back, so nothing is lost (spec/store.md 12.5). */
function dropQueuesWithoutLog(disk: Disk, paths: StorePaths, log: RecoveryLog): void {
  if (disk.list(paths.consumeQueue).length === 0) return;
  log.warn(`${paths.commitLog} holds no log: the queues in ${paths.consumeQueue} are removed`);
  disk.removeTree(paths.consumeQueue);
  disk.syncDirectory(paths.root);
}

/**
 * Where to begin to look through the log. After a clean stop: in the last segment that the queues know a record of or that continues it.
 * After a crash: in the last one that begins before the time that the checkpoint vouches for.
 */
function findStart(
  disk: Disk,
  paths: StorePaths,
  settings: RecoverySettings,
  reader: LogReader,
  segments: readonly number[],
  queues: readonly FiledQueue[],
): LogOffset {
  if (settings.cleanStop) {
    let filedTo = -1;
    for (const queue of queues) filedTo = Math.max(filedTo, queue.logEnd);
    return findWalkStart(reader, segments, settings.checksBodies, (position) => position <= filedTo);
  }
  const safeTime = safeTimestamp(readCheckpoint(disk, paths.checkpoint));
  return findWalkStart(reader, segments, settings.checksBodies, (_, storeTimestamp) => storeTimestamp <= safeTime);
}

/** All are cut first and flushed then, which costs the file system one transaction and not one for each of thousands of queues. */
function cutAll(
  disk: Disk,
  paths: StorePaths,
  queues: readonly FiledQueue[],
  limit: number,
  fileSizeBytes: number,
): FiledQueue[] {
  const unsynced = new UnsyncedQueues(paths.consumeQueue);
  const left: FiledQueue[] = [];
  for (const queue of queues) {
    const cut = cutQueue(disk, queue, limit, fileSizeBytes, unsynced);
    if (cut !== null) left.push(cut);
  }
  const sync = new QueueSync(disk, unsynced.take());
  while (!sync.step());
  return left;
}

/** After a clean stop only a damaged log makes queues go beyond its end. */
function cutBeyond(
  disk: Disk,
  paths: StorePaths,
  queues: readonly FiledQueue[],
  logEnd: LogOffset,
  fileSizeBytes: number,
  log: RecoveryLog,
): FiledQueue[] {
  const ahead = queues.filter((queue) => queue.logEnd > logEnd);
  if (ahead.length === 0) return [...queues];
  log.warn(`${ahead.length} queues name records beyond the end of the log at ${logEnd}: these entries are removed`);
  const within = queues.filter((queue) => queue.logEnd <= logEnd);
  return [...within, ...cutAll(disk, paths, ahead, logEnd, fileSizeBytes)];
}

/** Of all queues that have files or were met in the log. */
function boundsOf(
  disk: Disk,
  filed: readonly FiledQueue[],
  ledger: QueueLedger,
  logStart: LogOffset,
  fileSizeBytes: number,
): RecoveredQueue[] {
  const byName = new Map(filed.map((queue) => [nameOf(queue.topic, queue.queueId), queue]));
  return ledger.queues.map(({ topic, queueId, firstUnfiled, next }) => {
    const files = byName.get(nameOf(topic, queueId));
    const first = asQueueOffset(Math.max(0, firstUnfiled));
    const min = files === undefined ? first : minOf(disk, files, logStart, fileSizeBytes);
    const max = files?.end ?? first;
    return { topic, queueId, min, max, next: asQueueOffset(Math.max(max, next)) };
  });
}

function lookUp(queues: readonly RecoveredQueue[]): (topic: string, queueId: number) => QueueOffset {
  const next = new Map(queues.map((queue) => [nameOf(queue.topic, queue.queueId), queue.next]));
  return (topic, queueId) => next.get(nameOf(topic, queueId)) ?? asQueueOffset(0);
}

/** No topic has a slash in its name, because it is the name of a folder. */
function nameOf(topic: string, queueId: number): string {
  return `${topic}/${queueId}`;
}

function report(
  log: RecoveryLog,
  files: CommitLogFiles,
  cleanStop: boolean,
  at: { logStart: LogOffset; walkStart: LogOffset; dispatchFrom: LogOffset; logEnd: LogOffset },
  queueCount: number,
): void {
  const how = cleanStop ? 'stopped cleanly' : 'was not stopped cleanly';
  log.info(
    `store of ${files.directory} ${how}: log ${at.logStart} to ${at.logEnd}, looked through from ${at.walkStart}, ` +
      `${queueCount} queues, to be filed from ${at.dispatchFrom}`,
  );
}
