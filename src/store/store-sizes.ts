/**
 * The sizes of a store's files, found out from the files: tools look at stores whose settings they are not given. The broker itself takes
 * its settings, and refuses files of another size. Called by the command line's tools.
 */
import { join } from 'node:path';
import { QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import type { Disk } from './disk.ts';
import { fileNameOf, startByteOf } from './file-names.ts';
import { queueFolders } from './queue-folders.ts';
import type { StorePaths } from './store-paths.ts';

export interface StoreSizes {
  readonly segmentSizeBytes: number;
  readonly queueFileSizeBytes: number;
}

export const DEFAULT_STORE_SIZES: StoreSizes = {
  segmentSizeBytes: 1024 * 1024 * 1024,
  queueFileSizeBytes: 300_000 * QUEUE_ENTRY_BYTES,
};

/** Queues that are looked at: all have files of one size. */
const QUEUES_LOOKED_AT = 64;

/** What is `given` counts, then what the files have, then the defaults. */
export function sizesOf(disk: Disk, paths: StorePaths, given: Partial<StoreSizes> = {}): StoreSizes {
  const found = foundSizes(disk, paths);
  return {
    segmentSizeBytes: given.segmentSizeBytes ?? found.segmentSizeBytes ?? DEFAULT_STORE_SIZES.segmentSizeBytes,
    queueFileSizeBytes: given.queueFileSizeBytes ?? found.queueFileSizeBytes ?? DEFAULT_STORE_SIZES.queueFileSizeBytes,
  };
}

/** What the files have; null where there are none. */
export function foundSizes(disk: Disk, paths: StorePaths): { [Name in keyof StoreSizes]: number | null } {
  return { segmentSizeBytes: sizeOfRun(disk, paths.commitLog), queueFileSizeBytes: queueFileSize(disk, paths) };
}

/** The distance of two neighbours, or the size of the only file. Null when there is none. */
function sizeOfRun(disk: Disk, directory: string): number | null {
  const starts = disk
    .list(directory)
    .map(startByteOf)
    .filter((start) => start >= 0);
  const [first, second] = starts;
  if (first === undefined) return null;
  const size = disk.stat(join(directory, fileNameOf(first)))?.size ?? 0;
  if (size > 0 && first % size === 0) return size;
  // The first file is not of its size any more: the names tell, if there are two.
  return second === undefined ? null : second - first;
}

/** The size that most of some queues have. */
function queueFileSize(disk: Disk, paths: StorePaths): number | null {
  const votes = new Map<number, number>();
  for (const { directory } of queueFolders(disk, paths.consumeQueue).slice(0, QUEUES_LOOKED_AT)) {
    const size = sizeOfRun(disk, directory);
    if (size !== null && size > 0 && size % QUEUE_ENTRY_BYTES === 0) votes.set(size, (votes.get(size) ?? 0) + 1);
  }
  const [winner] = [...votes].sort(([, left], [, right]) => right - left);
  return winner?.[0] ?? null;
}
