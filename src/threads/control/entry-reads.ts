/** Where the messages of queues lie in the log, looked up one at a time: from the shared tails or the ConsumeQueue files. Part of control. */
import { asQueueOffset, type QueueSlot } from '../../base/units.ts';
import { entryLogOffset, QUEUE_ENTRY_BYTES } from '../../layout/queue-entry.ts';
import type { QueueDirectory } from '../../ring/queue-directory.ts';
import type { QueueTable } from '../../ring/queue-table.ts';
import type { ConsumeQueueReader } from '../../store/consume-queue.ts';

export const NO_ENTRY = -1;

export class EntryReads {
  readonly #directory: QueueDirectory;
  readonly #table: QueueTable;
  readonly #files: ConsumeQueueReader;
  readonly #entry = new Uint8Array(QUEUE_ENTRY_BYTES);
  readonly #view = new DataView(this.#entry.buffer);

  constructor(directory: QueueDirectory, table: QueueTable, files: ConsumeQueueReader) {
    this.#directory = directory;
    this.#table = table;
    this.#files = files;
  }

  /** Log offset of the message at `offset` of a queue, which has to be below the queue's maximum; {@link NO_ENTRY} when its file is gone. */
  logOffset(slot: QueueSlot, offset: number): number {
    const at = asQueueOffset(offset);
    if (this.#table.readTail(slot, at, 1, this.#entry, 0) > 0) return entryLogOffset(this.#view, 0);
    const { topic, queueId } = this.#directory.entry(slot);
    return this.#files.read(topic, queueId, at, 1, this.#entry, 0) > 0 ? entryLogOffset(this.#view, 0) : NO_ENTRY;
  }
}
