/**
 * The files of the CommitLog, called segments here: all of one size, sparse, full-size from their first moment (spec/store.md 2.1).
 * Append makes them when flush has not made them ahead of time.
 */
import { join } from 'node:path';
import { asLogOffset, type LogOffset } from '../base/units.ts';
import type { Disk, DiskFile } from './disk.ts';
import { fileNameOf, fileStartOf } from './file-names.ts';

export interface CommitLogFiles {
  readonly directory: string;
  readonly segmentSizeBytes: number;
}

/** Start of the segment that holds the byte at `offset`. */
export function segmentStart(files: CommitLogFiles, offset: number): LogOffset {
  return asLogOffset(fileStartOf(offset, files.segmentSizeBytes));
}

/** Where the segment of `offset` ends. */
export function segmentEnd(files: CommitLogFiles, offset: number): number {
  return segmentStart(files, offset) + files.segmentSizeBytes;
}

export function segmentPath(files: CommitLogFiles, start: number): string {
  return join(files.directory, fileNameOf(start));
}

/**
 * Where flush writes zeros into a segment that is not one yet. Beside the log's folder, because a foreign file in it keeps Apache's
 * broker from starting.
 */
export function preparationPath(files: CommitLogFiles): string {
  return `${files.directory}.preparing`;
}

/** Opens a segment for writing; makes it when it is not there. Growing a file that has its size already changes nothing. */
export function openSegment(disk: Disk, files: CommitLogFiles, start: number): DiskFile {
  const file = disk.open(segmentPath(files, start), 'create');
  try {
    file.resize(files.segmentSizeBytes);
  } catch (error) {
    file.close();
    throw error;
  }
  return file;
}
