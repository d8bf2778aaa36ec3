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

/** What the files have; null where there are none, or they do not tell. */
export function foundSizes(disk: Disk, paths: StorePaths): { [Name in keyof StoreSizes]: number | null } {
  const segmentSizeBytes = sizeOfRun(disk, paths.commitLog);
  return {
    segmentSizeBytes: segmentSizeBytes === null || isRound(segmentSizeBytes) ? segmentSizeBytes : null,
    queueFileSizeBytes: queueFileSize(disk, paths),
  };
}

/** Nobody asks for files of the log of another size: what has one has lost its end. */
function isRound(sizeBytes: number): boolean {
  return sizeBytes % 512 === 0 || sizeBytes % 1000 === 0;
}

/**
 * The size of the files when all have one, else the smallest distance of two neighbours: one that has lost its end does not speak for the
 * others. Null when neither tells.
 */
function sizeOfRun(disk: Disk, directory: string): number | null {
  const starts = disk
    .list(directory)
    .map(startByteOf)
    .filter((start) => start >= 0);
  const sizes = new Set(starts.map((start) => disk.stat(join(directory, fileNameOf(start)))?.size ?? 0));
  const [size = 0] = sizes;
  if (sizes.size === 1 && size > 0 && starts.every((start) => start % size === 0)) return size;
  const distances = starts.slice(1).map((start, i) => start - starts[i]!);
  return distances.length === 0 ? null : Math.min(...distances);
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
