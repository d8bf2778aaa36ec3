/**
 * Follows the log's start: moves the minimum of each queue beyond the messages that are gone (spec/store.md 5.4), and then names the queue
 * to queue-file-removal, which lets the files go that hold none that is still there, but for that of the newest of the gone. Part of
 * control, which is the only one to write minimums; up to 65 536 queues are done in pieces, so that nobody waits for it. Upstream looks
 * through a queue's first file only; here all are, so a minimum is never that of a lost message.
 *
 * Entries of deleted records are durable in their files before the records go (log-retention), so none of them comes later.
 */

import type { Clock } from '../../base/clock.ts';
import { partition } from '../../base/partition.ts';
import { asQueueOffset, asQueueSlot, type QueueSlot } from '../../base/units.ts';
import type { ControlLog } from '../../broker/control-ports.ts';
import { DiskFailedError, isOutOfDescriptors } from '../../store/disk.ts';
import type { ControlEnds } from '../topology.ts';
import { type EntryReads, NO_ENTRY } from './entry-reads.ts';
import type { QueueFileRemoval } from './queue-file-removal.ts';

/** A piece is over after so many queues, or so much time: reads of old files may wait for the disk. */
const PIECE_QUEUES = 64;
const PIECE_US = 2_000;
/** Between two pieces, for everything else that control does. */
const PAUSE_US = 5_000;
/** For want of descriptors. */
const SHORTAGE_PAUSE_US = 1_000_000;
const US_PER_MS = 1000;

export interface QueueTrimmingParts {
  readonly ends: Pick<ControlEnds, 'logStart' | 'queueTable' | 'directory'>;
  readonly entries: Pick<EntryReads, 'logOffset'>;
  readonly removal: QueueFileRemoval;
  readonly clock: Clock;
  readonly log: ControlLog;
}

export class QueueTrimming {
  readonly #parts: QueueTrimmingParts;
  /** All queues begin at or beyond this. */
  #trimmedTo = 0;
  /** What the round under way looks for. */
  #roundTo = 0;
  /** The next queue of the round; -1 between rounds. */
  #nextSlot = -1;
  #nextAtUs = 0;
  #moved = 0;

  /** The first round comes at once: recovery leaves some minimums as upstream does, and a crash some files. */
  constructor(parts: QueueTrimmingParts) {
    this.#parts = parts;
  }

  /** Every queue begins behind what the log has lost. */
  get isDone(): boolean {
    return this.#nextSlot < 0 && this.#trimmedTo >= this.#parts.ends.logStart.read();
  }

  /** Looks through all queues again, at once, for files that were left. */
  cleanNow(): void {
    this.#parts.removal.lookAgain();
    this.#trimmedTo = -1;
  }

  /** Returns 0 when nothing is to be done now. */
  doWork(): number {
    const { ends, clock } = this.#parts;
    if (this.#nextSlot < 0) {
      const logStart = ends.logStart.read();
      if (logStart <= this.#trimmedTo) return 0;
      this.#roundTo = logStart;
      this.#nextSlot = 0;
      this.#moved = 0;
    }
    const nowUs = clock.monotonicUs();
    if (nowUs < this.#nextAtUs) return 0;
    this.#piece(nowUs);
    return 1;
  }

  dueInMs(): number {
    if (this.isDone) return Number.POSITIVE_INFINITY;
    return Math.max(0, Math.ceil((this.#nextAtUs - this.#parts.clock.monotonicUs()) / US_PER_MS));
  }

  #piece(fromUs: number): void {
    const { ends, clock, log } = this.#parts;
    const count = ends.directory.count();
    for (let queues = 0; this.#nextSlot < count && queues < PIECE_QUEUES; queues++) {
      if (!this.#trim(asQueueSlot(this.#nextSlot))) {
        this.#nextAtUs = clock.monotonicUs() + SHORTAGE_PAUSE_US;
        return;
      }
      this.#nextSlot++;
      if (clock.monotonicUs() - fromUs > PIECE_US) break;
    }
    this.#nextAtUs = clock.monotonicUs() + PAUSE_US;
    if (this.#nextSlot < count) return;
    this.#nextSlot = -1;
    this.#trimmedTo = this.#roundTo;
    if (this.#moved > 0) log.info(`${this.#moved} queues begin later, because the log begins at ${this.#roundTo}`);
  }

  /**
   * A queue that cannot be read keeps its minimum: its pulls are led past what is gone all the same. False for want of descriptors: it is to be
   * tried again.
   */
  #trim(slot: QueueSlot): boolean {
    const { ends, removal, log } = this.#parts;
    try {
      this.#correct(slot);
    } catch (cause) {
      if (isOutOfDescriptors(cause)) return false;
      if (!(cause instanceof DiskFailedError)) throw cause;
      const { topic, queueId } = ends.directory.entry(slot);
      log.warn(`the first message of ${topic}/${queueId} was not looked for: ${cause.message}`);
    }
    removal.consider(slot, ends.queueTable.min(slot));
    return true;
  }

  #correct(slot: QueueSlot): void {
    const { ends, entries } = this.#parts;
    const { queueTable } = ends;
    const min = queueTable.min(slot);
    const max = queueTable.max(slot);
    // Entries without a file come before all others; those that fill up a queue's first file name the log's first byte.
    const isGone = (offset: number): boolean => entries.logOffset(slot, offset) < this.#roundTo;
    if (min >= max || !isGone(min)) return;
    const newest = entries.logOffset(slot, max - 1);
    // Somebody has taken its last file: what it held is for the next start to find out.
    if (newest === NO_ENTRY) return;
    // When nothing is left the queue is empty, and keeps its number.
    const first = newest < this.#roundTo ? max : partition(min + 1, max - 1, isGone);
    queueTable.setMin(slot, asQueueOffset(first));
    this.#moved++;
  }
}
