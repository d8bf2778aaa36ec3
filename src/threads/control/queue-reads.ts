/**
 * Control's look at queues and their messages: bounds, store times, searches by time (spec/api.md 7). Entries come from the shared tails
 * or the files, times from the records in the log.
 */
import { asLogOffset, asQueueOffset } from '../../base/units.ts';
import type { Boundary, QueuePort } from '../../broker/control-ports.ts';
import { entryLogOffset, QUEUE_ENTRY_BYTES } from '../../layout/queue-entry.ts';
import { readStoreTimestamp, STORE_TIMESTAMP_REACH_BYTES } from '../../layout/message-record.ts';
import type { QueueTable } from '../../ring/queue-table.ts';
import type { ConsumeQueueReader } from '../../store/consume-queue.ts';
import type { LogReader } from '../../store/log-reader.ts';
import { searchOffset } from '../../store/offset-search.ts';
import type { QueueRows } from './queue-rows.ts';

const NO_MESSAGE = -1;

export interface QueueReadParts {
  readonly rows: QueueRows;
  readonly table: QueueTable;
  readonly files: ConsumeQueueReader;
  readonly log: LogReader;
  readonly logEnd: () => number;
  /** Records no further than this from the log's end count as in memory. */
  readonly memoryBytes: number;
}

export class QueueReads implements QueuePort {
  readonly #parts: QueueReadParts;
  readonly #entry = new Uint8Array(QUEUE_ENTRY_BYTES);
  readonly #entryView = new DataView(this.#entry.buffer);
  readonly #head = new Uint8Array(STORE_TIMESTAMP_REACH_BYTES);
  readonly #headView = new DataView(this.#head.buffer);

  constructor(parts: QueueReadParts) {
    this.#parts = parts;
  }

  max(topic: string, queueId: number): number {
    return this.#parts.rows.max(topic, queueId);
  }

  min(topic: string, queueId: number): number {
    return this.#parts.rows.min(topic, queueId);
  }

  storeTime(topic: string, queueId: number, offset: number): number {
    const logOffset = this.#logOffset(topic, queueId, offset);
    if (logOffset === NO_MESSAGE) return NO_MESSAGE;
    const read = this.#parts.log.read(asLogOffset(logOffset), STORE_TIMESTAMP_REACH_BYTES, this.#head, 0);
    return read < STORE_TIMESTAMP_REACH_BYTES ? NO_MESSAGE : readStoreTimestamp(this.#headView, 0);
  }

  searchOffset(topic: string, queueId: number, timestamp: number, boundary: Boundary): number {
    const min = this.min(topic, queueId);
    const max = this.max(topic, queueId);
    return searchOffset(min, max, timestamp, boundary, (offset) => this.storeTime(topic, queueId, offset));
  }

  isResident(topic: string, queueId: number, offset: number): boolean {
    const logOffset = this.#logOffset(topic, queueId, offset);
    return logOffset !== NO_MESSAGE && this.#parts.logEnd() - logOffset <= this.#parts.memoryBytes;
  }

  /** Where the message at `offset` lies in the log. */
  #logOffset(topic: string, queueId: number, offset: number): number {
    const { rows, table, files } = this.#parts;
    const slot = rows.find(topic, queueId);
    if (slot === undefined || offset < table.min(slot) || offset >= table.max(slot)) return NO_MESSAGE;
    const at = asQueueOffset(offset);
    const found =
      table.readTail(slot, at, 1, this.#entry, 0) > 0 || files.read(topic, queueId, at, 1, this.#entry, 0) > 0;
    return found ? entryLogOffset(this.#entryView, 0) : NO_MESSAGE;
  }
}
