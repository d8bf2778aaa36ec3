/**
 * Keeps what a repair takes away: all of that lies in a folder of its own, on the disk, before anything of the store changes. Called by
 * store-repair.ts and repair-cut.ts; {@link keepPart} also at a start (records-aside.ts).
 */
import { dirname, join, relative } from 'node:path';
import { assert } from '../base/assert.ts';
import { besideLog } from './beside-log.ts';
import { type Disk, DiskFailedError, type DiskFile, makeDurableDirectory, writeFully } from './disk.ts';
import type { StorePaths } from './store-paths.ts';

const COPY_BYTES = 1024 * 1024;

/**
 * Where it is kept: in the store, whose folder may be all that there is of a volume. A log on a file system of its own has it
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

/**
 * Calls `put`, which makes files in the folder `kept` that is not there yet, and returns them, in order. The store is as it was, also when
 * this throws.
 */
export function keepAside(disk: Disk, kept: string, put: () => string[]): string[] {
  assert(disk.stat(kept) === null, 'what a repair keeps has a folder of its own');
  try {
    return put().sort();
  } catch (error) {
    // The room that it takes is missing to the next attempt.
    disk.removeTree(kept);
    throw error;
  }
}

/** Keeps whole files as they lie below `root`. They may be unlinked then, and not written to. Returns the files that were made. */
export function keepFiles(disk: Disk, root: string, paths: readonly string[], kept: string): string[] {
  const keptFiles = paths.map((path) => {
    const to = join(kept, relative(root, path));
    makeDurableDirectory(disk, dirname(to));
    keepWhole(disk, path, disk.stat(path)?.size ?? 0, to);
    return to;
  });
  for (const path of keptFiles) syncWhole(disk, path);
  for (const folder of new Set(keptFiles.map((path) => dirname(path)))) disk.syncDirectory(folder);
  return keptFiles;
}

/** What a process that was killed has left may be in the page cache only. */
function syncWhole(disk: Disk, path: string): void {
  const file = disk.open(path, 'write');
  try {
    file.sync();
  } finally {
    file.close();
  }
}

/** A second name is enough, as the first one goes. */
export function keepWhole(disk: Disk, path: string, sizeBytes: number, to: string): void {
  try {
    if (disk.link(path, to)) return;
  } catch (error) {
    // Another file system, or one without second names.
    if (!(error instanceof DiskFailedError)) throw error;
  }
  keepPart(disk, path, 0, sizeBytes, to);
}

export function keepPart(disk: Disk, path: string, from: number, length: number, to: string): void {
  const target = disk.open(to, 'exclusive');
  try {
    copyPart(disk, path, from, length, target);
    target.sync();
  } finally {
    target.close();
  }
}

function copyPart(disk: Disk, path: string, from: number, length: number, target: DiskFile): void {
  const source = disk.open(path, 'read');
  try {
    const bytes = new Uint8Array(COPY_BYTES);
    for (let done = 0; done < length; ) {
      const read = source.read(bytes, 0, Math.min(COPY_BYTES, length - done), from + done);
      if (read === 0) break;
      writeFully(target, bytes, 0, read, done);
      done += read;
    }
  } finally {
    source.close();
  }
}
