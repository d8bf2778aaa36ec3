/**
 * Whether the store may be marked as stopped in order, which spares the next start most of its walk through the log. Asked by control when
 * the other threads have ended.
 */
import type { ControlEnds } from '../topology.ts';
import type { QueueRows } from './queue-rows.ts';

type StopEnds = Pick<ControlEnds, 'page' | 'written' | 'flushed' | 'dispatched' | 'writtenAt' | 'queuesSyncedAt'>;

/**
 * Everything is flushed in the log, in its queue, in the queue's file, and there durable as well: a full disk keeps entries out of the
 * files, and a stop does not wait for the fsync of thousands of them.
 */
export function isStopClean(ends: StopEnds, rows: Pick<QueueRows, 'areFiled'>): boolean {
  const written = ends.written.read();
  const isLogWhole = ends.flushed.read() === written && ends.dispatched.read() === written;
  const areQueuesDurable = rows.areFiled() && ends.queuesSyncedAt.read() >= ends.writtenAt.read();
  return isLogWhole && areQueuesDurable && !ends.page.status.failed();
}
