/**
 * What a repair knows when it has built queues and index: the log, which it has looked through before and has not changed, and sums of what
 * it has written. The verification at its end reads back what was written and adds that up again, and looks at the log only where the two
 * differ. Made by store-repair.ts, used by verify-store.ts.
 */
import { EntryAdder, type EntrySum, isSameSum } from './entry-sum.ts';
import { queueName } from './queue-folders.ts';
import { NO_ENTRY_FAULTS } from './verify-entries.ts';
import type { IndexFileResult } from './verify-index.ts';
import { NO_KEY_FAULTS } from './verify-keys.ts';
import type { LogPicture } from './verify-log.ts';
import type { QueueResult } from './verify-queue.ts';

export interface BuiltEntries {
  /** By {@link queueName}. */
  readonly queues: ReadonlyMap<string, EntrySum>;
  /** Null when the index was left as it was. */
  readonly index: EntrySum | null;
}

export interface BuiltStore extends BuiltEntries {
  /** Without the faults of what was built. */
  readonly log: LogPicture;
}

/**
 * Null where the log has to be looked through again: something in it is damaged, a queue has not got all of its entries, or an index that
 * was not compared before stays as it was. Of a log that has been changed since the picture was made nothing is known.
 */
export function builtStore(log: LogPicture, built: BuiltEntries, isIndexCompared: boolean): BuiltStore | null {
  if (log.damage.at.length > 0) return null;
  if (built.index === null && !isIndexCompared) return null;
  const isShort = log.queues.some((queue) => {
    const entries = built.queues.get(queueName(queue));
    return entries !== undefined && entries.count !== queue.next - queue.first;
  });
  if (isShort) return null;
  const queues = log.queues.map((queue) =>
    built.queues.has(queueName(queue)) ? { ...queue, faults: NO_ENTRY_FAULTS } : queue,
  );
  const keys = built.index === null ? log.keys : { ...NO_KEY_FAULTS, keys: built.index.count };
  return { ...built, log: { ...log, queues, keys } };
}

/** Whether the files hold what was written to them. */
export function isAsBuilt(
  built: BuiltEntries,
  queues: readonly QueueResult[],
  indexFiles: readonly IndexFileResult[],
): boolean {
  const found = new Map(queues.map(({ queue, entries }) => [queueName(queue), entries]));
  for (const [name, entries] of built.queues) {
    const there = found.get(name);
    if (there === undefined || !isSameSum(there, entries)) return false;
  }
  if (built.index === null) return true;
  const inIndex = new EntryAdder();
  for (const { entries } of indexFiles) inIndex.addAll(entries);
  return isSameSum(inIndex, built.index);
}
