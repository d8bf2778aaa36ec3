/**
 * The simulated disk: in memory, with a page cache and a platter. What was not synced may be lost, kept or torn when the power goes;
 * calls fail, fill the disk up or write less when a test wants them to. Each call that changes something is a numbered place to crash at:
 * before it, or for a write in the middle of it. After a crash every call throws; {@link SimDisk.afterCrash} is what the next start finds.
 */
import { dirname } from 'node:path';
import type { Random } from '../../src/base/random.ts';
import {
  type Disk,
  DiskFailedError,
  type DiskFile,
  DiskFullError,
  type DiskUsage,
  type FileStat,
  type OpenMode,
} from '../../src/store/disk.ts';
import type { DiskOperation } from './memory-disk.ts';
import { SimFolder, SimFolders } from './sim-folders.ts';
import { SECTOR_BYTES, SimInode } from './sim-inode.ts';

/** The process or the machine ends here. Nothing may catch it and go on. */
export class CrashedError extends Error {
  override readonly name = 'CrashedError';
}

/** `kill`: the process ends, the page cache stays. `power`: the platter stays, and whatever else had got there. */
export type CrashMode = 'kill' | 'power';

/** What goes wrong. Asked in the order of the calls, so a seeded one repeats itself. */
export interface SimFaults {
  /** The system's code of an error, or null. */
  fail(operation: DiskOperation, path: string): string | null;
  /** How much of a write is carried out, at least 1. */
  shorten(length: number): number;
}

export const NO_FAULTS: SimFaults = { fail: () => null, shorten: (length) => length };

/** Lies of a disk, or of a broker that forgets a call: for the mutations. */
export interface SimLies {
  /** fdatasync returns without having done anything. */
  sync?(path: string): boolean;
  /** fsync of a folder likewise. */
  syncDirectory?(path: string): boolean;
}

/** Room of a disk that is given no bound. */
const ROOMY_BYTES = 1e12;

export class SimDisk implements Disk {
  faults: SimFaults = NO_FAULTS;
  lies: SimLies = {};
  /** Bytes of all files together, in sectors that were written. */
  capacityBytes = Number.POSITIVE_INFINITY;
  openMax = Number.POSITIVE_INFINITY;
  /** Wall time, for the times of files. */
  nowMs: () => number = () => 0;
  /** Called before each call that changes something, with its number. */
  before: (call: number, operation: DiskOperation, path: string, detail: number) => void = () => {};
  /**
   * Called while a write or an fdatasync takes its time, and not within itself. A write takes effect behind it; an fdatasync covers what was
   * written before it.
   */
  during: (operation: 'write' | 'fdatasync') => void = () => {};
  /** Files outside of the disk, such as those of /proc. */
  readonly system = new Map<string, string>();
  /** The call to crash at. */
  crashAt = Number.POSITIVE_INFINITY;
  /** A write is carried out up to this share before the crash. */
  crashShare = 0;
  #calls = 0;
  #openFiles = 0;
  #usedBytes = 0;
  #isDead = false;
  #folders = new SimFolders();
  readonly #aside: (() => void)[] = [];
  readonly #random: Random;

  /** `random` decides what a failed sync leaves. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** Calls so far that have changed something, or would have. */
  get calls(): number {
    return this.#calls;
  }

  get openFiles(): number {
    return this.#openFiles;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** From here on every call throws: the process that used it has ended. */
  kill(): void {
    this.#isDead = true;
  }

  /** What the next start finds; this disk is of no use after that. `kept`: how likely an unsynced change has got to the platter. */
  afterCrash(mode: CrashMode, random: Random, kept: number): SimDisk {
    this.#isDead = true;
    const folders =
      mode === 'kill'
        ? this.#folders
        : this.#folders.afterPowerLoss(random, kept, (inode) => inode.afterPowerLoss(random, kept));
    return this.#next(folders, random);
  }

  /** The same disk once more, for a look at what would happen. */
  copy(random: Random): SimDisk {
    return this.#next(this.#folders.copy(), random);
  }

  #next(folders: SimFolders, random: Random): SimDisk {
    const next = new SimDisk(random);
    next.#folders = folders;
    for (const file of folders.files()) next.#usedBytes += file.allocatedBytes;
    for (const [path, contents] of this.system) next.system.set(path, contents);
    next.nowMs = this.nowMs;
    next.lies = this.lies;
    return next;
  }

  /** The system's own writing, a sector here and there. */
  writeBackSome(random: Random): void {
    for (const file of this.#folders.files()) if (random.below(2) === 0) file.writeBackOne(random);
  }

  /** What a process would read, without a call; null when there is nothing. */
  peek(path: string): Uint8Array | null {
    const node = this.#folders.find(path);
    return node instanceof SimInode ? node.bytes.slice(0, node.size) : null;
  }

  open(path: string, mode: OpenMode): DiskFile {
    this.#descriptor(path);
    let inode = this.#folders.find(path);
    if (inode instanceof SimFolder) throw new DiskFailedError(path, 'open', 'EISDIR');
    if (inode !== undefined && mode === 'exclusive') throw new DiskFailedError(path, 'open', 'EEXIST');
    if (inode === undefined) {
      const place = this.#folders.place(path);
      if (mode === 'read' || mode === 'write' || place === null) throw new DiskFailedError(path, 'open', 'ENOENT');
      this.#turn('open', path);
      if (this.#usedBytes >= this.capacityBytes) throw new DiskFullError(path, 'open');
      inode = new SimInode();
      inode.modifiedMs = this.nowMs();
      inode.links = 1;
      this.#folders.change([{ ...place, to: inode, from: null }]);
    }
    this.#openFiles++;
    return new SimFile(this, path, inode);
  }

  list(directory: string): string[] {
    this.#descriptor(directory);
    this.#look('list', directory);
    const node = this.#folders.find(directory);
    return node instanceof SimFolder ? [...node.entries.keys()].sort() : [];
  }

  stat(path: string): FileStat | null {
    this.#live();
    const node = this.#folders.find(path);
    if (node === undefined) return null;
    if (node instanceof SimFolder) return { size: 0, modifiedMs: 0, isDirectory: true, device: 0, inode: 0 };
    return { size: node.size, modifiedMs: node.modifiedMs, isDirectory: false, device: 0, inode: node.number };
  }

  makeDirectory(path: string): void {
    this.#live();
    if (this.#folders.find(path) instanceof SimFolder) return;
    if (dirname(path) !== path) this.makeDirectory(dirname(path));
    this.#turn('mkdir', path);
    this.#folders.change([{ ...this.#folders.place(path)!, to: new SimFolder(), from: null }]);
  }

  rename(from: string, to: string): void {
    this.#turn('rename', from);
    const node = this.#file(from, 'rename');
    const target = this.#folders.find(to);
    this.#folders.change([
      { ...this.#folders.place(from)!, to: null, from: node },
      { ...this.#folders.place(to)!, to: node, from: null },
    ]);
    if (target instanceof SimInode) this.#drop(target);
  }

  link(from: string, to: string): boolean {
    this.#turn('link', to);
    if (this.#folders.find(to) !== undefined) return false;
    const inode = this.#file(from, 'link');
    inode.links++;
    this.#folders.change([{ ...this.#folders.place(to)!, to: inode, from: null }]);
    return true;
  }

  unlink(path: string): void {
    this.#turn('unlink', path);
    const inode = this.#file(path, 'unlink');
    this.#folders.change([{ ...this.#folders.place(path)!, to: null, from: inode }]);
    this.#drop(inode);
  }

  unlinkAside(path: string, then: (failure: Error | null) => void): void {
    this.#live();
    this.#aside.push(() => {
      let failure: Error | null = null;
      try {
        this.#descriptor(dirname(path));
        this.unlink(path);
        this.syncDirectory(dirname(path));
      } catch (error) {
        if (error instanceof CrashedError) throw error;
        failure = error as Error;
      }
      then(failure);
    });
  }

  /** Does one of the unlinks that a thread aside has been given. False when there is none. */
  stepAside(): boolean {
    const step = this.#aside.shift();
    step?.();
    return step !== undefined;
  }

  usage(path: string): DiskUsage | null {
    this.#look('list', path);
    if (this.#folders.find(path) === undefined) return null;
    const total = Math.min(this.capacityBytes, ROOMY_BYTES);
    const free = Math.max(0, total - this.#usedBytes);
    return { total, free, usable: free };
  }

  syncDirectory(path: string): void {
    this.#descriptor(path);
    this.#turn('fsync', path);
    const node = this.#folders.find(path);
    if (!(node instanceof SimFolder)) throw new DiskFailedError(path, 'fsync', 'ENOENT');
    if (this.lies.syncDirectory?.(path) !== true) this.#folders.sync(node);
  }

  readWhole(path: string): Uint8Array {
    const system = this.system.get(path);
    if (system !== undefined) return Buffer.from(system);
    this.#descriptor(path);
    this.#look('read', path);
    const inode = this.#file(path, 'read');
    return inode.bytes.slice(0, inode.size);
  }

  removeTree(path: string): void {
    this.#live();
    const node = this.#folders.find(path);
    if (node === undefined) return;
    if (node instanceof SimFolder) {
      for (const name of [...node.entries.keys()]) this.removeTree(`${path}/${name}`);
      this.#turn('unlink', path);
      this.#folders.change([{ ...this.#folders.place(path)!, to: null, from: node }]);
    } else {
      this.unlink(path);
    }
  }

  /** A call that changes nothing. */
  look(operation: DiskOperation, path: string): void {
    this.#look(operation, path);
  }

  writeTo(inode: SimInode, path: string, from: Uint8Array, at: number, length: number, offset: number): number {
    this.#takeTime('write');
    const isCrash = this.#calls + 1 === this.crashAt;
    if (isCrash) inode.write(from, at, wholeSectors(offset, length * this.crashShare), offset);
    this.#turn('write', path, offset);
    let count = Math.max(1, this.faults.shorten(length));
    // Where the next call is the last, nobody completes a short write.
    if (count < length && this.#calls + 1 === this.crashAt) count = wholeSectors(offset, count) || length;
    const roomBytes = this.capacityBytes - this.#usedBytes;
    while (count > 0 && inode.roomFor(offset, offset + count) > roomBytes) {
      // Down to the end of the last sector that still has room.
      const end = offset + count - 1;
      count = Math.max(0, end - (end % SECTOR_BYTES) - offset);
    }
    if (count === 0) throw new DiskFullError(path, 'write');
    this.#usedBytes += inode.roomFor(offset, offset + count);
    inode.write(from, at, count, offset);
    inode.modifiedMs = this.nowMs();
    return count;
  }

  sync(inode: SimInode, path: string): void {
    try {
      this.#turn('fdatasync', path);
    } catch (error) {
      if (!this.#isDead) inode.syncInVain(this.#random);
      throw error;
    }
    if (this.lies.sync?.(path) === true) return;
    const underWay = inode.syncBegin(this.#random);
    this.#takeTime('fdatasync');
    // Whoever had a turn meanwhile may have come to the call to crash at.
    this.#live();
    inode.syncEnd(underWay);
  }

  resize(inode: SimInode, path: string, bytes: number): void {
    this.#turn('resize', path, bytes);
    const before = inode.allocatedBytes;
    inode.resize(bytes);
    if (inode.links > 0) this.#usedBytes += inode.allocatedBytes - before;
  }

  closed(): void {
    this.#openFiles--;
  }

  #drop(inode: SimInode): void {
    inode.links--;
    if (inode.links === 0) this.#usedBytes -= inode.allocatedBytes;
  }

  #file(path: string, operation: string): SimInode {
    const node = this.#folders.find(path);
    if (!(node instanceof SimInode)) throw new DiskFailedError(path, operation, 'ENOENT');
    return node;
  }

  #live(): void {
    if (this.#isDead) throw new CrashedError('the disk is gone');
  }

  #look(operation: DiskOperation, path: string): void {
    this.#live();
    this.#refuse(operation, path);
  }

  #takeTime(operation: 'write' | 'fdatasync'): void {
    const { during } = this;
    this.during = () => {};
    during(operation);
    this.during = during;
  }

  /** What every call needs that opens something, if only for itself. */
  #descriptor(path: string): void {
    this.#look('open', path);
    if (this.#openFiles >= this.openMax) throw new DiskFailedError(path, 'open', 'EMFILE');
  }

  /** The next numbered call. */
  #turn(operation: DiskOperation, path: string, detail = 0): void {
    this.#live();
    this.#calls++;
    this.before(this.#calls, operation, path, detail);
    if (this.#calls === this.crashAt) {
      this.#isDead = true;
      throw new CrashedError(`crash at call ${this.#calls}, ${operation} ${path}`);
    }
    if (operation !== 'open') this.#refuse(operation, path);
  }

  #refuse(operation: DiskOperation, path: string): void {
    const code = this.faults.fail(operation, path);
    // Like NodeDisk: a failed fdatasync is never taken for a full disk.
    if (code === 'ENOSPC' && operation !== 'fdatasync') throw new DiskFullError(path, operation);
    if (code !== null) throw new DiskFailedError(path, operation, code);
  }
}

/**
 * How much of the first `length` bytes from `offset` on ends with a sector. A process is killed between two pages of a write, never within
 * one, and the format could not tell: no checksum covers a record's properties.
 */
function wholeSectors(offset: number, length: number): number {
  const end = offset + Math.floor(length);
  return Math.max(0, end - (end % SECTOR_BYTES) - offset);
}

class SimFile implements DiskFile {
  readonly path: string;
  readonly #disk: SimDisk;
  readonly #inode: SimInode;
  #isOpen = true;

  constructor(disk: SimDisk, path: string, inode: SimInode) {
    this.#disk = disk;
    this.path = path;
    this.#inode = inode;
  }

  read(into: Uint8Array, at: number, length: number, fileOffset: number): number {
    this.#disk.look('read', this.path);
    this.#check('read');
    const count = Math.max(0, Math.min(length, this.#inode.size - fileOffset));
    into.set(this.#inode.bytes.subarray(fileOffset, fileOffset + count), at);
    return count;
  }

  write(from: Uint8Array, at: number, length: number, fileOffset: number): number {
    this.#check('write');
    return this.#disk.writeTo(this.#inode, this.path, from, at, length, fileOffset);
  }

  sync(): void {
    this.#check('fdatasync');
    this.#disk.sync(this.#inode, this.path);
  }

  resize(bytes: number): void {
    this.#check('resize');
    this.#disk.resize(this.#inode, this.path, bytes);
  }

  close(): void {
    this.#check('close');
    this.#isOpen = false;
    this.#disk.closed();
  }

  /** A file that is used after its close would be another one on a real system. */
  #check(operation: string): void {
    if (!this.#isOpen) throw new DiskFailedError(this.path, operation, 'EBADF');
  }
}
