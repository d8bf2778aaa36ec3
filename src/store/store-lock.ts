/**
 * One owner per store. Taken before recovery looks at the files and given back when the last thread has closed them; also says whether
 * the store was stopped cleanly, by upstream's `abort` file (spec/store.md 10.2). Called by the thread that starts the broker.
 *
 * Upstream locks a byte of the file `lock`, which Node cannot do. So each owner makes a file named after its process and then looks for
 * those of others: of two that start at the same time at least one sees the other, and no file of a live process is ever removed or
 * taken over by somebody else. A killed owner's file names a process that is gone, and goes when the next one starts: in a container that
 * one often has the same number, but has begun at another time. Upstream's broker does not look for such files, and processes of different
 * containers do not see each other: they are noticed when they have opened the store ({@link StoreLock.takenBy}), which is late.
 */
import { join } from 'node:path';
import {
  type Disk,
  DiskFailedError,
  isMissing,
  isShortage,
  makeDurableDirectory,
  removeIfThere,
  writeWhole,
} from './disk.ts';
import { type ProcessTable, processOfIdentity } from './process-table.ts';
import { StoreOwnedError } from './store-errors.ts';
import { refuseOtherFolder } from './store-folder.ts';
import type { StorePaths } from './store-paths.ts';

const LOCK_PREFIX = 'lock.';
/** Upstream's broker writes `abort` some time after its process has started; clocks of files and processes differ by a little. */
const CLOCK_SLACK_MS = 2000;
/** A RingMQ broker writes `abort` right behind its lock: after so long, on the slowest disk. */
const LOCK_TO_ABORT_MAX_MS = 60_000;

export class StoreLock {
  readonly #disk: Disk;
  readonly #paths: StorePaths;
  readonly #file: string;
  readonly #self: number;
  /** The last owner has closed everything in order, or there was none. */
  readonly cleanStop: boolean;
  #isReleased = false;

  private constructor(disk: Disk, paths: StorePaths, file: string, self: number, cleanStop: boolean) {
    this.#disk = disk;
    this.#paths = paths;
    this.#file = file;
    this.#self = self;
    this.cleanStop = cleanStop;
  }

  /** Becomes the owner, or throws StoreOwnedError, and StoreDamagedError for a folder of something else. From here on the store counts as not cleanly stopped. */
  static acquire(disk: Disk, paths: StorePaths, processes: ProcessTable): StoreLock {
    refuseOtherFolder(disk, paths);
    makeDurableDirectory(disk, paths.root);
    const file = join(paths.root, LOCK_PREFIX + (processes.find(processes.self)?.identity ?? String(processes.self)));
    create(disk, file, paths.root);
    try {
      const deadLocks = refuseOtherOwners(disk, paths.root, file, processes);
      refuseForeignBroker(disk, paths, processes);
      // Not before: an owner in another container takes the loss of its file for the start of another broker.
      for (const path of deadLocks) removeIfThere(disk, path);
      const cleanStop = disk.stat(paths.abort) === null;
      writeAbort(disk, paths, processes.self);
      return new StoreLock(disk, paths, file, processes.self, cleanStop);
    } catch (error) {
      removeIfThere(disk, file);
      throw error;
    }
  }

  /**
   * Words for the process that has opened the store although this one has it, or null. Upstream's broker cannot see this owner, but writes
   * its number into `abort` when it starts. So does a broker in another container, which also takes this one's lock for that of a dead
   * process: the number may be the same in both, and mostly is.
   */
  takenBy(): string | null {
    return this.#isReleased ? null : this.#otherOwner();
  }

  #otherOwner(): string | null {
    const processId = processOfAbort(this.#disk, this.#paths);
    // Without a number it is being written just now.
    if (processId !== null && !Number.isNaN(processId) && processId !== this.#self) return `process ${processId}`;
    return this.#isLockThere() ? null : 'a process of another container';
  }

  /**
   * Nobody has opened the store since: who does writes `abort` anew, and takes it away when it closes the store, and removes the locks of
   * processes that it does not see.
   */
  isUntouched(): boolean {
    return processOfAbort(this.#disk, this.#paths) === this.#self && this.#isLockThere();
  }

  /**
   * Gives the store up. `clean` says that every file is flushed and every record is in its queue. When room or descriptors are short it may
   * not count as a clean stop, but the store is given up all the same.
   */
  release(clean: boolean): void {
    this.#isReleased = true;
    try {
      unlessShort(() => this.#leaveAbort(clean));
    } finally {
      removeIfThere(this.#disk, this.#file);
    }
    unlessShort(() => this.#disk.syncDirectory(this.#paths.root));
  }

  #leaveAbort(clean: boolean): void {
    // Somebody else's tells of somebody else. One that is gone was taken away by a broker that has opened the store and closed it.
    if (this.#otherOwner() !== null) return;
    if (clean) removeIfThere(this.#disk, this.#paths.abort);
    // The file stays, but it no longer names a process: this one may live on without the store.
    else writeWhole(this.#disk, this.#paths.abort, Buffer.from('given up without a clean stop'));
  }

  #isLockThere(): boolean {
    return this.#disk.stat(this.#file) !== null;
  }
}

/** The process that has the store open, or null. Changes nothing: for tools that may look at a store beside its broker. */
export function liveOwner(disk: Disk, paths: StorePaths, processes: ProcessTable): number | null {
  for (const name of disk.list(paths.root)) {
    const owner = ownerNamed(name, processes);
    if (owner !== null) return owner;
  }
  return foreignOwner(disk, paths, processes)?.processId ?? null;
}

/** A process that has the store already, in whichever thread, has this file. */
function create(disk: Disk, file: string, root: string): void {
  try {
    disk.open(file, 'exclusive').close();
  } catch (error) {
    if (error instanceof DiskFailedError && error.code === 'EEXIST') {
      throw new StoreOwnedError(`the store ${root} is open in this process already: ${file} says so`);
    }
    throw error;
  }
}

/** Returns the lock files of processes that are dead, or that this one cannot see. */
function refuseOtherOwners(disk: Disk, root: string, ownFile: string, processes: ProcessTable): string[] {
  const dead: string[] = [];
  for (const name of disk.list(root)) {
    const path = join(root, name);
    if (processOfLock(name) === null || path === ownFile) continue;
    const processId = ownerNamed(name, processes);
    if (processId !== null) {
      throw new StoreOwnedError(`the store ${root} is open in process ${processId}: stop it, or use another folder`);
    }
    dead.push(path);
  }
  return dead;
}

/** Null for a file of the store's folder that is no lock: others may have put it there. */
function processOfLock(name: string): number | null {
  return name.startsWith(LOCK_PREFIX) ? processOfIdentity(name.slice(LOCK_PREFIX.length)) : null;
}

/** The live process that a file of the store's folder is the lock of. */
function ownerNamed(name: string, processes: ProcessTable): number | null {
  const processId = processOfLock(name);
  if (processId === null) return null;
  return processes.find(processId)?.identity === name.slice(LOCK_PREFIX.length) ? processId : null;
}

interface ForeignOwner {
  readonly processId: number;
  /** It is seen to have the store open. */
  readonly isSeen: boolean;
}

/**
 * Upstream's broker has no file of ours, but its `abort` names it. The number may be another process's by now, or another container's:
 * what that process has open tells, where it can be seen.
 */
function foreignOwner(disk: Disk, paths: StorePaths, processes: ProcessTable): ForeignOwner | null {
  const processId = processOfAbort(disk, paths);
  if (processId === null || Number.isNaN(processId) || processId === processes.self) return null;
  const found = processes.find(processId);
  if (found === null) return null;
  const isSeen = processes.hasOpen(processId, heldByUpstream(paths));
  if (isSeen !== null) return isSeen ? { processId, isSeen } : null;
  // It may have closed the store meanwhile.
  const writtenMs = disk.stat(paths.abort)?.modifiedMs ?? null;
  if (found.startedMs === null || writtenMs === null) return null;
  const isOther = found.isOfSystem || found.startedMs > writtenMs + CLOCK_SLACK_MS;
  return isOther || isNumberOfOurs(disk, paths.root, processId, writtenMs) ? null : { processId, isSeen: false };
}

/** What upstream's broker has open from before it writes `abort` until it has closed the store. */
function heldByUpstream({ root, checkpoint }: StorePaths): string[] {
  return [join(root, 'lock'), checkpoint];
}

/** A process of RingMQ's that is gone has written it into `abort`: its lock is there, and not from another time. */
function isNumberOfOurs(disk: Disk, root: string, processId: number, writtenMs: number): boolean {
  return disk.list(root).some((name) => {
    if (processOfLock(name) !== processId) return false;
    const lockedMs = disk.stat(join(root, name))?.modifiedMs ?? Number.NEGATIVE_INFINITY;
    return Math.abs(writtenMs - lockedMs) <= LOCK_TO_ABORT_MAX_MS;
  });
}

function refuseForeignBroker(disk: Disk, paths: StorePaths, processes: ProcessTable): void {
  const owner = foreignOwner(disk, paths, processes);
  if (owner === null) return;
  const said = `${paths.abort} says that process ${owner.processId} has the store open`;
  if (owner.isSeen) throw new StoreOwnedError(`${said}, and it has: stop it first`);
  throw new StoreOwnedError(
    `${said}, and it was running when that was written: stop it first. If it is no broker (what it has open cannot be seen by this user), ` +
      `put another word in the place of the number: \`echo crashed > ${paths.abort}\`. Without the file the store would count as stopped in order`,
  );
}

/** Null without the file, NaN when it names no process. */
function processOfAbort(disk: Disk, paths: StorePaths): number | null {
  try {
    return Number.parseInt(Buffer.from(disk.readWhole(paths.abort)).toString(), 10);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function writeAbort(disk: Disk, paths: StorePaths, processId: number): void {
  writeWhole(disk, paths.abort, Buffer.from(String(processId)));
  disk.syncDirectory(paths.root);
}

function unlessShort(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!isShortage(error)) throw error;
  }
}
