/**
 * The files of a log or of a queue as they are found at start: all of one size, one behind the other (spec/store.md 2.2). What a crash
 * leaves of files that were never flushed is put right here: sizes and names of them reach the disk in any order, so any of them may be
 * short or missing. Everything else that does not fit is refused.
 */
import { join } from 'node:path';
import { counted } from '../base/counted.ts';
import type { Disk } from './disk.ts';
import { fileNameOf, startByteOf } from './file-names.ts';
import { StoreDamagedError } from './store-errors.ts';

/** One row of files. */
export interface FileRun {
  readonly directory: string;
  readonly sizeBytes: number;
  /** Name of the setting that gives their size. */
  readonly setting: string;
  /** After a crash: this file was flushed, so it is whole or somebody has damaged it. */
  readonly wasFlushed: (start: number) => boolean;
  readonly log: { warn(message: string): void };
}

/** Starts of the files in order. */
export function loadFileRun(disk: Disk, run: FileRun, cleanStop: boolean): number[] {
  const { directory, sizeBytes } = run;
  const starts = disk
    .list(directory)
    .map(startByteOf)
    .filter((start) => start >= 0);
  const sizes = new Map(starts.map((start) => [start, disk.stat(join(directory, fileNameOf(start)))?.size ?? 0]));
  const sizeOf = (start: number): number => sizes.get(start)!;
  for (let last = starts.at(-1); last !== undefined && sizeOf(last) === 0; last = starts.at(-1)) {
    disk.unlink(join(directory, fileNameOf(last)));
    starts.pop();
  }
  if (!cleanStop) dropTorn(disk, run, starts, sizeOf);
  for (const [i, start] of starts.entries()) {
    const isLast = i === starts.length - 1;
    const size = sizeOf(start);
    if (isLast && !cleanStop && size < sizeBytes && start % sizeBytes === 0) {
      regrow(disk, join(directory, fileNameOf(start)), sizeBytes);
    } else if (size !== sizeBytes) {
      throw new StoreDamagedError(
        `${join(directory, fileNameOf(start))} has ${counted(size, 'byte')}, but ${run.setting} is ${sizeBytes}`,
      );
    }
    if (i > 0 && starts[i - 1]! + sizeBytes !== start) {
      throw new StoreDamagedError(
        `${join(directory, fileNameOf(start))} does not follow ${fileNameOf(starts[i - 1]!)}: a file between them is missing`,
      );
    }
  }
  return starts;
}

/** Removes the files behind the first one that is short or missing, unless one of them was flushed: then this is no crash's doing. */
function dropTorn(disk: Disk, run: FileRun, starts: number[], sizeOf: (start: number) => number): void {
  const { directory, sizeBytes, wasFlushed, log } = run;
  const isTorn = (start: number, i: number): boolean =>
    i > 0 && (starts[i - 1]! + sizeBytes !== start || sizeOf(starts[i - 1]!) < sizeBytes);
  const first = starts.findIndex(isTorn);
  if (first < 0 || starts.slice(first).some(wasFlushed)) return;
  const torn = starts.splice(first);
  log.warn(`${directory}: ${torn.length} files from ${fileNameOf(torn[0]!)} on were never flushed, they are removed`);
  for (const start of torn.toReversed()) disk.unlink(join(directory, fileNameOf(start)));
  disk.syncDirectory(directory);
}

function regrow(disk: Disk, path: string, sizeBytes: number): void {
  const file = disk.open(path, 'write');
  try {
    file.resize(sizeBytes);
  } finally {
    file.close();
  }
}

/** Makes everything from byte `from` of a full-size file zero, in no time: the bytes are cut off and come back as a hole. Not flushed. */
export function wipeTail(disk: Disk, path: string, from: number, sizeBytes: number): void {
  const file = disk.open(path, 'write');
  try {
    file.resize(from);
    file.resize(sizeBytes);
  } finally {
    file.close();
  }
}
