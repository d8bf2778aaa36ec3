/**
 * The rounds of queue files that dispatch hands over, made durable one file per step. Part of flush, because whoever waits for a disk must
 * not be a thread that senders or consumers wait for.
 */
import type { Disk } from '../../store/disk.ts';
import { QueueSync } from '../../store/unsynced-queues.ts';
import type { QueueRound } from '../thread-messages.ts';

export class QueueRounds {
  readonly #disk: Disk;
  readonly #next: () => QueueRound | null;
  #sync: QueueSync | null = null;
  #round: QueueRound | null = null;

  /** `next` takes the next round from dispatch's port, null when there is none. */
  constructor(disk: Disk, next: () => QueueRound | null) {
    this.#disk = disk;
    this.#next = next;
  }

  hasWork(): boolean {
    if (this.#sync !== null) return true;
    const round = this.#next();
    if (round === null) return false;
    this.#sync = new QueueSync(this.#disk, round);
    this.#round = round;
    return true;
  }

  /** Does a piece of the round. At its end returns it: what it names is durable. Before that null. */
  step(): QueueRound | null {
    if (!this.#sync!.step()) return null;
    this.#sync = null;
    return this.#round;
  }
}
