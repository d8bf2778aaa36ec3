/**
 * Which row of the queue table a record belongs to, by the bytes of its topic. Follows the queue directory, which control fills before
 * the first record of a queue can be written. Private to the dispatch thread.
 */
import { ByteKeyedMap } from '../../base/byte-keyed-map.ts';
import { asQueueSlot, type QueueSlot } from '../../base/units.ts';
import type { QueueDirectory } from '../../ring/queue-directory.ts';

export const NO_SLOT = -1;

export class QueueLookup {
  readonly #directory: QueueDirectory;
  /** Rows by queue id. */
  readonly #topics = new ByteKeyedMap<number[]>();
  readonly #leftOut: ReadonlySet<string>;
  #known = 0;

  /** Topics that are `leftOut` have no rows for this look-up, whatever the directory says. */
  constructor(directory: QueueDirectory, leftOut: ReadonlySet<string>) {
    this.#directory = directory;
    this.#leftOut = leftOut;
  }

  find(bytes: Uint8Array, topicStart: number, topicEnd: number, queueId: number): QueueSlot | typeof NO_SLOT {
    const slot = this.#topics.get(bytes, topicStart, topicEnd)?.[queueId];
    if (slot !== undefined) return asQueueSlot(slot);
    if (this.#known === this.#directory.count()) return NO_SLOT;
    this.#follow();
    return this.find(bytes, topicStart, topicEnd, queueId);
  }

  #follow(): void {
    const count = this.#directory.count();
    for (; this.#known < count; this.#known++) {
      const { topic, queueId } = this.#directory.entry(asQueueSlot(this.#known));
      if (this.#leftOut.has(topic)) continue;
      const name = Buffer.from(topic);
      const slots = this.#topics.get(name, 0, name.length) ?? [];
      slots[queueId] = this.#known;
      this.#topics.set(name, slots);
    }
  }
}
