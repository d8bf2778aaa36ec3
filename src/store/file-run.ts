/**
 * The files of a log or of a queue as they are found at start: all of one size, one behind the other (spec/store.md 2.2). What a crash
 * leaves of files that were never flushed is told apart here: sizes and names of them reach the disk in any order, so any of them may be
 * short or missing. Everything else that does not fit is refused. Nothing is changed: who asks takes away what goes.
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
}

/** Starts of its files, in order. */
export interface FoundRun {
  /** In a row, of their full size: after a crash the last one may be shorter. */
  readonly starts: readonly number[];
  /** Behind one that is short or missing, and never flushed: they go. */
  readonly torn: readonly number[];
  /** Without a byte, at the end: they go. */
  readonly empty: readonly number[];
}

export function findRun(disk: Disk, run: FileRun, cleanStop: boolean): FoundRun {
  const { directory, sizeBytes } = run;
  const starts = disk
    .list(directory)
    .map(startByteOf)
    .filter((start) => start >= 0);
  const sizes = new Map(starts.map((start) => [start, disk.stat(join(directory, fileNameOf(start)))?.size ?? 0]));
  const sizeOf = (start: number): number => sizes.get(start)!;
  const used = starts.findLastIndex((start) => sizeOf(start) > 0) + 1;
  const empty = starts.splice(used);
  const torn = cleanStop ? [] : starts.splice(tornFrom(run, starts, sizeOf));
  for (const [i, start] of starts.entries()) {
    const mayBeShort = i === starts.length - 1 && !cleanStop && start % sizeBytes === 0;
    const size = sizeOf(start);
    if (size > sizeBytes || (size < sizeBytes && !mayBeShort)) {
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
  return { starts, torn, empty };
}

/** How many files come before the first torn place. All, when one behind it was flushed: then this is no crash's doing. */
function tornFrom({ sizeBytes, wasFlushed }: FileRun, starts: number[], sizeOf: (start: number) => number): number {
  const isTorn = (start: number, i: number): boolean =>
    i > 0 && (starts[i - 1]! + sizeBytes !== start || sizeOf(starts[i - 1]!) < sizeBytes);
  const first = starts.findIndex(isTorn);
  return first < 0 || starts.slice(first).some(wasFlushed) ? starts.length : first;
}

/** For who takes the torn files away. */
export function tellTorn(log: { warn(message: string): void }, directory: string, torn: readonly number[]): void {
  if (torn.length === 0) return;
  log.warn(`${directory}: ${torn.length} files from ${fileNameOf(torn[0]!)} on were never flushed, they are removed`);
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
