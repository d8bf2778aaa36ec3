/**
 * The queues' part of a start: which ones have files, where they end, what of them lies beyond the log, and where they begin now that
 * old segments may be gone. Called by recovery.ts only; a start may meet thousands of queues, so each costs a few reads.
 */
import { partition } from '../base/partition.ts';
import { asQueueOffset, type QueueOffset } from '../base/units.ts';
import { FILLER_ENTRY_SIZE, QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import type { Disk } from './disk.ts';
import { type FoundRun, findRun, wipeTail } from './file-run.ts';
import { EntryProbe, type QueueFiles, type QueueStop, queueFilePath, queueRunOf } from './queue-files.ts';
import { queueFolders } from './queue-folders.ts';
import type { UnsyncedQueues } from './unsynced-queues.ts';

export interface FiledQueue {
  readonly topic: string;
  readonly queueId: number;
  readonly directory: string;
  /** Starts of its files, in order. */
  readonly starts: readonly number[];
  /** Offset behind the last entry. */
  readonly end: QueueOffset;
  /** Log offset behind the record of the last entry; -1 when there is no entry. */
  readonly logEnd: number;
}

type QueueStarts = Pick<FiledQueue, 'directory' | 'starts'>;

/** With files that go, whatever is left of the others. It may have no other files. */
export interface FoundQueue extends FiledQueue, FoundRun {}

/** All queues that have files. Nothing is changed. */
export function listQueues(disk: Disk, files: QueueFiles, stop: QueueStop): FoundQueue[] {
  const queues: FoundQueue[] = [];
  for (const folder of queueFolders(disk, files.root)) {
    const { directory } = folder;
    const found = findRun(disk, queueRunOf(disk, files, directory, stop));
    const { starts, torn, empty } = found;
    if (starts.length + torn.length + empty.length > 0)
      queues.push({ ...folder, ...found, ...endOf(disk, files, { directory, starts }) });
  }
  return queues;
}

/** What a start does to the files of a queue. */
export interface QueueCut {
  readonly directory: string;
  /** Null when nothing of it is left. */
  readonly left: FiledQueue | null;
  /** Starts of the files that go, in order. */
  readonly gone: readonly number[];
  /** Those of them that were torn. */
  readonly torn: readonly number[];
  /** Whether what lies behind the last entry that is left becomes zero. */
  readonly wipes: boolean;
}

/** After a clean stop only files without a byte go. */
export function keepQueue({ torn, empty, ...queue }: FoundQueue): QueueCut {
  const left = queue.starts.length > 0 ? queue : null;
  return { directory: queue.directory, left, gone: empty, torn, wipes: false };
}

/**
 * Finds the entries of records at `limit` and beyond (spec/store.md 5.6), and what a crash may have left behind them: they go.
 *
 * After a crash some pages behind the last flushed entry may be lost and later ones not. Entries of records before `limit` were flushed
 * before the checkpoint could name it, so "is an entry and lies before the limit" holds up to one place and nowhere behind it.
 */
export function findCut(disk: Disk, files: QueueFiles, { torn, empty, ...queue }: FoundQueue, limit: number): QueueCut {
  const { directory } = queue;
  const end = endOf(disk, files, queue, limit);
  const starts = queue.starts.filter((start) => start < end.end * QUEUE_ENTRY_BYTES);
  const gone = [...queue.starts.slice(starts.length), ...torn, ...empty];
  const left = starts.length === 0 ? null : { ...queue, starts, ...end };
  return { directory, left, gone, torn, wipes: left !== null };
}

/**
 * Does what was found. What is changed goes to `unsynced`: a cut that a loss of power undoes would show its entries again, to a start whose
 * checkpoint says by then that there is nothing to cut.
 */
export function carryOutCut(
  disk: Disk,
  files: QueueFiles,
  { directory, left, gone, wipes }: QueueCut,
  unsynced: UnsyncedQueues,
): void {
  for (const start of gone.toReversed()) disk.unlink(queueFilePath(directory, start));
  if (gone.length > 0) unsynced.addNames(directory);
  if (left !== null && wipes) wipeBehind(disk, files, left, left.end, unsynced);
}

/** Takes away the entries of records at `limit` and beyond. Null when nothing of the queue is left. */
export function cutQueue(
  disk: Disk,
  files: QueueFiles,
  queue: FiledQueue,
  limit: number,
  unsynced: UnsyncedQueues,
): FiledQueue | null {
  const end = endOf(disk, files, queue, limit);
  const starts = wipeBehind(disk, files, queue, end.end, unsynced);
  return starts.length === 0 ? null : { ...queue, starts, ...end };
}

/** Takes away what lies behind the offset `end` of a queue, entries or not. Returns the starts of the files that are left. */
export function wipeBehind(
  disk: Disk,
  { fileSizeBytes }: QueueFiles,
  { directory, starts }: QueueStarts,
  end: number,
  unsynced: UnsyncedQueues,
): number[] {
  const endByte = end * QUEUE_ENTRY_BYTES;
  const left = starts.filter((start) => start < endByte);
  for (const start of starts.slice(left.length).toReversed()) {
    disk.unlink(queueFilePath(directory, start));
    unsynced.addNames(directory);
  }
  const last = left.at(-1);
  if (last === undefined) return left;
  const path = queueFilePath(directory, last);
  wipeTail(disk, path, endByte - last, fileSizeBytes);
  unsynced.add(path);
  return left;
}

/** Offset of the first entry whose record is still in the log (spec/store.md 5.4). */
export function minOf(
  disk: Disk,
  { fileSizeBytes }: QueueFiles,
  queue: Omit<FiledQueue, 'topic' | 'queueId'>,
  logStart: number,
): QueueOffset {
  // The queue is empty, but it keeps its number.
  if (queue.logEnd <= logStart) return queue.end;
  const first = queue.starts[0]!;
  const firstOffset = first / QUEUE_ENTRY_BYTES;
  const entries = Math.min(queue.end - firstOffset, fileSizeBytes / QUEUE_ENTRY_BYTES);
  const below = withProbe(disk, queueFilePath(queue.directory, first), (probe) => {
    const isBelow = (index: number): boolean => probe.load(index) && (probe.logOffset < logStart || isFiller(probe));
    // One look is enough for most queues: nothing of them has been deleted yet.
    return isBelow(0) ? partition(1, entries, isBelow) : 0;
  });
  // Like upstream: only the first file is looked through, and as long as it is there a queue without anything in it begins with it.
  return asQueueOffset(below === entries ? firstOffset : firstOffset + below);
}

/**
 * Whether files before its first are gone although messages in them may still be in the log: it begins with one that is, and not with offset 0.
 * Retention leaves the file of the newest deleted message; Apache's does not where that is the last of its file.
 */
export function lacksBeginning(disk: Disk, { directory, starts }: QueueStarts, logStart: number): boolean {
  const first = starts[0] ?? 0;
  if (first === 0) return false;
  return withProbe(
    disk,
    queueFilePath(directory, first),
    (probe) => probe.load(0) && !isFiller(probe) && probe.logOffset >= logStart,
  );
}

/** A record that begins before the limit ends there or before: an entry that says something else is damaged. */
function endsBefore(probe: EntryProbe, limit: number): boolean {
  return isFiller(probe) ? limit > 0 : probe.logOffset + probe.size <= limit;
}

function isFiller(probe: EntryProbe): boolean {
  return probe.logOffset === 0 && probe.size === FILLER_ENTRY_SIZE;
}

type QueueEnd = Pick<FiledQueue, 'end' | 'logEnd'>;

/** Behind the last entry of a record that ends before `limit`. */
export function endOf(
  disk: Disk,
  { fileSizeBytes }: QueueFiles,
  { directory, starts }: QueueStarts,
  limit = Number.POSITIVE_INFINITY,
): QueueEnd {
  for (let i = starts.length - 1; i >= 0; i--) {
    const start = starts[i]!;
    const end = withProbe(disk, queueFilePath(directory, start), (probe) =>
      endIn(probe, start, fileSizeBytes, (index) => probe.load(index) && endsBefore(probe, limit)),
    );
    if (end !== null) return end;
  }
  return { end: asQueueOffset((starts[0] ?? 0) / QUEUE_ENTRY_BYTES), logEnd: -1 };
}

/** The end of the entries that the file at `start` has and that are kept; null when there is none. */
function endIn(
  probe: EntryProbe,
  start: number,
  fileSizeBytes: number,
  isKept: (index: number) => boolean,
): QueueEnd | null {
  const entries = partition(0, fileSizeBytes / QUEUE_ENTRY_BYTES, isKept);
  if (entries === 0) return null;
  probe.load(entries - 1);
  const logEnd = isFiller(probe) ? -1 : probe.logOffset + probe.size;
  return { end: asQueueOffset(start / QUEUE_ENTRY_BYTES + entries), logEnd };
}

function withProbe<T>(disk: Disk, path: string, action: (probe: EntryProbe) => T): T {
  const file = disk.open(path, 'read');
  try {
    return action(new EntryProbe(file));
  } finally {
    file.close();
  }
}
