/**
 * The next offset of each queue, private to the append thread. A queue that recovery has found starts where that says, any other at 0; the
 * queue directory tells which row is which queue.
 */
import { assert } from '../../base/assert.ts';
import { QUEUE_SLOTS_MAX } from '../../base/limits.ts';
import { asQueueSlot, type QueueSlot } from '../../base/units.ts';
import type { QueueDirectory } from '../../ring/queue-directory.ts';

export interface RecoveredQueue {
  readonly topic: string;
  readonly queueId: number;
  readonly next: number;
}

export class NextOffsets {
  readonly #directory: QueueDirectory;
  readonly #next = new Float64Array(QUEUE_SLOTS_MAX);
  readonly #recovered: Map<string, number>;
  /** Rows that have been looked up. */
  #known = 0;

  constructor(directory: QueueDirectory, recovered: readonly RecoveredQueue[]) {
    this.#directory = directory;
    this.#recovered = new Map(recovered.map(({ topic, queueId, next }) => [keyOf(topic, queueId), next]));
  }

  /** Takes `step` offsets and returns the first. */
  take(slot: QueueSlot, step: number): number {
    if (slot >= this.#known) this.#learn(slot);
    const offset = this.#next[slot]!;
    this.#next[slot] = offset + step;
    return offset;
  }

  /** Undoes the newest takes of a queue, newest first. */
  giveBack(slot: QueueSlot, step: number): void {
    this.#next[slot]! -= step;
  }

  #learn(slot: QueueSlot): void {
    const count = this.#directory.count();
    assert(slot < count, 'a request names a queue of the directory');
    for (; this.#known < count; this.#known++) {
      const { topic, queueId } = this.#directory.entry(asQueueSlot(this.#known));
      const key = keyOf(topic, queueId);
      this.#next[this.#known] = this.#recovered.get(key) ?? 0;
      // A topic that is deleted and made again has new rows, which begin at 0.
      this.#recovered.delete(key);
    }
  }
}

function keyOf(topic: string, queueId: number): string {
  return `${topic}/${queueId}`;
}
