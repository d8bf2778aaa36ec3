/**
 * A disk in memory for tests of the store: it can fill up, fail at a chosen call and write less than it is told to, and it keeps a
 * journal of the calls that order what survives a loss of power. What was not synced is not lost here; the simulator's disk does that.
 */
import { dirname, normalize } from 'node:path';
import {
  type Disk,
  DiskFailedError,
  type DiskFile,
  DiskFullError,
  type DiskUsage,
  type FileStat,
  type OpenMode,
} from '../../src/store/disk.ts';

export type DiskOperation =
  | 'open'
  | 'list'
  | 'read'
  | 'write'
  | 'fdatasync'
  | 'resize'
  | 'fsync'
  | 'rename'
  | 'link'
  | 'unlink'
  | 'mkdir';

interface Inode {
  readonly number: number;
  bytes: Uint8Array;
  size: number;
  /** Up to here the file has its blocks: to write there again needs no room. */
  allocated: number;
  modifiedMs: number;
}

let inodes = 0;

export class MemoryDisk implements Disk {
  readonly #files = new Map<string, Inode>();
  readonly #directories = new Set<string>(['/']);
  /** Calls that change what is durable, as `fdatasync /path`. */
  readonly journal: string[] = [];
  /** Bytes that can still be written before the disk is full. */
  roomBytes = Number.POSITIVE_INFINITY;
  /** The longest single write. */
  writeMax = Number.POSITIVE_INFINITY;
  openFiles = 0;
  /** Unlinks aside wait for the test. */
  holdsUnlinks = false;
  readonly #held: (() => void)[] = [];
  /** What the file system of an existing path says of its room. */
  usageOf: (path: string) => DiskUsage = () => ({ total: 1000, free: 900, usable: 900 });
  /** The number of the file system that a path lies on. */
  deviceOf: (path: string) => number = () => 0;
  /** Wall time, for the times of files. */
  nowMs = 0;
  /** Called before each call that reads or changes names: lets a test do something in between. */
  before: () => void = () => {};
  /** Return the system's code of an error to make this call fail. */
  fault: (operation: DiskOperation, path: string) => string | null = () => null;

  open(path: string, mode: OpenMode): DiskFile {
    this.before();
    this.#check('open', path);
    let inode = this.#files.get(path);
    if (inode !== undefined && mode === 'exclusive') throw new DiskFailedError(path, 'open', 'EEXIST');
    if (inode === undefined) {
      if (mode === 'read' || mode === 'write') throw new DiskFailedError(path, 'open', 'ENOENT');
      if (!this.#directories.has(dirname(path))) throw new DiskFailedError(path, 'open', 'ENOENT');
      inode = { number: ++inodes, bytes: new Uint8Array(64), size: 0, allocated: 0, modifiedMs: this.nowMs };
      this.#files.set(path, inode);
    }
    this.openFiles++;
    return new MemoryFile(this, path, inode);
  }

  list(directory: string): string[] {
    this.before();
    this.#check('list', directory);
    const names: string[] = [];
    for (const path of [...this.#files.keys(), ...this.#directories]) {
      if (path !== directory && dirname(path) === directory)
        names.push(path.slice(directory === '/' ? 1 : directory.length + 1));
    }
    return names.sort();
  }

  stat(path: string): FileStat | null {
    this.before();
    const file = this.#files.get(path);
    const device = this.deviceOf(path);
    if (file === undefined)
      return this.#directories.has(path) ? { size: 0, modifiedMs: 0, isDirectory: true, device, inode: 0 } : null;
    const { size, modifiedMs, number: inode } = file;
    return { size, modifiedMs, isDirectory: false, device, inode };
  }

  makeDirectory(path: string): void {
    for (let directory = normalize(path); !this.#directories.has(directory); directory = dirname(directory)) {
      this.#check('mkdir', directory);
      this.#directories.add(directory);
    }
  }

  rename(from: string, to: string): void {
    this.#check('rename', from);
    this.#files.set(to, this.#inode(from, 'rename'));
    this.#files.delete(from);
    this.journal.push(`rename ${from} ${to}`);
  }

  link(from: string, to: string): boolean {
    this.#check('link', to);
    if (this.#files.has(to)) return false;
    this.#files.set(to, this.#inode(from, 'link'));
    this.journal.push(`link ${to}`);
    return true;
  }

  unlink(path: string): void {
    this.before();
    this.#check('unlink', path);
    this.#inode(path, 'unlink');
    this.#files.delete(path);
    this.journal.push(`unlink ${path}`);
  }

  /** Done at once, unless {@link holdsUnlinks}: then when the test says so, by {@link unlinkHeld}. */
  unlinkAside(path: string, then: (failure: Error | null) => void): void {
    this.#held.push(() => {
      try {
        this.unlink(path);
        this.syncDirectory(dirname(path));
      } catch (error) {
        then(error as Error);
        return;
      }
      then(null);
    });
    if (!this.holdsUnlinks) this.unlinkHeld();
  }

  unlinkHeld(): void {
    for (const unlink of this.#held.splice(0)) unlink();
  }

  usage(path: string): DiskUsage | null {
    return this.#files.has(path) || this.#directories.has(path) ? this.usageOf(path) : null;
  }

  syncDirectory(path: string): void {
    this.before();
    this.#check('fsync', path);
    this.journal.push(`fsync ${path}`);
  }

  readWhole(path: string): Uint8Array {
    this.before();
    this.#check('open', path);
    const inode = this.#inode(path, 'read');
    return inode.bytes.slice(0, inode.size);
  }

  removeTree(path: string): void {
    for (const file of this.#files.keys()) if (isWithin(file, path)) this.#files.delete(file);
    for (const directory of this.#directories) if (isWithin(directory, path)) this.#directories.delete(directory);
  }

  /** For tests that damage a file: its bytes themselves. */
  bytesOf(path: string): Uint8Array {
    const inode = this.#inode(path, 'read');
    return inode.bytes.subarray(0, inode.size);
  }

  /** Every file, by path, its bytes in hex. */
  contents(): Record<string, string> {
    const files = [...this.#files.keys()].sort();
    return Object.fromEntries(files.map((path) => [path, Buffer.from(this.bytesOf(path)).toString('hex')]));
  }

  put(path: string, contents: Uint8Array | string): void {
    this.makeDirectory(dirname(path));
    const bytes = Uint8Array.from(Buffer.from(contents));
    const { length } = bytes;
    this.#files.set(path, { number: ++inodes, bytes, size: length, allocated: length, modifiedMs: this.nowMs });
  }

  /** A disk with the same contents, on its own from here on: what another start would find after kill -9. */
  copy(): MemoryDisk {
    const copy = new MemoryDisk();
    for (const directory of this.#directories) copy.makeDirectory(directory);
    for (const [path, inode] of this.#files) copy.#files.set(path, { ...inode, bytes: inode.bytes.slice() });
    return copy;
  }

  #inode(path: string, operation: string): Inode {
    const inode = this.#files.get(path);
    if (inode !== undefined) return inode;
    throw new DiskFailedError(path, operation, this.#directories.has(path) ? 'EISDIR' : 'ENOENT');
  }

  #check(operation: DiskOperation, path: string): void {
    this.check(operation, path);
  }

  /** Throws what the test wants this call to fail with. */
  check(operation: DiskOperation, path: string): void {
    const code = this.fault(operation, path);
    if (code === 'ENOSPC') throw new DiskFullError(path, operation);
    if (code !== null) throw new DiskFailedError(path, operation, code);
  }
}

class MemoryFile implements DiskFile {
  readonly path: string;
  readonly #disk: MemoryDisk;
  readonly #inode: Inode;

  constructor(disk: MemoryDisk, path: string, inode: Inode) {
    this.#disk = disk;
    this.path = path;
    this.#inode = inode;
  }

  read(into: Uint8Array, at: number, length: number, fileOffset: number): number {
    this.#disk.check('read', this.path);
    const count = Math.max(0, Math.min(length, this.#inode.size - fileOffset));
    into.set(this.#inode.bytes.subarray(fileOffset, fileOffset + count), at);
    return count;
  }

  write(from: Uint8Array, at: number, length: number, fileOffset: number): number {
    this.#disk.check('write', this.path);
    const has = Math.max(0, this.#inode.allocated - fileOffset);
    if (length > has && has + this.#disk.roomBytes === 0) throw new DiskFullError(this.path, 'write');
    const count = Math.min(length, this.#disk.writeMax, has + this.#disk.roomBytes);
    this.#disk.roomBytes -= Math.max(0, count - has);
    this.#inode.allocated = Math.max(this.#inode.allocated, fileOffset + count);
    this.#reach(fileOffset + count);
    this.#inode.bytes.set(from.subarray(at, at + count), fileOffset);
    this.#inode.modifiedMs = this.#disk.nowMs;
    return count;
  }

  sync(): void {
    this.#disk.check('fdatasync', this.path);
    this.#disk.journal.push(`fdatasync ${this.path}`);
  }

  resize(bytes: number): void {
    this.#disk.check('resize', this.path);
    if (bytes > this.#inode.size) this.#reach(bytes);
    this.#inode.bytes.fill(0, bytes, this.#inode.size);
    this.#inode.size = bytes;
    this.#inode.allocated = Math.min(this.#inode.allocated, bytes);
  }

  close(): void {
    this.#disk.openFiles--;
  }

  #reach(size: number): void {
    if (size > this.#inode.bytes.length) {
      const grown = new Uint8Array(Math.max(size, this.#inode.bytes.length * 2));
      grown.set(this.#inode.bytes.subarray(0, this.#inode.size));
      this.#inode.bytes = grown;
    }
    this.#inode.size = Math.max(this.#inode.size, size);
  }
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
