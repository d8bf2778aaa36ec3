/**
 * The files of a log or of a queue as they are found at start: all of one size, one behind the other (spec/store.md 2.2). What a loss of
 * power leaves of files that were never flushed is told apart here: their sizes and names reach the disk in any order, so any of them may
 * be short or missing. Everything else that does not fit is refused. Nothing is changed: who asks takes away what goes. Used by recovery, and
 * by verify, which has to tell the same.
 */
import { join } from 'node:path';
import { counted } from '../base/counted.ts';
import type { Disk } from './disk.ts';
import { fileNameOf, startByteOf } from './file-names.ts';
import { folderError, StoreDamagedError } from './store-errors.ts';

export interface FoundFile {
  readonly start: number;
  readonly size: number;
  /** There is a folder of that name. */
  readonly isFolder?: boolean;
}

/** What has the name of a file of a log or of a queue, in order. What a broker that runs deletes meanwhile is left out. */
export function foundFiles(disk: Disk, directory: string): FoundFile[] {
  return disk.list(directory).flatMap((name) => {
    const start = startByteOf(name);
    const stat = start < 0 ? null : disk.stat(join(directory, name));
    if (stat === null) return [];
    return stat.isDirectory ? { start, size: 0, isFolder: true } : { start, size: stat.size };
  });
}

export interface RunRule {
  /** Of each file. */
  readonly sizeBytes: number;
  readonly cleanStop: boolean;
  /**
   * After a crash: something was flushed at `tear`, the first byte that no file has, or in the files that start at `behind`. Then this is no
   * crash's doing.
   */
  readonly wasFlushed: (tear: number, behind: readonly number[]) => boolean;
}

/** Starts of files, in order. */
export interface FoundRun {
  /** In a row, of their full size: after a crash the last one may be shorter. */
  readonly starts: readonly number[];
  /** Behind one that is short or missing, and never flushed: they go. */
  readonly torn: readonly number[];
  /** Without a byte, at the end: they go. */
  readonly empty: readonly number[];
}

/** `folder`: it is none. `place`: no file of the size begins there. `size`: it has another one. `missing`: the file before it is. */
export interface RunFault {
  readonly kind: 'folder' | 'place' | 'size' | 'missing';
  readonly file: FoundFile;
  /** Start of the one that is before it; -1 without. */
  readonly before: number;
}

export interface JudgedRun extends FoundRun {
  /** The last one, where it is to get its size yet. */
  readonly short: FoundFile | null;
  /** A start refuses the files. */
  readonly faults: readonly RunFault[];
}

/** `files` in order. With faults, `starts` are of all files that begin where one may. */
export function judgeRun(files: readonly FoundFile[], rule: RunRule): JudgedRun {
  const { sizeBytes, cleanStop } = rule;
  const faults: RunFault[] = [];
  const used = files.findLastIndex(({ size, isFolder }) => size > 0 || isFolder === true) + 1;
  const row: FoundFile[] = [];
  for (const file of files.slice(0, used)) {
    const kind = misfitOf(file, sizeBytes);
    if (kind === null || kind === 'size') row.push(file);
    if (kind !== null) faults.push({ kind, file, before: -1 });
  }
  // By files of another size nothing can be told.
  const torn = cleanStop || faults.length > 0 ? [] : row.splice(tornFrom(row, rule));
  for (const [i, file] of row.entries()) {
    const before = row[i - 1]?.start ?? -1;
    const mayBeShort = i === row.length - 1 && !cleanStop;
    if (file.size < sizeBytes && !mayBeShort) faults.push({ kind: 'size', file, before });
    if (i > 0 && before + sizeBytes !== file.start) faults.push({ kind: 'missing', file, before });
  }
  const last = row.at(-1);
  const short = last !== undefined && last.size < sizeBytes && !cleanStop ? last : null;
  return { starts: startsOf(row), torn: startsOf(torn), empty: startsOf(files.slice(used)), short, faults };
}

/** What is wrong with a file wherever it lies. */
function misfitOf({ start, size, isFolder }: FoundFile, sizeBytes: number): RunFault['kind'] | null {
  if (isFolder === true) return 'folder';
  if (start % sizeBytes !== 0) return 'place';
  return size > sizeBytes ? 'size' : null;
}

function startsOf(files: readonly FoundFile[]): number[] {
  return files.map(({ start }) => start);
}

/** How many files come before the first torn place: all where there is none that a crash can have left. */
function tornFrom(row: readonly FoundFile[], { sizeBytes, wasFlushed }: RunRule): number {
  const first = row.findIndex(({ start }, i) => {
    const before = row[i - 1];
    return before !== undefined && (before.start + sizeBytes !== start || before.size < sizeBytes);
  });
  if (first < 0) return row.length;
  const { start, size } = row[first - 1]!;
  return wasFlushed(start + size, startsOf(row.slice(first))) ? row.length : first;
}

/** One row of files on the disk. */
export interface FileRun extends RunRule {
  readonly directory: string;
  /** Name of the setting that gives their size. */
  readonly setting: string;
  /** What helps where a file is missing or of another size, and there is no copy. */
  readonly remedy: string;
}

/** Throws for files that do not fit. */
export function findRun(disk: Disk, run: FileRun): FoundRun {
  const { starts, torn, empty, faults } = judgeRun(foundFiles(disk, run.directory), run);
  const [fault] = faults;
  if (fault !== undefined) throw faultError(run, fault);
  return { starts, torn, empty };
}

function faultError(
  { directory, sizeBytes, setting, remedy }: FileRun,
  { kind, file, before }: RunFault,
): StoreDamagedError {
  const path = join(directory, fileNameOf(file.start));
  switch (kind) {
    case 'folder':
      return folderError(path);
    case 'place':
      return new StoreDamagedError(
        `${path} begins where no file of ${sizeBytes} bytes does: ${setting} is not what it was when it was made`,
      );
    case 'size':
      return new StoreDamagedError(
        `${path} has ${counted(file.size, 'byte')}, but ${setting} is ${sizeBytes}. Set it as it was, or put a copy of the file back; without one ${remedy}`,
      );
    case 'missing':
      return new StoreDamagedError(
        `${path} does not follow ${fileNameOf(before)}: a file between them is missing. Put it back; without it ${remedy}`,
      );
  }
}

/** For who takes the torn files away. */
export function tellTorn(log: { warn(message: string): void }, directory: string, torn: readonly number[]): void {
  if (torn.length === 0) return;
  const first = fileNameOf(torn[0]!);
  log.warn(
    `${directory}: ${counted(torn.length, 'file')} from ${first} on, behind one that is short or missing: not known to have been flushed, and taken away now`,
  );
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
