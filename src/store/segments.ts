/**
 * The files of the CommitLog, called segments here: all of one size, sparse, full-size from their first moment (spec/store.md 2.1).
 * Append makes them when flush has not made them ahead of time.
 */
import { join } from 'node:path';
import { asLogOffset, type LogOffset } from '../base/units.ts';
import { type Disk, type DiskFile, openSized } from './disk.ts';
import { fileNameOf, fileStartOf } from './file-names.ts';
import type { FileRun } from './file-run.ts';
import type { StorePaths } from './store-paths.ts';

export interface CommitLogFiles {
  readonly directory: string;
  readonly segmentSizeBytes: number;
}

/** For who flushes them. */
export interface FlushedLogFiles extends CommitLogFiles {
  /** See failed-sync.ts. */
  readonly failedSyncMark: string;
}

export function logFilesOf(
  { commitLog, failedSyncMark }: StorePaths,
  { segmentSizeBytes }: { readonly segmentSizeBytes: number },
): FlushedLogFiles {
  return { directory: commitLog, segmentSizeBytes, failedSyncMark };
}

/** What a start asks of the files of the log. `flushedTo`: files up to there have been on the disk. */
export function logRunOf(
  { directory, segmentSizeBytes: sizeBytes }: CommitLogFiles,
  cleanStop: boolean,
  flushedTo: number,
): FileRun {
  const wasFlushed = (tear: number): boolean => tear < flushedTo;
  const remedy = '`ringmq verify` says what would be lost';
  return { directory, sizeBytes, setting: 'mappedFileSizeCommitLog', remedy, cleanStop, wasFlushed };
}

/** Start of the segment that holds the byte at `offset`. */
export function segmentStart(files: CommitLogFiles, offset: number): LogOffset {
  return asLogOffset(fileStartOf(offset, files.segmentSizeBytes));
}

/** Where the segment of `offset` ends. */
export function segmentEnd(files: CommitLogFiles, offset: number): LogOffset {
  return asLogOffset(segmentStart(files, offset) + files.segmentSizeBytes);
}

export function segmentPath(files: CommitLogFiles, start: number): string {
  return join(files.directory, fileNameOf(start));
}

/** Opens a segment for writing; makes it when it is not there. Growing a file that has its size already changes nothing. */
export function openSegment(disk: Disk, files: CommitLogFiles, start: number): DiskFile {
  return openSized(disk, segmentPath(files, start), 'create', files.segmentSizeBytes);
}
