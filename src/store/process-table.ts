/**
 * Which processes are alive, told apart from later ones with the same number. The store lock asks it at start. Linux says when a process
 * was started; elsewhere only that some process has the number is known, and the lock errs on the safe side.
 */
import { type Disk, isMissing } from './disk.ts';

export interface LiveProcess {
  /** Differs from that of any other process of this machine, now or earlier, where the system can tell. Fit for a file name. */
  readonly identity: string;
  /** Wall time of its start; null when unknown. */
  readonly startedMs: number | null;
}

export interface ProcessTable {
  readonly self: number;
  /** Null when no process has this number. */
  find(processId: number): LiveProcess | null;
}

/** The number of the process that an identity is of; null for text that is none. */
export function processOfIdentity(identity: string): number | null {
  const number = /^(\d+)(?:-\d+-[\da-f]+)?$/.exec(identity)?.[1];
  return number === undefined ? null : Number(number);
}

/** Clock ticks per second in /proc, the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
/** Field of /proc/PID/stat behind the command's name: the ticks from boot to start. */
const START_FIELD = 19;
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
      return answersSignals(processId) ? { identity: String(processId), startedMs: null } : null;
    const stat = this.#read(`/proc/${processId}/stat`);
    if (stat === null) return null;
    // The command may hold blanks and brackets, the fields behind its last bracket do not.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (ENDED_STATES.includes(fields[0]!)) return null;
    const ticks = Number(fields[START_FIELD]);
    return {
      identity: `${processId}-${ticks}-${this.#bootId}`,
      startedMs: Number.isNaN(this.#bootMs) ? null : this.#bootMs + (ticks / TICKS_PER_SECOND) * 1000,
    };
  }

  #read(path: string): string | null {
    try {
      return Buffer.from(this.#disk.readWhole(path)).toString();
    } catch (error) {
      // A process that ends while it is looked at gives ESRCH.
      if (isMissing(error) || (error as { code?: unknown }).code === 'ESRCH') return null;
      throw error;
    }
  }
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
