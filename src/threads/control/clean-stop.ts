/**
 * Whether the store may be marked as stopped in order, which spares the next start most of its walk through the log. Asked by control when
 * the other threads have ended.
 */
import { NO_INDEX_KEPT } from '../../layout/checkpoint-file.ts';
import { CheckpointWriter, readVouched } from '../../store/checkpoint.ts';
import { type Disk, isShortage } from '../../store/disk.ts';
import type { IndexFiles } from '../../store/index-files.ts';
import { indexEnd } from '../../store/index-recovery.ts';
import type { ControlEnds } from '../topology.ts';
import type { QueueRows } from './queue-rows.ts';

type StopEnds = Pick<ControlEnds, 'page' | 'written' | 'flushed' | 'dispatched' | 'queuesSyncedTo'>;

/**
 * Everything is flushed in the log, in its queue, in the queue's file, and there durable as well: a full disk keeps entries out of the
 * files, and a stop does not wait for the fsync of thousands of them.
 */
export function isStopClean(ends: StopEnds, rows: Pick<QueueRows, 'areFiled'>): boolean {
  const written = ends.written.read();
  const isLogWhole = ends.flushed.read() === written && ends.dispatched.read() === written;
  const areQueuesDurable = rows.areFiled() && ends.queuesSyncedTo.read() >= written;
  return isLogWhole && areQueuesDurable && !ends.page.status.failed();
}

/** The store that was stopped. */
export interface StoppedStore {
  readonly disk: Disk;
  readonly checkpoint: string;
  readonly indexFiles: IndexFiles | null;
  /** Where the log begins and ends, by log offset. */
  readonly logStart: number;
  readonly logEnd: number;
  /** Recovery's (store/recovery.ts): nearer to the end than what dispatch knows when little was written. */
  readonly lookFrom: number;
  /** Of all queues: offset of the next message. */
  readonly queueEnds: readonly number[];
}

/**
 * Completes what the checkpoint says of the disk, so that the next start finds its way without looking at everything, and notices what
 * has gone meanwhile. False when it could not be read or written for want of room or descriptors: then the stop was not a clean one.
 */
export function vouchForStop(store: StoppedStore): boolean {
  try {
    return vouch(store);
  } catch (cause) {
    if (!isShortage(cause)) throw cause;
    return false;
  }
}

function vouch({ disk, checkpoint, indexFiles, logStart, logEnd, lookFrom, queueEnds }: StoppedStore): boolean {
  const running = readVouched(disk, checkpoint);
  // The last round did not reach the end: a full disk, or too many files to flush in the time that a stop has.
  if (running === null || running.filedTo < logEnd) return false;
  const ends = queueEnds.filter((end) => end > 0);
  const writer = new CheckpointWriter(disk, checkpoint);
  try {
    return writer.write(
      {},
      {
        filedTo: logEnd,
        lookFrom: Math.max(lookFrom, running.lookFrom),
        indexEnd: indexFiles === null ? NO_INDEX_KEPT : indexEnd(disk, indexFiles),
        stoppedAt: logEnd,
        queueCount: ends.length,
        queueEntries: ends.reduce((sum, end) => sum + end, 0),
        logStart,
      },
    );
  } finally {
    writer.close();
  }
}
