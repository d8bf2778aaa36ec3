/**
 * Queues without a record in the log, and the index of a log without any, which a repair cannot build and does not leave as they are: they
 * are kept aside (repair-kept.ts) and taken away. Part of a repair.
 */
import { join } from 'node:path';
import { asQueueOffset } from '../base/units.ts';
import { fillerEntries, QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import { type Disk, openSized, writeFully } from './disk.ts';
import { fileStartOf } from './file-names.ts';
import { indexFileNames } from './index-files.ts';
import { placedFileStarts, type QueueFiles, queueFilePath, queueFileStarts } from './queue-files.ts';
import type { QueueFolder } from './queue-folders.ts';
import { findCut } from './queue-recovery.ts';
import type { StorePaths } from './store-paths.ts';
import type { UnsyncedQueues } from './unsynced-queues.ts';

export interface QueueToDiscard extends QueueFolder {
  /** The queue goes on with the offset behind its last entry: consumers remember how far they have come. */
  readonly keepsNumber: boolean;
}

/** Paths of all files of these queues. */
export function queueFilePaths(disk: Disk, queues: readonly QueueToDiscard[]): string[] {
  return queues.flatMap(({ directory }) =>
    queueFileStarts(disk, directory).map((start) => queueFilePath(directory, start)),
  );
}

export function indexFilePaths(disk: Disk, { index }: StorePaths): string[] {
  return indexFileNames(disk, { directory: index }).map((name) => join(index, name));
}

/** The files were kept before, perhaps as second names of these: they are unlinked, and not written to. `logEnd`: entries of records behind it do not count. */
export function discardQueue(
  disk: Disk,
  files: QueueFiles,
  queue: QueueToDiscard,
  logEnd: number,
  unsynced: UnsyncedQueues,
): void {
  const { directory, keepsNumber } = queue;
  const all = queueFileStarts(disk, directory);
  const starts = placedFileStarts(disk, directory, files.fileSizeBytes);
  const found = { ...queue, starts, torn: [], empty: [], end: asQueueOffset(0), logEnd: -1 };
  const end = findCut(disk, files, found, logEnd).left?.end ?? 0;
  const numbered = keepsNumber && end > 0 ? writeNumber(disk, files, directory, end) : null;
  for (const start of all.filter((start) => start !== numbered)) disk.unlink(queueFilePath(directory, start));
  if (numbered !== null) unsynced.add(queueFilePath(directory, numbered));
  else if (disk.list(directory).length === 0) disk.removeTree(directory);
  unsynced.addNames(directory);
}

/** Puts a file of nothing but fillers, up to the offset `end`, in the place of the one there. Returns where it starts. */
function writeNumber(disk: Disk, { fileSizeBytes }: QueueFiles, directory: string, end: number): number {
  const endByte = end * QUEUE_ENTRY_BYTES;
  // One without a filler would be none to a start after a crash.
  const start = fileStartOf(endByte - QUEUE_ENTRY_BYTES, fileSizeBytes);
  const path = queueFilePath(directory, start);
  const fresh = `${path}.tmp`;
  const fillers = fillerEntries((endByte - start) / QUEUE_ENTRY_BYTES);
  disk.removeTree(fresh);
  const file = openSized(disk, fresh, 'exclusive', fileSizeBytes);
  try {
    writeFully(file, fillers, 0, fillers.length, 0);
    file.sync();
  } finally {
    file.close();
  }
  disk.rename(fresh, path);
  return start;
}
