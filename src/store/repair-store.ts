/**
 * Does what a repair plan says, on a store that this process owns. The order keeps a repair that is interrupted harmless: the checkpoint
 * goes first, so that the next start believes nothing but the log, and all of that; what is cut off the log was kept before; files
 * are durable before the new checkpoint names them. Called by store-repair.ts.
 */
import { join } from 'node:path';
import { counted } from '../base/counted.ts';
import { asQueueOffset } from '../base/units.ts';
import { RecordAt } from '../layout/message-record.ts';
import { type BuildSlice, type BuiltSlice, fillBefore, type QueueToBuild } from './build-queues.ts';
import type { BuiltEntries } from './built-store.ts';
import { type Disk, isMissing, writeFully } from './disk.ts';
import { EntryAdder, type EntrySum } from './entry-sum.ts';
import { flushSegment, forgetFailedSync, hasFailedSync, rewriteSegment, syncSegment } from './failed-sync.ts';
import { wipeTail } from './file-run.ts';
import { indexFileNames } from './index-files.ts';
import type { KeyBatch } from './key-batch.ts';
import { placedFileStarts, queueDirectory, queueFilePath, queueFileStarts, queueFilesOf } from './queue-files.ts';
import { queueName } from './queue-folders.ts';
import { cutQueue, wipeBehind } from './queue-recovery.ts';
import { vouchForLog, vouchForStore } from './repair-checkpoint.ts';
import { cutLog } from './repair-cut.ts';
import { discardQueue } from './repair-discard.ts';
import type { RepairPlan } from './repair-plan.ts';
import { type CommitLogFiles, type FlushedLogFiles, logFilesOf, segmentPath, segmentStart } from './segments.ts';
import { StoreDamagedError } from './store-errors.ts';
import { QueueSync, UnsyncedQueues } from './unsynced-queues.ts';
import type { LogPicture } from './verify-log.ts';
import type { VerifyPlan } from './verify-plan.ts';
import type { VerifyReport } from './verify-store.ts';

/** So much of the log for each thread is worked on, or waits for what is before it: with its keys it takes up to a tenth of that in memory. */
const AHEAD_BYTES = 192 * 1024 * 1024;

/** The work that goes to the pool. */
export interface RepairWork {
  buildSlice(slice: BuildSlice, queues: readonly QueueToBuild[], withKeys: boolean): Promise<BuiltSlice>;
  /** Of a new index. */
  indexBuilder(): IndexBuilder;
  /** So many slices are worked on at a time. */
  readonly threads: number;
}

/** Takes the keys in the order of the log. */
export interface IndexBuilder {
  add(keys: KeyBatch): void;
  /** Makes the index durable. */
  complete(): BuiltIndex;
  close(): void;
}

export interface BuiltIndex {
  /** Store time, in ms, of the newest message in it; 0 without. */
  readonly newestStoreMs: number;
  readonly entries: EntrySum;
}

/** Throws when somebody else has opened the store meanwhile. */
export type CheckOwner = () => void;

/**
 * The first half of a repair, behind which a store that has lost records is verified again before the rest is done. `report` is of the log
 * before the cut, what that takes away was kept.
 */
export function repairLog(
  disk: Disk,
  plan: VerifyPlan,
  { log }: VerifyReport,
  repair: RepairPlan,
  checkOwner: CheckOwner,
): void {
  const files = logFilesOf(plan.paths, plan.options.sizes);
  syncLog(disk, plan, log.end);
  checkOwner();
  vouchForLog(disk, plan, log, log.end);
  growNewest(disk, files, plan.segments);
  for (const at of repair.fillers) writeFiller(disk, files, at);
  if (repair.cut === null) return;
  cutLog(disk, files, plan.segments, repair.cut);
  vouchForLog(disk, plan, log, repair.cut.at);
}

/** A crash while it was made. */
function growNewest(disk: Disk, files: CommitLogFiles, segments: readonly number[]): void {
  const newest = segments.at(-1);
  if (newest === undefined) return;
  const path = segmentPath(files, newest);
  const size = disk.stat(path)?.size ?? 0;
  if (size < files.segmentSizeBytes) wipeTail(disk, path, size, files.segmentSizeBytes);
}

function writeFiller(disk: Disk, files: FlushedLogFiles, at: number): void {
  const start = segmentStart(files, at);
  const bytes = new Uint8Array(RecordAt.magic - RecordAt.totalSize);
  new DataView(bytes.buffer).setInt32(RecordAt.totalSize, start + files.segmentSizeBytes - at);
  const file = disk.open(segmentPath(files, start), 'write');
  try {
    writeFully(file, bytes, 0, bytes.length, at - start + RecordAt.totalSize);
    syncSegment(disk, files, file);
  } finally {
    file.close();
  }
}

/**
 * Builds queues and index, makes everything durable and writes the checkpoint. `report` is of the log as it is now. Returns what was
 * written.
 */
export async function repairRest(
  disk: Disk,
  plan: VerifyPlan,
  report: VerifyReport,
  repair: RepairPlan,
  work: RepairWork,
  checkOwner: CheckOwner,
): Promise<BuiltEntries> {
  const { paths, options } = plan;
  const { log } = report;
  checkOwner();
  const unsynced = new UnsyncedQueues(paths.consumeQueue);
  const queueFiles = queueFilesOf(paths, options.sizes);
  for (const queue of repair.discard) discardQueue(disk, queueFiles, queue, log.end, unsynced);
  cutQueues(disk, plan, report, repair, unsynced);
  for (const { topic, queueId } of repair.build) removeFiles(disk, queueDirectory(paths.consumeQueue, topic, queueId));
  if (repair.buildIndex || repair.discardIndex) removeIndex(disk, paths.index);
  for (const queue of repair.build) fillBefore(disk, paths.consumeQueue, options.sizes.queueFileSizeBytes, queue);
  const { queues, index } = await build(repair, report, work);
  checkOwner();
  const isAllUnsynced = options.state === 'crashed';
  if (repair.discardIndex || (isAllUnsynced && !repair.buildIndex)) gatherIndex(disk, paths.index, unsynced);
  for (const { topic, queueId } of isAllUnsynced ? [...plan.queueFolders, ...repair.build] : repair.build)
    gatherQueue(disk, queueDirectory(paths.consumeQueue, topic, queueId), unsynced);
  const sync = new QueueSync(disk, unsynced.take());
  while (!sync.step());
  syncLog(disk, plan, log.end);
  const newestIndexedMs = index?.newestStoreMs ?? keptIndexMs(plan, report, repair.hasIndex);
  checkOwner();
  vouchForStore(disk, plan, log, newestIndexedMs, repair.hasIndex);
  return { queues, index: index?.entries ?? null };
}

/** Store time of the newest message of an index that stays as it is. */
function keptIndexMs({ options, context, checkpoint }: VerifyPlan, { log }: VerifyReport, hasIndex: boolean): number {
  // It was compared with the log and flushed. An interrupted repair has left no word for it in the checkpoint.
  const isFlushed = options.state === 'crashed' && hasIndex;
  const named = isFlushed ? context.indexFiles.map(({ header }) => header.endTimestamp) : [checkpoint.indexTimestamp];
  return Math.min(Math.max(0, ...named), log.newestStoreMs);
}

/** The slices side by side, and the index as they come, in the order of the log. */
async function build(
  repair: RepairPlan,
  report: VerifyReport,
  work: RepairWork,
): Promise<{ readonly queues: ReadonlyMap<string, EntrySum>; readonly index: BuiltIndex | null }> {
  const queues = new Map(repair.build.map((queue) => [queueName(queue), new EntryAdder()]));
  const index = repair.buildIndex ? work.indexBuilder() : null;
  const waiting: { readonly bytes: number; readonly building: Promise<BuiltSlice> }[] = [];
  let bytesAhead = 0;
  let records = 0;
  const takeNext = async (): Promise<void> => {
    const { bytes, building } = waiting.shift()!;
    const built = await building;
    bytesAhead -= bytes;
    records += built.records;
    for (const part of built.parts) queues.get(queueName(part))?.addAll(part.entries);
    if (built.keys !== null) index?.add(built.keys);
  };
  try {
    for (const slice of slicesOf(repair, report.log)) {
      const building = work.buildSlice(slice, repair.build, index !== null);
      // Awaited in its turn: until then nobody would take a failure.
      building.catch(() => {});
      const bytes = slice.to - slice.from;
      waiting.push({ bytes, building });
      bytesAhead += bytes;
      while (waiting.length > work.threads && bytesAhead > work.threads * AHEAD_BYTES) await takeNext();
    }
    while (waiting.length > 0) await takeNext();
    // Queues have their own count of what they lack.
    if (index !== null && records !== report.log.records)
      throw new StoreDamagedError(
        `the log has changed: it had ${counted(report.log.records, 'record')}, now ${records} could be read`,
      );
    return { queues, index: index?.complete() ?? null };
  } finally {
    index?.close();
  }
}

/** The runs of records of the log, which are where a slice can begin. */
export function slicesOf(
  { build: queues, buildIndex }: Pick<RepairPlan, 'build' | 'buildIndex'>,
  { runs, healed }: Pick<LogPicture, 'runs' | 'healed'>,
): BuildSlice[] {
  const first = queues.reduce((least, { fromLogOffset }) => Math.min(least, fromLogOffset), Number.POSITIVE_INFINITY);
  const wanted = buildIndex ? runs : runs.filter(({ to }) => to > first);
  return wanted.map(({ from, to }) => ({ from, to, healed: healed.filter(({ at }) => at >= from && at < to) }));
}

/**
 * Takes away what lies behind the last entry of queues that are not built: where something was found there, and after a crash of all of
 * them, as a start does it (decision 0017). A page that was lost may have whole ones behind it, farther than a verification looks.
 */
function cutQueues(
  disk: Disk,
  { paths, options, queueFolders }: VerifyPlan,
  { log, queues }: VerifyReport,
  { build, shorten, discard }: RepairPlan,
  unsynced: UnsyncedQueues,
): void {
  const files = queueFilesOf(paths, options.sizes);
  const done = new Set([...build, ...discard].map(queueName));
  const ends = new Map(log.queues.map((queue) => [queueName(queue), queue.next]));
  const found = new Map(queues.map((result) => [queueName(result.queue), result.files]));
  const isAll = options.state === 'crashed';
  for (const { topic, queueId } of isAll ? queueFolders : shorten) {
    const name = queueName({ topic, queueId });
    const run = found.get(name);
    if (done.has(name) || run === undefined) continue;
    const directory = queueDirectory(files.root, topic, queueId);
    removeFiles(disk, directory, [...run.torn, ...run.empty]);
    const starts = placedFileStarts(disk, directory, files.fileSizeBytes);
    const end = ends.get(name);
    const queue = { topic, queueId, directory, starts, end: asQueueOffset(0), logEnd: -1 };
    // Without records in the log what is left of a queue names deleted ones, and keeps its number.
    if (end === undefined) cutQueue(disk, files, queue, log.end, unsynced);
    else wipeBehind(disk, files, queue, end, unsynced);
    unsynced.addNames(directory);
  }
}

/** Those of a queue: what else lies in its folder is somebody else's. */
function removeFiles(
  disk: Disk,
  directory: string,
  starts: readonly number[] = queueFileStarts(disk, directory),
): void {
  for (const start of starts) disk.unlink(queueFilePath(directory, start));
}

function removeIndex(disk: Disk, directory: string): void {
  for (const name of indexFileNames(disk, { directory })) disk.unlink(join(directory, name));
}

function gatherQueue(disk: Disk, directory: string, unsynced: UnsyncedQueues): void {
  for (const start of queueFileStarts(disk, directory)) unsynced.add(queueFilePath(directory, start));
  unsynced.addNames(directory);
}

/** What a process that was killed has left may be in the page cache only, as the log may be. */
function gatherIndex(disk: Disk, directory: string, unsynced: UnsyncedQueues): void {
  const files = indexFileNames(disk, { directory }).map((name) => join(directory, name));
  unsynced.addAll({ files, folders: [directory] });
}

/**
 * What was found there may be in the page cache only, and counts as flushed from here on. After an fdatasync that has failed it is written
 * anew before, as a start does it (failed-sync.ts).
 */
function syncLog(disk: Disk, plan: VerifyPlan, end: number): void {
  const files = logFilesOf(plan.paths, plan.options.sizes);
  const hasFailed = hasFailedSync(disk, files);
  for (const start of plan.segments) {
    try {
      const to = Math.min(end - start, files.segmentSizeBytes);
      if (hasFailed) rewriteSegment(disk, files, start, Math.max(0, plan.walkStart - start), to);
      flushSegment(disk, files, start);
    } catch (error) {
      // It was cut off.
      if (!isMissing(error)) throw error;
    }
  }
  if (plan.segments.length > 0) disk.syncDirectory(files.directory);
  if (hasFailed) forgetFailedSync(disk, files);
}
