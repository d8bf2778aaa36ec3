/**
 * The files of a log or of a queue as they are found at start: all of one size, one behind the other (spec/store.md 2.2). What a crash
 * in the middle of making or cutting the last one leaves is put right here; everything else that does not fit is refused.
 */
import { join } from 'node:path';
import type { Disk } from './disk.ts';
import { fileNameOf, startByteOf } from './file-names.ts';
import { StoreDamagedError } from './store-errors.ts';

/** Starts of the files in order. `setting` is the name of the one that gives their size. */
export function loadFileRun(
  disk: Disk,
  directory: string,
  sizeBytes: number,
  setting: string,
  cleanStop: boolean,
): number[] {
  const starts = disk
    .list(directory)
    .map(startByteOf)
    .filter((start) => start >= 0);
  const sizeOf = (start: number): number => disk.stat(join(directory, fileNameOf(start)))?.size ?? 0;
  for (let last = starts.at(-1); last !== undefined && sizeOf(last) === 0; last = starts.at(-1)) {
    disk.unlink(join(directory, fileNameOf(last)));
    starts.pop();
  }
  for (const [i, start] of starts.entries()) {
    const path = join(directory, fileNameOf(start));
    const size = sizeOf(start);
    const isLast = i === starts.length - 1;
    if (isLast && !cleanStop && size < sizeBytes && start % sizeBytes === 0) {
      regrow(disk, path, sizeBytes);
    } else if (size !== sizeBytes) {
      throw new StoreDamagedError(`${path} has ${size} bytes, but ${setting} is ${sizeBytes}`);
    }
    if (i > 0 && starts[i - 1]! + sizeBytes !== start) {
      throw new StoreDamagedError(
        `${path} does not follow ${fileNameOf(starts[i - 1]!)}: a file between them is missing`,
      );
    }
  }
  return starts;
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
