/**
 * Layout of the memory that all threads of a broker share: the status page, the head line of a ring, a row of the queue table. Only
 * ring/ reads and writes it; sizes and positions stand here so that no other file has a byte offset.
 *
 * ```
 * status page   line 0      failure word {thread + 1, code}
 *               line 1..W   one watermark each (int64)
 *               line ..     one bell each {rung i32, sleeping i32}
 *               line ..     one line of flags for each net {parked pulls i32}
 *               line ..     beats and counters of each thread (doubles, one writer each)
 *
 * ring head     line 0      published by the producer (int64)
 *               line 1      completed by the consumer (int64)
 *
 * queue row     line 0      {max i64, min i64, filed i64, generation i32}
 *               2560 bytes  the newest 128 entries, 20 bytes each, as the ConsumeQueue file holds them
 * ```
 */
import { assert } from '../base/assert.ts';
import { QUEUE_TAIL_ENTRIES } from '../base/limits.ts';
import { QUEUE_ENTRY_BYTES } from './queue-entry.ts';

/** Two threads that write into the same line slow each other down. */
export const CACHE_LINE_BYTES = 64;

export const RingHead = { publishedAt: 0, completedAt: CACHE_LINE_BYTES, sizeBytes: 2 * CACHE_LINE_BYTES } as const;

export const QueueRow = {
  maxAt: 0,
  minAt: 8,
  filedAt: 16,
  generationAt: 24,
  entriesAt: CACHE_LINE_BYTES,
  sizeBytes: CACHE_LINE_BYTES + QUEUE_TAIL_ENTRIES * QUEUE_ENTRY_BYTES,
} as const;

export const Bell = { rungAt: 0, sleepingAt: 4, sizeBytes: CACHE_LINE_BYTES } as const;

assert(QueueRow.sizeBytes % CACHE_LINE_BYTES === 0, 'rows of the queue table do not share a cache line');
