/**
 * All queues of a store at its start: cut where the log is not vouched for or has ended, and told apart with their bounds when the log was
 * looked through. Called by recovery.ts only; what is done to a single queue is in queue-recovery.ts.
 */

import { counted } from '../base/counted.ts';
import { asQueueOffset, type LogOffset, type QueueOffset } from '../base/units.ts';
import { QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import type { Disk } from './disk.ts';
import { tellTorn } from './file-run.ts';
import type { QueueFiles } from './queue-files.ts';
import { queueName } from './queue-folders.ts';
import type { QueueLedger } from './queue-ledger.ts';
import { carryOutCut, type FiledQueue, lacksBeginning, minOf, type QueueCut } from './queue-recovery.ts';
import { type UnsyncedPaths, UnsyncedQueues } from './unsynced-queues.ts';

export interface RecoveredQueue {
  readonly topic: string;
  readonly queueId: number;
  /** Of the entries in files. A queue that only the log knows has both at the offset of its first record. */
  readonly min: QueueOffset;
  readonly max: QueueOffset;
  /** What append gives the queue's next message: it counts records that dispatch has still to file. */
  readonly next: QueueOffset;
  /** Log offset behind the record of its newest entry in files; -1 without one. What lies before is not filed again (spec/store.md 5.2). */
  readonly filedTo: number;
}

/** What is left when the cuts are carried out. */
export function leftOf(cuts: readonly QueueCut[]): FiledQueue[] {
  return cuts.flatMap(({ left }) => left ?? []);
}

/**
 * After a crash every queue is cut, whether anything lies behind its end or not, so the fdatasyncs are left to the first round. Returns what
 * was changed: it must be durable before a checkpoint names a later place, or a stop counts as a clean one.
 */
export function carryOutCuts(
  disk: Disk,
  files: QueueFiles,
  cuts: readonly QueueCut[],
  log: { warn(message: string): void },
): UnsyncedPaths {
  const unsynced = new UnsyncedQueues(files.root);
  for (const cut of cuts) {
    tellTorn(log, cut.directory, cut.torn);
    carryOutCut(disk, files, cut, unsynced);
  }
  return unsynced.take();
}

/** Nobody is sent what they lack, and a start does not look for it: that would be all of the log. */
export function tellLackingBeginnings(
  disk: Disk,
  queues: readonly FiledQueue[],
  logStart: LogOffset,
  log: { warn(message: string): void },
): void {
  const lacking = queues.filter((queue) => lacksBeginning(disk, queue, logStart));
  const first = lacking[0];
  if (first === undefined) return;
  const others = lacking.length === 1 ? '' : ` (and ${counted(lacking.length - 1, 'other')})`;
  log.warn(
    `queue ${queueName(first)}${others} begins with offset ${first.starts[0]! / QUEUE_ENTRY_BYTES}, of a message that is still in the log: ` +
      'files before may be missing. `ringmq verify` says whether messages are, `ringmq repair` builds the queue',
  );
}

/** Of all queues that have files or were met in the log. */
export function boundsOf(
  disk: Disk,
  files: QueueFiles,
  filed: readonly FiledQueue[],
  ledger: QueueLedger,
  logStart: LogOffset,
): RecoveredQueue[] {
  const byName = new Map(filed.map((queue) => [queueName(queue), queue]));
  return ledger.queues.map(({ topic, queueId, firstUnfiled, next }) => {
    const queue = byName.get(queueName({ topic, queueId }));
    const first = asQueueOffset(Math.max(0, firstUnfiled));
    const min = queue === undefined ? first : minOf(disk, files, queue, logStart);
    const max = queue?.end ?? first;
    return { topic, queueId, min, max, next: asQueueOffset(Math.max(max, next)), filedTo: queue?.logEnd ?? -1 };
  });
}

export function lookUp(queues: readonly RecoveredQueue[]): (topic: string, queueId: number) => QueueOffset {
  const next = new Map(queues.map((queue) => [queueName(queue), queue.next]));
  return (topic, queueId) => next.get(queueName({ topic, queueId })) ?? asQueueOffset(0);
}
