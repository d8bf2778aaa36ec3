/**
 * Where the files of the key index lie and what they are called: each by the local time at which it was made, so that their names sort by
 * age (spec/store.md 1, 9.5). Used by dispatch, which makes them, by control, which searches them, by recovery and by the tools.
 */
import { join } from 'node:path';
import { counted } from '../base/counted.ts';
import {
  FIRST_INDEX_ENTRY,
  type IndexFileShape,
  type IndexHeader,
  indexEntryPosition,
  indexFileBytes,
} from '../layout/index-file.ts';
import type { Disk } from './disk.ts';
import { folderError, StoreDamagedError } from './store-errors.ts';

/** Others in the folder are foreign, and left alone as upstream leaves them. */
export function isIndexFileName(name: string): boolean {
  return /^\d{17}$/.test(name);
}

/** The folder and the size of all files in it. */
export interface IndexFiles {
  readonly directory: string;
  readonly shape: IndexFileShape;
}

/** Names of the files, oldest first. */
export function indexFileNames(disk: Disk, { directory }: Pick<IndexFiles, 'directory'>): string[] {
  return disk.list(directory).filter(isIndexFileName);
}

export function indexFilePath({ directory }: Pick<IndexFiles, 'directory'>, name: string): string {
  return join(directory, name);
}

export interface FoundIndexFile {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** There is a folder of that name. */
  readonly isFolder: boolean;
}

/** The files with the sizes that they have, oldest first. What a broker that runs deletes meanwhile is left out. */
export function foundIndexFiles(disk: Disk, files: Pick<IndexFiles, 'directory'>): FoundIndexFile[] {
  return indexFileNames(disk, files).flatMap((name) => {
    const path = indexFilePath(files, name);
    const stat = disk.stat(path);
    return stat === null ? [] : { name, path, sizeBytes: stat.size, isFolder: stat.isDirectory };
  });
}

/** Those that are none, or have not the size that the settings ask for. */
export function misfits(found: readonly FoundIndexFile[], shape: IndexFileShape): FoundIndexFile[] {
  const size = indexFileBytes(shape);
  return found.filter(({ sizeBytes, isFolder }) => isFolder || sizeBytes !== size);
}

export function misfitError({ path, sizeBytes, isFolder }: FoundIndexFile, shape: IndexFileShape): StoreDamagedError {
  if (isFolder) return folderError(path);
  return new StoreDamagedError(
    `${path} has ${counted(sizeBytes, 'byte')}, but maxHashSlotNum and maxIndexNum make ${indexFileBytes(shape)}. Set them as they were, or ` +
      'move the files away: the index is built again from the log',
  );
}

/** Throws for a folder in place of a file. */
export function refuseFolders(disk: Disk, files: Pick<IndexFiles, 'directory'>): void {
  const folder = foundIndexFiles(disk, files).find(({ isFolder }) => isFolder);
  if (folder !== undefined) throw folderError(folder.path);
}

/** The names of the files; throws when one has not the size that the settings ask for. */
export function checkedIndexFileNames(disk: Disk, files: IndexFiles): string[] {
  const found = foundIndexFiles(disk, files);
  const [misfit] = misfits(found, files.shape);
  if (misfit !== undefined) throw misfitError(misfit, files.shape);
  return found.map(({ name }) => name);
}

/** Whether a loss of power has left a file of this size in the middle of {@link IndexFile.wipeEntriesFrom}. */
export function isHalfWiped(shape: IndexFileShape, { nextEntry }: IndexHeader, sizeBytes: number): boolean {
  return nextEntry >= FIRST_INDEX_ENTRY && sizeBytes === indexEntryPosition(shape, nextEntry);
}

/** The name of a file that is made now: `yyyyMMddHHmmssSSS`, behind all that are there. */
export function newIndexFileName(nowMs: number, newest: string | null): string {
  const name = nameAt(nowMs);
  // Two files in one millisecond, or a clock that was set back.
  return newest !== null && name <= newest ? after(newest) : name;
}

function nameAt(ms: number): string {
  const at = new Date(ms);
  const digits = (value: number, count: number): string => String(value).padStart(count, '0');
  return (
    digits(at.getFullYear(), 4) +
    digits(at.getMonth() + 1, 2) +
    digits(at.getDate(), 2) +
    digits(at.getHours(), 2) +
    digits(at.getMinutes(), 2) +
    digits(at.getSeconds(), 2) +
    digits(at.getMilliseconds(), 3)
  );
}

/** The next number: upstream reads a name as no more than that. */
function after(name: string): string {
  return String(BigInt(name) + 1n).padStart(name.length, '0');
}

/** Log offset of the newest message that a file knows; -1 for the first file while nothing is in it. */
export function newestIndexed({ nextEntry, endLogOffset }: Pick<IndexHeader, 'nextEntry' | 'endLogOffset'>): number {
  return nextEntry > FIRST_INDEX_ENTRY || endLogOffset > 0 ? endLogOffset : -1;
}
