/** Cuts the end off a log, and keeps what is cut before (repair-kept.ts). Called by store-repair.ts and repair-store.ts. */
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import { asLogOffset } from '../base/units.ts';
import { type Disk, makeDurableDirectory } from './disk.ts';
import { flushSegment } from './failed-sync.ts';
import { fileNameOf } from './file-names.ts';
import { wipeTail } from './file-run.ts';
import { LogReader } from './log-reader.ts';
import { LogScanner, Scanned } from './log-scanner.ts';
import { keepPart, keepWhole } from './repair-kept.ts';
import { type CommitLogFiles, type FlushedLogFiles, segmentEnd, segmentPath, segmentStart } from './segments.ts';
import type { RecordRun } from './verify-slice.ts';

export interface LogCut {
  /** The log ends here. */
  readonly at: number;
  /** Behind the last byte that is not zero. */
  readonly dataEnd: number;
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

/** Puts what a cut takes away into the folder `kept`, and makes it durable. Returns the files. */
export function keepCut(
  disk: Disk,
  files: CommitLogFiles,
  segments: readonly number[],
  cut: LogCut,
  kept: string,
): string[] {
  const { ending, later } = cutFiles(files, segments, cut);
  const keptFiles: string[] = [];
  makeDurableDirectory(disk, kept);
  if (ending !== null) {
    const to = join(kept, `bytes-from-${cut.at}`);
    keepPart(disk, segmentPath(files, ending.start), cut.at - ending.start, ending.to - cut.at, to);
    keptFiles.push(to);
  }
  for (const start of later.filter((start) => start < cut.dataEnd)) {
    const to = join(kept, fileNameOf(start));
    keepWhole(disk, segmentPath(files, start), files.segmentSizeBytes, to);
    keptFiles.push(to);
  }
  disk.syncDirectory(kept);
  return keptFiles;
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
