/**
 * What a repair says in the checkpoint, before it changes anything and when it is through. The word for the log is never given up: without it
 * a start after a crash takes the first damage for the end of the log and removes all that is behind. Part of repair-store.ts.
 */

import { LOOK_BACK_BYTES } from '../base/limits.ts';
import { asLogOffset } from '../base/units.ts';
import { encodeCheckpoint, INDEX_UNKNOWN, NO_INDEX_KEPT, type Vouched } from '../layout/checkpoint-file.ts';
import { CheckpointWriter, EMPTY_CHECKPOINT } from './checkpoint.ts';
import { type Disk, DiskFullError, replaceFile } from './disk.ts';
import { fileStartOf } from './file-names.ts';
import { Findings } from './findings.ts';
import { indexHeads } from './index-heads.ts';
import { indexEnd } from './index-recovery.ts';
import { LogReader } from './log-reader.ts';
import { LogScanner, Scanned } from './log-scanner.ts';
import { queueFilesOf } from './queue-files.ts';
import { listQueues } from './queue-recovery.ts';
import { logFilesOf, segmentEnd } from './segments.ts';
import { UNFINISHED } from './unfinished-repair.ts';
import type { LogPicture } from './verify-log.ts';
import type { VerifyPlan } from './verify-plan.ts';

/**
 * For the time of the repair: nothing of queues and index is to be believed, and all of the log up to `end` is on the disk. A start builds
 * everything from the log, or refuses where that is damaged; Apache's takes times of 0 for that. How far a master has flushed and what is
 * confirmed says nothing of queues and index, and stays.
 */
export function vouchForLog(disk: Disk, plan: VerifyPlan, log: LogPicture, end: number): void {
  const to = lastRecordEnd(disk, plan, log, end);
  const { start } = log;
  const { masterFlushedOffset, confirmedOffset } = plan.checkpoint;
  const counts = { indexEnd: INDEX_UNKNOWN, queueCount: UNFINISHED, queueEntries: UNFINISHED };
  const vouched = to < 0 ? null : { filedTo: start, lookFrom: start, stoppedAt: to, ...counts, logStart: start };
  const fields = { ...EMPTY_CHECKPOINT, masterFlushedOffset, confirmedOffset };
  replaceFile(disk, plan.paths.checkpoint, encodeCheckpoint(fields, vouched));
}

/** As after a stop in order. Everything is on the disk; throws when this cannot be written. */
export function vouchForStore(
  disk: Disk,
  plan: VerifyPlan,
  log: LogPicture,
  indexTimestamp: number,
  hasIndex: boolean,
): void {
  const { paths, checkpoint } = plan;
  const { masterFlushedOffset, confirmedOffset } = checkpoint;
  const writer = new CheckpointWriter(disk, paths.checkpoint);
  const times = { logTimestamp: log.newestStoreMs, queuesTimestamp: log.newestStoreMs, indexTimestamp };
  try {
    const fields = { ...times, masterFlushedOffset, confirmedOffset };
    if (!writer.write(fields, vouchedOf(disk, plan, log, hasIndex))) throw new DiskFullError(paths.checkpoint, 'write');
  } finally {
    writer.close();
  }
}

function vouchedOf(disk: Disk, plan: VerifyPlan, log: LogPicture, hasIndex: boolean): Vouched | null {
  const { segmentSizeBytes } = plan.options.sizes;
  const end = lastRecordEnd(disk, plan, log, log.end);
  if (end < 0) return null;
  const queues = listQueues(disk, queueFilesOf(plan.paths, plan.options.sizes), { cleanStop: true, limit: 0 });
  const filed = queues.filter(({ topic, end }) => end > 0 && !plan.context.batchTopics.has(topic));
  // A start is not to look at older files: what is damaged there stays.
  const newest = fileStartOf(end - 1, segmentSizeBytes);
  const near = log.runs.findLast(({ from }) => from <= end - LOOK_BACK_BYTES)?.from ?? log.start;
  return {
    filedTo: end,
    lookFrom: Math.max(newest, near),
    indexEnd: plan.options.wantsIndex ? (hasIndex ? indexEndOf(disk, plan) : INDEX_UNKNOWN) : NO_INDEX_KEPT,
    stoppedAt: end,
    queueCount: filed.length,
    queueEntries: filed.reduce((sum, queue) => sum + queue.end, 0),
    logStart: log.start,
  };
}

function indexEndOf(disk: Disk, { paths, options }: VerifyPlan): number {
  const { indexShape: given, sizes } = options;
  const [head] = indexHeads(disk, { directory: paths.index, given, state: 'clean', sizes }, new Findings());
  const shape = given ?? head?.shape;
  return shape === undefined ? INDEX_UNKNOWN : indexEnd(disk, { directory: paths.index, shape });
}

/** Behind the last record before `end`, which may be the end of a filler: a start takes that away when no file follows. -1 without a record. */
function lastRecordEnd(disk: Disk, { paths, options }: VerifyPlan, { runs }: LogPicture, end: number): number {
  const run = runs.findLast(({ from }) => from < end);
  if (run === undefined) return -1;
  const files = logFilesOf(paths, options.sizes);
  const reader = new LogReader(disk, files);
  try {
    const scanner = new LogScanner(reader, false);
    scanner.begin(asLogOffset(run.from), segmentEnd(files, run.from));
    let last = run.from;
    while (last < end && scanner.next() === Scanned.record && scanner.position < end) last = scanner.nextPosition;
    return last;
  } finally {
    reader.close();
  }
}
