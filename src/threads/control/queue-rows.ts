/**
 * Gives queues their rows in the shared table, with the bounds that recovery has found. Control is the only one that calls it, so a queue
 * has one row whoever asks for it first: recovery, the topics' file, a request.
 */
import { asQueueOffset, asQueueSlot, type QueueSlot } from '../../base/units.ts';
import type { QueueDirectory } from '../../ring/queue-directory.ts';
import type { QueueTable } from '../../ring/queue-table.ts';
import type { RecoveredQueue } from '../../store/recovered-queues.ts';

export const NO_ROW = -1;

export class QueueRows {
  readonly #directory: QueueDirectory;
  readonly #table: QueueTable;
  /** By topic, then queue. */
  readonly #rows = new Map<string, (QueueSlot | undefined)[]>();

  constructor(directory: QueueDirectory, table: QueueTable) {
    this.#directory = directory;
    this.#table = table;
  }

  /** Before any other thread looks at the table. */
  recover(queues: readonly RecoveredQueue[]): void {
    for (const { topic, queueId, min, max } of queues) {
      const slot = this.create(topic, queueId);
      if (slot === NO_ROW) throw new Error(`the store has more queues than this broker has rows: ${topic}/${queueId}`);
      this.#table.setMin(slot, min);
      this.#table.setFiled(slot, max);
      this.#table.publishMax(slot, max);
    }
  }

  /** The queue's row, made when there is none; {@link NO_ROW} when no rows are left. */
  create(topic: string, queueId: number): QueueSlot | typeof NO_ROW {
    const known = this.find(topic, queueId);
    if (known !== undefined) return known;
    if (this.#directory.isFull) return NO_ROW;
    const slot = this.#directory.add(topic, queueId);
    const rows = this.#rows.get(topic) ?? [];
    rows[queueId] = slot;
    this.#rows.set(topic, rows);
    return slot;
  }

  /** Every entry that readers have been shown is in its file. */
  areFiled(): boolean {
    const count = this.#directory.count();
    for (let row = 0; row < count; row++) {
      const slot = asQueueSlot(row);
      if (this.#table.filed(slot) < this.#table.max(slot)) return false;
    }
    return true;
  }

  /** Of all queues: offset of the next message. */
  ends(): number[] {
    return Array.from({ length: this.#directory.count() }, (_, row) => this.#table.max(asQueueSlot(row)));
  }

  find(topic: string, queueId: number): QueueSlot | undefined {
    return this.#rows.get(topic)?.[queueId];
  }

  max(topic: string, queueId: number): number {
    const slot = this.find(topic, queueId);
    return slot === undefined ? asQueueOffset(0) : this.#table.max(slot);
  }

  min(topic: string, queueId: number): number {
    const slot = this.find(topic, queueId);
    return slot === undefined ? asQueueOffset(0) : this.#table.min(slot);
  }
}
