/**
 * Which processes are alive, told apart from later ones with the same number, and what they have open. The store lock asks it at start. Linux
 * says when a process was started; elsewhere only that some process has the number is known, and the lock errs on the safe side.
 */
import { join } from 'node:path';
import { type Disk, isMissing, isNotAllowed } from './disk.ts';

export interface LiveProcess {
  /** Differs from that of any other process of this machine, now or earlier, where the system can tell. Fit for a file name. */
  readonly identity: string;
  /** Wall time of its start; null when unknown. */
  readonly startedMs: number | null;
  /** The first of all, which starts the others, or a thread of the kernel: no broker, as a rule or at all. */
  readonly isOfSystem: boolean;
}

export interface ProcessTable {
  readonly self: number;
  /** Null when no process has this number. */
  find(processId: number): LiveProcess | null;
  /** Whether it has one of these files open, by whatever name; null when that cannot be seen, such as of somebody else's process. */
  hasOpen(processId: number, paths: readonly string[]): boolean | null;
}

/** The number of the process that an identity is of; null for text that is none. */
export function processOfIdentity(identity: string): number | null {
  const number = /^(\d+)(?:-\d+-[\da-f]+)?$/.exec(identity)?.[1];
  return number === undefined ? null : Number(number);
}

/** Clock ticks per second in /proc, the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
/** Fields of /proc/PID/stat behind the command's name: flags of the process, and the ticks from boot to its start. */
const FLAGS_FIELD = 6;
const START_FIELD = 19;
/** PF_KTHREAD, of those flags. */
const KERNEL_THREAD = 0x200000;
const FIRST_PROCESS = 1;
const BOOT_ID_DIGITS = 8;
/** Its files are closed, but whoever has started it has not asked for its end: in a container without an init perhaps never. */
const ENDED_STATES: readonly string[] = ['Z', 'X'];

/** The processes of this machine, or of this container. */
export class SystemProcesses implements ProcessTable {
  readonly self = process.pid;
  readonly #disk: Disk;
  readonly #bootId: string | null;
  readonly #bootMs: number;

  constructor(disk: Disk) {
    this.#disk = disk;
    this.#bootId = this.#read('/proc/sys/kernel/random/boot_id')?.slice(0, BOOT_ID_DIGITS) ?? null;
    this.#bootMs = Number(/^btime (\d+)$/m.exec(this.#read('/proc/stat') ?? '')?.[1] ?? Number.NaN) * 1000;
  }

  find(processId: number): LiveProcess | null {
    if (this.#bootId === null)
      return answersSignals(processId)
        ? { identity: String(processId), startedMs: null, isOfSystem: processId === FIRST_PROCESS }
        : null;
    const stat = this.#read(`/proc/${processId}/stat`);
    if (stat === null) return null;
    // The command may hold blanks and brackets, the fields behind its last bracket do not.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (ENDED_STATES.includes(fields[0]!)) return null;
    const ticks = Number(fields[START_FIELD]);
    return {
      identity: `${processId}-${ticks}-${this.#bootId}`,
      startedMs: Number.isNaN(this.#bootMs) ? null : this.#bootMs + (ticks / TICKS_PER_SECOND) * 1000,
      isOfSystem: processId === FIRST_PROCESS || (Number(fields[FLAGS_FIELD]) & KERNEL_THREAD) !== 0,
    };
  }

  hasOpen(processId: number, paths: readonly string[]): boolean | null {
    if (this.#bootId === null) return null;
    const wanted = paths.flatMap((path) => this.#disk.stat(path) ?? []);
    const folder = `/proc/${processId}/fd`;
    try {
      return this.#disk.list(folder).some((name) => {
        // Of the file itself: processes of another container know it by another path.
        const found = this.#disk.stat(join(folder, name));
        return wanted.some(({ device, inode }) => found?.device === device && found.inode === inode);
      });
    } catch (error) {
      if (isNotAllowed(error)) return null;
      if (hasEnded(error)) return false;
      throw error;
    }
  }

  #read(path: string): string | null {
    try {
      return Buffer.from(this.#disk.readWhole(path)).toString();
    } catch (error) {
      if (isMissing(error) || hasEnded(error)) return null;
      throw error;
    }
  }
}

/** While it was looked at. */
function hasEnded(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ESRCH';
}

function answersSignals(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // Somebody else's process may not be signalled, but it is there.
    return (error as { code?: unknown }).code === 'EPERM';
  }
}
