/**
 * Finds a queue's offset by store time (spec/store.md 5.8), by halving: the times are in the records, not in the entries, so each look
 * is a read of the log. Control calls it for SEARCH_OFFSET_BY_TIMESTAMP.
 */

import { readInt64 } from '../base/int64.ts';
import { partition } from '../base/partition.ts';
import { asLogOffset, asQueueOffset, type QueueOffset } from '../base/units.ts';
import {
  RECORD_MAGIC_V1,
  RECORD_MAGIC_V2,
  RecordAt,
  STORE_TIMESTAMP_END_MAX,
  storeTimestampAt,
} from '../layout/message-record.ts';
import type { LogReader } from './log-reader.ts';

/** The messages of one queue that are in the log, or were. */
export interface TimedQueue {
  readonly min: QueueOffset;
  readonly max: QueueOffset;
  /** Store time in ms of a message of the queue; -1 when its record is gone. The gone ones come before all others. */
  storeTime(offset: QueueOffset): number;
}

/**
 * LOWER: the first message stored at `timestamp` or later, the end of the queue when there is none. UPPER: the last message stored at
 * `timestamp` or earlier; the one before the first that is still there, or the queue's first, when there is none. 0 for a queue with
 * nothing to find in it.
 */
export function searchOffset(queue: TimedQueue, timestamp: number, boundary: 'LOWER' | 'UPPER'): QueueOffset {
  const { min, max } = queue;
  if (min >= max || queue.storeTime(asQueueOffset(max - 1)) < 0) return asQueueOffset(0);
  const time = Math.max(0, timestamp);
  const timeOf = (offset: number): number => queue.storeTime(asQueueOffset(offset));
  if (boundary === 'LOWER') return asQueueOffset(partition(min, max, (offset) => timeOf(offset) < time));
  return asQueueOffset(Math.max(min, partition(min, max, (offset) => timeOf(offset) <= time) - 1));
}

/** Reads when records were stored. One per reading thread. */
export class StoreTimes {
  readonly #reader: LogReader;
  readonly #bytes = new Uint8Array(STORE_TIMESTAMP_END_MAX);
  readonly #view = new DataView(this.#bytes.buffer);

  constructor(reader: LogReader) {
    this.#reader = reader;
  }

  /** In ms; -1 when no record lies at `logOffset`, because its segment was deleted. */
  at(logOffset: number): number {
    const read = this.#reader.read(asLogOffset(logOffset), STORE_TIMESTAMP_END_MAX, this.#bytes, 0);
    if (read < STORE_TIMESTAMP_END_MAX) return -1;
    const magic = this.#view.getInt32(RecordAt.magic);
    if (magic !== RECORD_MAGIC_V1 && magic !== RECORD_MAGIC_V2) return -1;
    return readInt64(this.#view, storeTimestampAt(this.#view.getInt32(RecordAt.sysFlag)));
  }
}
