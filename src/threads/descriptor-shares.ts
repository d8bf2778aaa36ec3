/**
 * How the descriptors of the process are divided between the files of queues and connections, so that neither takes what the other needs.
 * Called by the openers of dispatch, net and control, each on its thread.
 */
import { QUEUE_HANDLES_READ_MAX, QUEUE_HANDLES_WRITE_MAX } from '../base/limits.ts';
import type { BrokerSettings } from '../broker/broker-settings.ts';
import { type Disk, DiskFailedError } from '../store/disk.ts';

/** Where Linux says it; Node has raised the soft limit to the hard one by then. */
const LIMITS_FILE = '/proc/self/limits';
/** What systems without that file give a process at least, as a rule. */
const UNKNOWN_LIMIT = 1024;
/** For the threads themselves (about 50), segments of the log, settings files, and what else is in the process. */
const RESERVED = 128;
const QUEUES_SHARE = 1 / 2;
/** Of the queues' share: they read little from files, what is new is in shared memory. */
const READERS_SHARE = 1 / 4;
/** Of all. A file of the default size has the keys of ten million messages, so more than a few are rare. */
const INDEX_SHARE = 1 / 32;
const INDEX_HANDLES_MAX = 64;

export interface DescriptorShares {
  /** Open queue files of dispatch. */
  readonly queueWriter: number;
  /** Open queue files of each thread that reads them. */
  readonly queueReader: number;
  /** Open files of the key index, for queries. */
  readonly index: number;
  /** Connections of each net thread. */
  readonly connections: number;
}

type SharingSettings = Pick<BrokerSettings, 'netThreads' | 'connectionsMax'>;

export function descriptorShares(disk: Disk, settings: SharingSettings): DescriptorShares {
  return shareDescriptors(descriptorLimit(disk), settings);
}

/** How many descriptors the process may have. */
export function descriptorLimit(disk: Disk): number {
  try {
    const limits = Buffer.from(disk.readWhole(LIMITS_FILE)).toString('latin1');
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
    return soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(soft ?? UNKNOWN_LIMIT);
  } catch (error) {
    if (error instanceof DiskFailedError) return UNKNOWN_LIMIT;
    throw error;
  }
}

/** Each share is at least one: a broker with too few meets the refusals of the system, which it survives. */
export function shareDescriptors(limit: number, { netThreads, connectionsMax }: SharingSettings): DescriptorShares {
  const queues = limit * QUEUES_SHARE;
  // Control reads too.
  const readers = netThreads + 1;
  const queueReader = share((queues * READERS_SHARE) / readers, QUEUE_HANDLES_READ_MAX);
  const queueWriter = share(queues - queueReader * readers, QUEUE_HANDLES_WRITE_MAX);
  const index = share(limit * INDEX_SHARE, INDEX_HANDLES_MAX);
  const left = limit - RESERVED - queueWriter - queueReader * readers - index;
  return { queueWriter, queueReader, index, connections: share(left / netThreads, connectionsMax) };
}

function share(amount: number, most: number): number {
  return Math.min(most, Math.max(1, Math.floor(amount)));
}
