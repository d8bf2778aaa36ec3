/**
 * Control's look at queues and their messages: bounds, store times, searches by time (spec/api.md 7). Entries come from the shared tails
 * or the files, times from the records in the log.
 */
import { asQueueOffset } from '../../base/units.ts';
import type { Boundary, QueuePort } from '../../broker/control-ports.ts';
import type { QueueTable } from '../../ring/queue-table.ts';
import type { LogReader } from '../../store/log-reader.ts';
import { StoreTimes, searchOffset } from '../../store/offset-search.ts';
import { type EntryReads, NO_ENTRY } from './entry-reads.ts';
import type { QueueRows } from './queue-rows.ts';

export interface QueueReadParts {
  readonly rows: QueueRows;
  readonly table: QueueTable;
  readonly entries: EntryReads;
  readonly log: LogReader;
  readonly logEnd: () => number;
  /** Records no further than this from the log's end count as in memory. */
  readonly memoryBytes: number;
}

export class QueueReads implements QueuePort {
  readonly #parts: QueueReadParts;
  readonly #times: StoreTimes;

  constructor(parts: QueueReadParts) {
    this.#parts = parts;
    this.#times = new StoreTimes(parts.log);
  }

  max(topic: string, queueId: number): number {
    return this.#parts.rows.max(topic, queueId);
  }

  min(topic: string, queueId: number): number {
    return this.#parts.rows.min(topic, queueId);
  }

  storeTime(topic: string, queueId: number, offset: number): number {
    const logOffset = this.#logOffset(topic, queueId, offset);
    return logOffset === NO_ENTRY ? NO_ENTRY : this.#times.at(logOffset);
  }

  searchOffset(topic: string, queueId: number, timestamp: number, boundary: Boundary): number {
    const queue = {
      min: asQueueOffset(this.min(topic, queueId)),
      max: asQueueOffset(this.max(topic, queueId)),
      storeTime: (offset: number) => this.storeTime(topic, queueId, offset),
    };
    return searchOffset(queue, timestamp, boundary);
  }

  isResident(topic: string, queueId: number, offset: number): boolean {
    const logOffset = this.#logOffset(topic, queueId, offset);
    return logOffset !== NO_ENTRY && this.#parts.logEnd() - logOffset <= this.#parts.memoryBytes;
  }

  /** Where the message at `offset` lies in the log. */
  #logOffset(topic: string, queueId: number, offset: number): number {
    const { rows, table, entries } = this.#parts;
    const slot = rows.find(topic, queueId);
    if (slot === undefined || offset < table.min(slot) || offset >= table.max(slot)) return NO_ENTRY;
    return entries.logOffset(slot, offset);
  }
}
