/**
 * One entry of a BatchConsumeQueue (spec/store.md 7), which Apache's broker keeps for batch topics. Read by `ringmq inspect`; RingMQ's
 * broker does not build these queues yet.
 *
 * ```
 *  0            8          12              20             28            36          38                 42             46
 *  | log offset | size i32 | tags code i64 | store time   | base offset | count i16 | compacted offset | reserved i32 |
 *  | i64        |          |               | i64 ms       | i64         |           | i32, -1          | 0            |
 * ```
 */
import { assert } from '../base/assert.ts';
import { readInt64, readInt64Exact } from '../base/int64.ts';

export const BatchQueueEntryAt = {
  logOffset: 0,
  size: 8,
  tagsCode: 12,
  storeTimestamp: 20,
  baseOffset: 28,
  count: 36,
  compactedOffset: 38,
  reserved: 42,
} as const;
export const BATCH_QUEUE_ENTRY_BYTES = 46;

assert(BatchQueueEntryAt.reserved + 4 === BATCH_QUEUE_ENTRY_BYTES, 'the reserved field ends the entry');

export interface BatchQueueEntry {
  readonly logOffset: number;
  readonly size: number;
  readonly tagsCode: bigint;
  readonly storeTimestamp: number;
  /** Queue offset of the first message of the batch. */
  readonly baseOffset: number;
  readonly count: number;
}

/** The entry at `at`, or null when there is none: zeros lie behind the last one. */
export function readBatchQueueEntry(view: DataView, at: number): BatchQueueEntry | null {
  const entry = {
    logOffset: readInt64(view, at + BatchQueueEntryAt.logOffset),
    size: view.getInt32(at + BatchQueueEntryAt.size),
    tagsCode: readInt64Exact(view, at + BatchQueueEntryAt.tagsCode),
    storeTimestamp: readInt64(view, at + BatchQueueEntryAt.storeTimestamp),
    baseOffset: readInt64(view, at + BatchQueueEntryAt.baseOffset),
    count: view.getInt16(at + BatchQueueEntryAt.count),
  };
  return entry.logOffset >= 0 && entry.size > 0 && entry.baseOffset >= 0 && entry.count > 0 ? entry : null;
}
