/**
 * Cuts the end off a log and keeps what is cut: all of that lies in a folder of its own, on the disk, before anything of the store changes.
 * Called by store-repair.ts and repair-store.ts.
 */
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import { asLogOffset } from '../base/units.ts';
import { besideLog } from './beside-log.ts';
import { type Disk, DiskFailedError, makeDurableDirectory, writeFully } from './disk.ts';
import { flushSegment } from './failed-sync.ts';
import { fileNameOf } from './file-names.ts';
import { wipeTail } from './file-run.ts';
import { LogReader } from './log-reader.ts';
import { LogScanner, Scanned } from './log-scanner.ts';
import { type CommitLogFiles, type FlushedLogFiles, segmentEnd, segmentPath, segmentStart } from './segments.ts';
import type { StorePaths } from './store-paths.ts';
import type { RecordRun } from './verify-slice.ts';

const COPY_BYTES = 1024 * 1024;

export interface LogCut {
  /** The log ends here. */
  readonly at: number;
  /** Behind the last byte that is not zero. */
  readonly dataEnd: number;
}

/**
 * Where what is cut is kept: in the store, whose folder may be all that there is of a volume. A log on a file system of its own has it
 * beside its folder, where there is a place: whole files need no copy there. That is tried, and nothing left. `stamp` tells repairs apart.
 */
export function keptFolder(disk: Disk, { root, commitLog }: StorePaths, stamp: string): string {
  const name = `cut-${stamp}`;
  const inStore = join(root, name);
  if (disk.stat(root)?.device === disk.stat(commitLog)?.device) return inStore;
  const beside = besideLog(disk, { directory: commitLog }, name, (folder) => {
    disk.makeDirectory(folder);
    disk.removeTree(folder);
    return folder;
  });
  return beside ?? inStore;
}

/** Whole records behind the one at `at`, which is damaged or none: what a cut there takes with it. Bodies are not looked at. */
export function countRecordsBehind(disk: Disk, files: CommitLogFiles, runs: readonly RecordRun[], at: number): number {
  const reader = new LogReader(disk, files);
  const scanner = new LogScanner(reader, false);
  let count = 0;
  try {
    for (const { from, to } of runs.filter((run) => run.to > at)) {
      scanner.begin(asLogOffset(from), segmentEnd(files, from));
      while (scanner.nextPosition < to && scanner.next() === Scanned.record && scanner.position < to) {
        if (scanner.position > at) count++;
      }
    }
    return count;
  } finally {
    reader.close();
  }
}

/** What a cut does to the files of the log. */
interface CutFiles {
  /** The cut lies in this file, and what lies behind it there goes up to `to`; null when it lies between files. */
  readonly ending: { readonly start: number; readonly to: number } | null;
  /** Starts of the files behind the cut, in order. */
  readonly later: readonly number[];
}

function cutFiles(files: CommitLogFiles, segments: readonly number[], { at, dataEnd }: LogCut): CutFiles {
  assert(dataEnd > at, 'what is cut lies behind the cut');
  const start = segmentStart(files, at);
  const to = Math.min(dataEnd, start + files.segmentSizeBytes);
  const isInside = segments.includes(start) && at > start && to > at;
  return { ending: isInside ? { start, to } : null, later: segments.filter((behind) => behind >= at) };
}

/**
 * Puts what a cut takes away into the folder `kept`, which is not there yet, and makes it durable. The store is as it was, also when this
 * throws. Returns the files, in order.
 */
export function keepCut(
  disk: Disk,
  files: CommitLogFiles,
  segments: readonly number[],
  cut: LogCut,
  kept: string,
): string[] {
  assert(disk.stat(kept) === null, 'what is kept of a cut has a folder of its own');
  const { ending, later } = cutFiles(files, segments, cut);
  const keptFiles: string[] = [];
  try {
    makeDurableDirectory(disk, kept);
    if (ending !== null) {
      const to = join(kept, `bytes-from-${cut.at}`);
      copyPart(disk, segmentPath(files, ending.start), cut.at - ending.start, ending.to - cut.at, to);
      keptFiles.push(to);
    }
    for (const start of later.filter((start) => start < cut.dataEnd)) {
      const to = join(kept, fileNameOf(start));
      keepWhole(disk, segmentPath(files, start), files.segmentSizeBytes, to);
      keptFiles.push(to);
    }
    disk.syncDirectory(kept);
  } catch (error) {
    // The room that it takes is missing to the next attempt.
    disk.removeTree(kept);
    throw error;
  }
  return keptFiles.sort();
}

/** A second name is enough, as the first one goes. */
function keepWhole(disk: Disk, path: string, sizeBytes: number, to: string): void {
  try {
    if (disk.link(path, to)) return;
  } catch (error) {
    // Another file system, or one without second names.
    if (!(error instanceof DiskFailedError)) throw error;
  }
  copyPart(disk, path, 0, sizeBytes, to);
}

/** What is taken away was kept before. Each file goes durably before the next: a repair refuses a log with one missing in the middle. */
export function cutLog(disk: Disk, files: FlushedLogFiles, segments: readonly number[], cut: LogCut): void {
  const { ending, later } = cutFiles(files, segments, cut);
  for (const start of later.toReversed()) {
    disk.unlink(segmentPath(files, start));
    disk.syncDirectory(files.directory);
  }
  if (ending === null) return;
  wipeTail(disk, segmentPath(files, ending.start), cut.at - ending.start, files.segmentSizeBytes);
  flushSegment(disk, files, ending.start);
}

function copyPart(disk: Disk, path: string, from: number, length: number, to: string): void {
  const source = disk.open(path, 'read');
  const target = disk.open(to, 'exclusive');
  try {
    const bytes = new Uint8Array(COPY_BYTES);
    for (let done = 0; done < length; ) {
      const read = source.read(bytes, 0, Math.min(COPY_BYTES, length - done), from + done);
      if (read === 0) break;
      writeFully(target, bytes, 0, read, done);
      done += read;
    }
    target.sync();
  } finally {
    target.close();
    source.close();
  }
}
