/**
 * The two ends of a log whose settings and state are not known: its oldest and its newest record, found without reading what lies between.
 * Called by the command line's tools, also beside a broker that runs; recovery has its own, stricter way.
 */

import { join } from 'node:path';
import { partition } from '../base/partition.ts';
import { asLogOffset } from '../base/units.ts';
import { QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import type { Disk } from './disk.ts';
import { fileNameOf, startByteOf } from './file-names.ts';
import { LogReader } from './log-reader.ts';
import { LogScanner, Scanned } from './log-scanner.ts';
import { EntryProbe, placedFileStarts, queueFilePath } from './queue-files.ts';
import { queueFolders } from './queue-folders.ts';
import { type CommitLogFiles, logFilesOf } from './segments.ts';
import type { StorePaths } from './store-paths.ts';
import type { StoreSizes } from './store-sizes.ts';

export interface LogEnds {
  /** Starts of the segments. */
  readonly segments: readonly number[];
  readonly start: number;
  /** Behind the newest whole record. */
  readonly end: number;
  /** Null for a log without a record. */
  readonly oldestStoreMs: number | null;
  readonly newestStoreMs: number | null;
}

export function findLogEnds(disk: Disk, paths: StorePaths, sizes: StoreSizes): LogEnds {
  const files = logFilesOf(paths, sizes);
  const segments = segmentStarts(disk, files);
  const start = segments[0] ?? 0;
  const reader = new LogReader(disk, files);
  try {
    const scanner = new LogScanner(reader, false);
    const oldestStoreMs = storeTimeAt(scanner, files, start);
    const from = newestKnown(disk, paths, sizes, scanner, segments);
    scanner.begin(asLogOffset(from), asLogOffset((segments.at(-1) ?? 0) + files.segmentSizeBytes));
    let end = from;
    let newestStoreMs: number | null = null;
    while (scanner.next() === Scanned.record) {
      end = scanner.nextPosition;
      newestStoreMs = scanner.cursor.storeTimestamp;
    }
    return { segments, start, end, oldestStoreMs, newestStoreMs };
  } finally {
    reader.close();
  }
}

function segmentStarts(disk: Disk, { directory, segmentSizeBytes }: CommitLogFiles): number[] {
  return disk
    .list(directory)
    .map(startByteOf)
    .filter((start) => start >= 0 && start % segmentSizeBytes === 0)
    .filter((start) => disk.stat(join(directory, fileNameOf(start)))?.isDirectory === false);
}

function storeTimeAt(scanner: LogScanner, files: CommitLogFiles, position: number): number | null {
  scanner.begin(asLogOffset(position), asLogOffset(position + files.segmentSizeBytes));
  return scanner.next() === Scanned.record ? scanner.cursor.storeTimestamp : null;
}

/** The newest record that a queue names and that is there, or the start of the last segment with a record. */
function newestKnown(
  disk: Disk,
  paths: StorePaths,
  sizes: StoreSizes,
  scanner: LogScanner,
  segments: readonly number[],
): number {
  const files = logFilesOf(paths, sizes);
  const named = newestNamed(disk, paths, sizes.queueFileSizeBytes);
  const isThere = named >= (segments[0] ?? 0) && storeTimeAt(scanner, files, named) !== null;
  const lastUsed = segments.findLast((start) => storeTimeAt(scanner, files, start) !== null) ?? segments[0] ?? 0;
  return isThere ? Math.max(named, lastUsed) : lastUsed;
}

function newestNamed(disk: Disk, paths: StorePaths, fileSizeBytes: number): number {
  let newest = -1;
  for (const { directory } of queueFolders(disk, paths.consumeQueue)) {
    newest = Math.max(newest, lastLogOffset(disk, directory, fileSizeBytes));
  }
  return newest;
}

function lastLogOffset(disk: Disk, directory: string, fileSizeBytes: number): number {
  for (const start of placedFileStarts(disk, directory, fileSizeBytes).reverse()) {
    const file = disk.open(queueFilePath(directory, start), 'read');
    try {
      const probe = new EntryProbe(file);
      const entries = partition(0, Math.floor(fileSizeBytes / QUEUE_ENTRY_BYTES), (index) => probe.load(index));
      if (entries > 0 && probe.load(entries - 1)) return probe.logOffset;
    } finally {
      file.close();
    }
  }
  return -1;
}
