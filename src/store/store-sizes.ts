/**
 * The sizes of a store's files, found out from the files: tools look at stores whose settings they are not given. The broker itself takes
 * its settings, and refuses files of another size. Asked by known-settings.ts and the doctor.
 */
import { QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import { readVouched } from './checkpoint.ts';
import type { Disk } from './disk.ts';
import { type FoundFile, foundFiles } from './file-run.ts';
import { lossLimit } from './log-at-start.ts';
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

export const SIZE_SETTINGS: { readonly [Name in keyof StoreSizes]: string } = {
  segmentSizeBytes: 'mappedFileSizeCommitLog',
  queueFileSizeBytes: 'mappedFileSizeConsumeQueue',
};

/** `sure`: it was given, or files agree on it. `guessed`: files have it, but too few, or others another. `default`: no file tells anything. */
export type SizeOrigin = 'sure' | 'guessed' | 'default';

export type SizeOrigins = { readonly [Name in keyof StoreSizes]: SizeOrigin };

/** What files tell of their size. */
export interface ToldSize {
  readonly bytes: number;
  readonly isSure: boolean;
}

export type ToldSizes = { readonly [Name in keyof StoreSizes]: ToldSize | null };

/** Queues that are looked at: all have files of one size. */
const QUEUES_LOOKED_AT = 64;

/** A log that has lost its end tells nothing. */
export function toldSizes(disk: Disk, paths: StorePaths): ToldSizes {
  const { segmentSizeBytes, queueFileSizeBytes } = DEFAULT_STORE_SIZES;
  const queues = queueFolders(disk, paths.consumeQueue).slice(0, QUEUES_LOOKED_AT);
  const queueFiles = queues.map(({ directory }) => filesOf(disk, directory));
  const logFiles = filesOf(disk, paths.commitLog);
  const isWhole = !hasLostRecords(disk, logFiles, paths);
  return {
    segmentSizeBytes: isWhole ? toldBy([logFiles], isRound, isPowerOfTwo, segmentSizeBytes) : null,
    queueFileSizeBytes: toldBy(queueFiles, isOfEntries, (size) => size === queueFileSizeBytes, queueFileSizeBytes),
  };
}

/** Nobody asks for files of the log of another size: what has one has lost its end. */
function isRound(sizeBytes: number): boolean {
  return sizeBytes % 512 === 0 || sizeBytes % 1000 === 0;
}

function isOfEntries(sizeBytes: number): boolean {
  return sizeBytes % QUEUE_ENTRY_BYTES === 0;
}

function filesOf(disk: Disk, directory: string): FoundFile[] {
  return foundFiles(disk, directory).filter(({ isFolder }) => isFolder !== true);
}

/** As people choose them for the log; what has lost its end is of such a size once in a blue moon. */
function isPowerOfTwo(sizeBytes: number): boolean {
  return Number.isInteger(Math.log2(sizeBytes));
}

/**
 * A file that begins where one of its size may has a vote, and so have two neighbours that lie so far apart, for a size that is there or the
 * default. One vote alone is worth nothing, but for a size that is likely: the file may have lost its end.
 */
function toldBy(
  runs: readonly (readonly FoundFile[])[],
  isPossible: (sizeBytes: number) => boolean,
  isLikely: (sizeBytes: number) => boolean,
  defaultBytes: number,
): ToldSize | null {
  const there = new Set([defaultBytes, ...runs.flatMap((files) => files.map(({ size }) => size))]);
  const votes = new Map<number, number>();
  let all = 0;
  const vote = (size: number): void => {
    votes.set(size, (votes.get(size) ?? 0) + 1);
    all++;
  };
  for (const files of runs) {
    for (const [i, { start, size }] of files.entries()) {
      if (size > 0 && isPossible(size) && start % size === 0) vote(size);
      const distance = (files[i + 1]?.start ?? start) - start;
      if (there.has(distance) && distance > 0 && isPossible(distance)) vote(distance);
    }
  }
  if (all === 0) return null;
  const most = [...votes].find(([, count]) => 2 * count > all)?.[0];
  const bytes = votes.has(defaultBytes) ? defaultBytes : (most ?? Math.max(...votes.keys()));
  return { bytes, isSure: bytes === most && (isLikely(bytes) || votes.get(bytes)! > 1) };
}

/** The log has been on the disk farther than its only file goes: it has lost its end, or those behind it are gone. */
function hasLostRecords(disk: Disk, logFiles: readonly FoundFile[], { checkpoint }: StorePaths): boolean {
  const [file, ...others] = logFiles;
  if (file === undefined || others.length > 0 || file.size === DEFAULT_STORE_SIZES.segmentSizeBytes) return false;
  return lossLimit(readVouched(disk, checkpoint)) > file.start + file.size;
}
