/**
 * Cuts the end off a log and keeps what is cut: it is copied, or moved, to a folder beside the store and is there on the disk before anything
 * of the log changes. Part of repair-store.ts.
 */
import { basename, dirname, join } from 'node:path';
import { assert } from '../base/assert.ts';
import { asLogOffset } from '../base/units.ts';
import type { Disk } from './disk.ts';
import { makeDurableDirectory, writeFully } from './disk.ts';
import { wipeTail } from './file-run.ts';
import { LogReader } from './log-reader.ts';
import { LogScanner, Scanned } from './log-scanner.ts';
import { type CommitLogFiles, segmentEnd, segmentPath, segmentStart } from './segments.ts';
import type { StorePaths } from './store-paths.ts';
import type { RecordRun } from './verify-slice.ts';

const COPY_BYTES = 1024 * 1024;

export interface LogCut {
  /** The log ends here. */
  readonly at: number;
  /** Behind the last byte that is not zero. */
  readonly dataEnd: number;
}

/** Where what is cut is kept: on the same file system, so that whole files can be moved. `stamp` tells repairs apart. */
export function keptFolder(paths: StorePaths, stamp: string): string {
  const isInside = dirname(paths.commitLog) === paths.root;
  return `${isInside ? paths.root : paths.commitLog}.cut-${stamp}`;
}

/** Whole records behind the one at `at`, which is damaged or none: what a cut there takes with it. Bodies are not looked at. */
export function countRecordsBehind(disk: Disk, files: CommitLogFiles, runs: readonly RecordRun[], at: number): number {
  const reader = new LogReader(disk, files);
  const scanner = new LogScanner(reader, false);
  let count = 0;
  try {
    for (const { from, to } of runs.filter((run) => run.to > at)) {
      scanner.begin(asLogOffset(from), asLogOffset(segmentEnd(files, from)));
      while (scanner.nextPosition < to && scanner.next() === Scanned.record && scanner.position < to) {
        if (scanner.position > at) count++;
      }
    }
    return count;
  } finally {
    reader.close();
  }
}

/** Returns the files that hold what was cut, in order. */
export function cutLog(
  disk: Disk,
  files: CommitLogFiles,
  segments: readonly number[],
  cut: LogCut,
  kept: string,
): string[] {
  assert(cut.dataEnd >= cut.at, 'what is cut lies behind the cut');
  const ending = segmentStart(files, cut.at);
  const within = cut.at - ending;
  const keptFiles: string[] = [];
  const endOfFile = Math.min(cut.dataEnd, ending + files.segmentSizeBytes);
  const isCutInside = segments.includes(ending) && within > 0 && endOfFile > cut.at;
  if (cut.dataEnd > cut.at) makeDurableDirectory(disk, kept);
  if (isCutInside) keptFiles.push(copyPart(disk, segmentPath(files, ending), within, endOfFile - cut.at, kept, cut.at));
  const later = segments.filter((start) => start >= cut.at);
  for (const start of later.toReversed()) {
    const path = segmentPath(files, start);
    if (start >= cut.dataEnd) {
      disk.unlink(path);
      continue;
    }
    const to = join(kept, basename(path));
    disk.rename(path, to);
    keptFiles.push(to);
  }
  if (keptFiles.length > 0) disk.syncDirectory(kept);
  if (later.length > 0) disk.syncDirectory(files.directory);
  if (isCutInside) wipe(disk, segmentPath(files, ending), within, files.segmentSizeBytes);
  return keptFiles.sort();
}

function copyPart(disk: Disk, path: string, from: number, length: number, kept: string, logOffset: number): string {
  const to = join(kept, `bytes-from-${logOffset}`);
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
  return to;
}

function wipe(disk: Disk, path: string, from: number, sizeBytes: number): void {
  wipeTail(disk, path, from, sizeBytes);
  syncFile(disk, path);
}

export function syncFile(disk: Disk, path: string): void {
  const file = disk.open(path, 'write');
  try {
    file.sync();
  } finally {
    file.close();
  }
}
