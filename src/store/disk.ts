/**
 * Files and folders as the store sees them: the only home of `node:fs` in the broker. Everything in store/ is written against
 * {@link Disk}, so that tests and the simulator can run it on a disk that loses, tears, fills up and fails. All calls but one block their
 * thread. A descriptor belongs to the thread that opened it: it is closed when that thread ends, and its number is given out again.
 */
import * as fs from 'node:fs';
import { dirname } from 'node:path';

/** No room left on the device, or the quota is used up. The write has failed, the file and the broker are as good as before. */
export class DiskFullError extends Error {
  override readonly name = 'DiskFullError';
  readonly path: string;
  readonly operation: string;

  constructor(path: string, operation: string) {
    super(`disk full: ${operation} ${path}`);
    this.path = path;
    this.operation = operation;
  }
}

/** What to do about what is not the disk's fault. */
const HINTS: Readonly<Record<string, string>> = {
  EACCES: ' (this user may not: start as the owner of the store, or give it to this user)',
  EPERM: ' (this user may not: start as the owner of the store, or give it to this user)',
  EROFS: ' (the file system is mounted read-only)',
};

/** The operating system refused. On a file of the log this stops the broker: what is on the disk is not known any more. */
export class DiskFailedError extends Error {
  override readonly name = 'DiskFailedError';
  readonly path: string;
  readonly operation: string;
  /** The system's name of the error, such as EIO. */
  readonly code: string;

  constructor(path: string, operation: string, code: string, cause?: unknown) {
    super(`${operation} ${path}: ${code}${HINTS[code] ?? ''}`, { cause });
    this.path = path;
    this.operation = operation;
    this.code = code;
  }
}

/** True for the failure of a look at something that is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof DiskFailedError && error.code === 'ENOENT';
}

/** True for the failure of a read of what is a folder. */
export function isFolderError(error: unknown): boolean {
  return error instanceof DiskFailedError && error.code === 'EISDIR';
}

/** The process, or the machine, has no descriptors left. */
const NO_DESCRIPTORS: readonly string[] = ['EMFILE', 'ENFILE'];

/** What a folder says to its fsync that may not be looked into, or lies on a file system that is never written to. */
const NEVER_SYNCED: readonly string[] = ['EACCES', 'EPERM', 'EROFS', 'EINVAL'];

/** True when a file could not be opened because too many are open: it may succeed later, as on a disk that was full. */
export function isOutOfDescriptors(error: unknown): boolean {
  return error instanceof DiskFailedError && NO_DESCRIPTORS.includes(error.code);
}

/** True when the system does not let this process do it. */
export function isNotAllowed(error: unknown): boolean {
  return error instanceof DiskFailedError && (error.code === 'EACCES' || error.code === 'EPERM');
}

/** True for what is short now and may not be later, room or descriptors. What was asked for was not done, nothing else is lost. */
export function isShortage(error: unknown): error is Error {
  return error instanceof DiskFullError || isOutOfDescriptors(error);
}

/** `write` wants the file to be there; `create` makes it when it is not and leaves its bytes alone; `exclusive` fails with EEXIST. */
export type OpenMode = 'read' | 'write' | 'create' | 'exclusive';

export interface DiskFile {
  readonly path: string;
  /** Reads up to `length` bytes to `into[at...]`; less only at the end of the file. */
  read(into: Uint8Array, at: number, length: number, fileOffset: number): number;
  /** Writes from `from[at...]`, which may be shared memory. Returns how many bytes were written: it may be fewer, call again. */
  write(from: Uint8Array, at: number, length: number, fileOffset: number): number;
  /** fdatasync: also flushes what was written through other descriptors of the file. */
  sync(): void;
  /** Cuts the file or lets it grow by a hole that reads as zeros. */
  resize(bytes: number): void;
  close(): void;
}

export interface FileStat {
  readonly size: number;
  readonly modifiedMs: number;
  readonly isDirectory: boolean;
  /** Number of the file system: files have second names only on the same one. */
  readonly device: number;
  /** Number of the file there, the same by all of its names. */
  readonly inode: number;
}

/** Room of the file system that a path lies on, in bytes. */
export interface DiskUsage {
  readonly total: number;
  readonly free: number;
  /** What is free for this process: less than `free` where the system keeps some for itself. */
  readonly usable: number;
}

export interface Disk {
  open(path: string, mode: OpenMode): DiskFile;
  /** Names in a folder in the order of their code units; none when the folder does not exist. */
  list(directory: string): string[];
  stat(path: string): FileStat | null;
  /** Makes the folder and those above it; nothing when it is there. */
  makeDirectory(path: string): void;
  /** Replaces `to` when it exists. */
  rename(from: string, to: string): void;
  /** Gives a file a second name; false when `to` exists, which is then left alone. */
  link(from: string, to: string): boolean;
  unlink(path: string): void;
  /**
   * Unlinks a file and makes that survive a loss of power, without holding up this thread: to free the blocks of 1 GiB was measured to
   * take 370 ms. Calls `then` when it is done, perhaps at once, with null or with what went wrong.
   */
  unlinkAside(path: string, then: (failure: Error | null) => void): void;
  /** Null when the path does not exist. */
  usage(path: string): DiskUsage | null;
  /** Makes names that were added to or removed from a folder survive a loss of power. Windows has no such thing: nothing is done there. */
  syncDirectory(path: string): void;
  readWhole(path: string): Uint8Array;
  /** Removes a folder with everything in it; nothing when it is not there. */
  removeTree(path: string): void;
}

/** Node's own recursion never ends where the system refuses a folder in one that is there, such as in /proc. */
function makeDirectories(path: string): void {
  if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectories(parent);
  try {
    fs.mkdirSync(path);
  } catch (error) {
    // Another thread was quicker.
    if (codeOf(error) !== 'EEXIST' || !fs.statSync(path).isDirectory()) throw error;
  }
}

const OPEN_FLAGS: Record<OpenMode, number> = {
  read: fs.constants.O_RDONLY,
  write: fs.constants.O_RDWR,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT,
  exclusive: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL,
};

/** The machine's disk. */
export class NodeDisk implements Disk {
  readonly #open = new Set<NodeFile>();

  open(path: string, mode: OpenMode): DiskFile {
    let descriptor: number;
    try {
      descriptor = fs.openSync(path, OPEN_FLAGS[mode]);
    } catch (error) {
      throw diskError(path, 'open', error);
    }
    const file = new NodeFile(path, descriptor, this.#open);
    this.#open.add(file);
    return file;
  }

  /** Closes all files that were opened here, as the end of a thread would: after a failure, on a thread that lives on. */
  abandonFiles(): void {
    for (const file of this.#open) file.close();
  }

  list(directory: string): string[] {
    try {
      // An error object takes longer than this look, which throws for everything but a folder that is not there.
      if (fs.statSync(directory, { throwIfNoEntry: false }) === undefined) return [];
      return fs.readdirSync(directory).sort();
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw diskError(directory, 'list', error);
    }
  }

  stat(path: string): FileStat | null {
    try {
      const stat = fs.statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) return null;
      const { size, mtimeMs: modifiedMs, dev: device, ino: inode } = stat;
      return { size, modifiedMs, isDirectory: stat.isDirectory(), device, inode };
    } catch (error) {
      throw diskError(path, 'stat', error);
    }
  }

  makeDirectory(path: string): void {
    attempt(path, 'mkdir', () => makeDirectories(path));
  }

  rename(from: string, to: string): void {
    attempt(from, 'rename', () => fs.renameSync(from, to));
  }

  link(from: string, to: string): boolean {
    try {
      fs.linkSync(from, to);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw diskError(to, 'link', error);
    }
  }

  unlink(path: string): void {
    attempt(path, 'unlink', () => fs.unlinkSync(path));
  }

  unlinkAside(path: string, then: (failure: Error | null) => void): void {
    unlinkDurably(path).then(
      () => then(null),
      (error: unknown) => then(diskError(path, 'unlink', error)),
    );
  }

  usage(path: string): DiskUsage | null {
    try {
      const { bsize, blocks, bfree, bavail } = fs.statfsSync(path);
      return { total: blocks * bsize, free: bfree * bsize, usable: bavail * bsize };
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw diskError(path, 'statfs', error);
    }
  }

  syncDirectory(path: string): void {
    if (process.platform === 'win32') return;
    attempt(path, 'fsync', () => {
      const descriptor = fs.openSync(path, fs.constants.O_RDONLY);
      try {
        fs.fsyncSync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
    });
  }

  readWhole(path: string): Uint8Array {
    return attempt(path, 'read', () => fs.readFileSync(path));
  }

  removeTree(path: string): void {
    attempt(path, 'remove', () => fs.rmSync(path, { recursive: true, force: true }));
  }
}

async function unlinkDurably(path: string): Promise<void> {
  if (process.platform === 'win32') {
    await fs.promises.unlink(path);
    return;
  }
  // Before: what cannot be made durable for want of descriptors stays.
  const folder = await fs.promises.open(dirname(path), fs.constants.O_RDONLY);
  try {
    await fs.promises.unlink(path);
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The largest number that a call takes, and one that no process is given: the system answers EBADF. */
const NO_DESCRIPTOR = 0x7fffffff;

class NodeFile implements DiskFile {
  readonly path: string;
  #descriptor: number;
  readonly #open: Set<NodeFile>;

  constructor(path: string, descriptor: number, open: Set<NodeFile>) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#open = open;
  }

  read(into: Uint8Array, at: number, length: number, fileOffset: number): number {
    try {
      return fs.readSync(this.#descriptor, into, at, length, fileOffset);
    } catch (error) {
      throw diskError(this.path, 'read', error);
    }
  }

  write(from: Uint8Array, at: number, length: number, fileOffset: number): number {
    try {
      return fs.writeSync(this.#descriptor, from, at, length, fileOffset);
    } catch (error) {
      throw diskError(this.path, 'write', error);
    }
  }

  sync(): void {
    try {
      fs.fdatasyncSync(this.#descriptor);
    } catch (error) {
      // Not even a full disk may be told apart here: after a failed sync nothing is known of the pages, so nothing may go on.
      throw new DiskFailedError(this.path, 'fdatasync', codeOf(error), error);
    }
  }

  resize(bytes: number): void {
    try {
      fs.ftruncateSync(this.#descriptor, bytes);
    } catch (error) {
      throw diskError(this.path, 'resize', error);
    }
  }

  close(): void {
    const descriptor = this.#descriptor;
    // A late call fails, where the number could be another file's by then.
    this.#descriptor = NO_DESCRIPTOR;
    this.#open.delete(this);
    try {
      fs.closeSync(descriptor);
    } catch (error) {
      throw diskError(this.path, 'close', error);
    }
  }
}

/** Opens a file and makes it `sizeBytes` long, sparse. Closed again when that fails. */
export function openSized(disk: Disk, path: string, mode: OpenMode, sizeBytes: number): DiskFile {
  const file = disk.open(path, mode);
  try {
    file.resize(sizeBytes);
  } catch (error) {
    file.close();
    throw error;
  }
  return file;
}

/** One write, which may be a short one but not an empty one: whoever repeats it would do so for ever. */
export function writeSome(file: DiskFile, from: Uint8Array, at: number, length: number, fileOffset: number): number {
  const written = file.write(from, at, length, fileOffset);
  if (written === 0) throw new DiskFailedError(file.path, 'write', 'wrote 0 bytes');
  return written;
}

/** Writes all of `from[at, at + length)`, however short the single writes are. */
export function writeFully(file: DiskFile, from: Uint8Array, at: number, length: number, fileOffset: number): void {
  let done = 0;
  while (done < length) done += writeSome(file, from, at + done, length - done, fileOffset + done);
}

/** Makes `path` a file with these contents, on the disk; the file's name is made durable by syncing its folder. Not in one step. */
export function writeWhole(disk: Disk, path: string, contents: Uint8Array): void {
  const file = disk.open(path, 'create');
  try {
    file.resize(0);
    writeFully(file, contents, 0, contents.length, 0);
    file.sync();
  } finally {
    file.close();
  }
}

/**
 * Makes the folder and those above it survive a loss of power. The name of one that is there already is made durable too: whoever has made
 * it may have ended before. Where that cannot be done it was made by somebody else, and is theirs to keep.
 */
export function makeDurableDirectory(disk: Disk, path: string): void {
  const parent = dirname(path);
  if (parent === path) return;
  if (disk.stat(path) !== null) {
    try {
      disk.syncDirectory(parent);
    } catch (error) {
      if (!(error instanceof DiskFailedError && NEVER_SYNCED.includes(error.code))) throw error;
    }
    return;
  }
  makeDurableDirectory(disk, parent);
  disk.makeDirectory(path);
  disk.syncDirectory(parent);
}

/** For readers beside a broker, whose retention may have deleted a file that was there a moment ago: null then. */
export function openUnlessGone(disk: Disk, path: string): DiskFile | null {
  try {
    return disk.open(path, 'read');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Unlinks a file that need not be there. */
export function removeIfThere(disk: Disk, path: string): void {
  try {
    disk.unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Whether one of the bytes `[from, from + length)` of a file is not zero. */
export function isWritten(disk: Disk, path: string, from: number, length: number): boolean {
  const bytes = Buffer.alloc(length);
  const file = disk.open(path, 'read');
  try {
    const read = file.read(bytes, 0, length, from);
    return bytes.subarray(0, read).some((byte) => byte !== 0);
  } finally {
    file.close();
  }
}

/** Replaces a whole file in one step that survives a loss of power: a reader finds the old contents or the new ones. */
export function replaceFile(disk: Disk, path: string, contents: Uint8Array): void {
  const fresh = `${path}.tmp`;
  writeWhole(disk, fresh, contents);
  disk.rename(fresh, path);
  disk.syncDirectory(dirname(path));
}

function attempt<T>(path: string, operation: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw diskError(path, operation, error);
  }
}

function diskError(path: string, operation: string, error: unknown): DiskFullError | DiskFailedError {
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new DiskFullError(path, operation);
  return new DiskFailedError(path, operation, code, error);
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : String(error);
}
