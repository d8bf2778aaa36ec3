/**
 * Layout of the memory that all threads of a broker share: the status page, the head of a ring, the queue table, the queue directory.
 * Only ring/ reads and writes it; sizes and positions stand here so that no other file has a byte offset.
 *
 * ```
 * status page      own line      failure word {thread + 1 in the low byte, code above it}
 *                  own line each watermarks (int64)
 *                  own line each bells {sleeping i32}
 *                  own line each flags of the nets {parked pulls i32}
 *                  own line      full disk {0, or 1 in the third byte and the percents used under the queues and under the log}
 *                  own lines     beats and counters of each thread (doubles, one writer each)
 *                  own lines     stage histograms (one writer each)
 *
 * ring head        own line      published by the producer (int32, low bits of the position) and what else it writes
 *                  own line      completed by the consumer (int32) and what else it writes
 *
 * queue table      2624 bytes    each row: {max i64, min i64, filed i64} in 64 bytes, then the queue's newest 128 entries, 20 bytes
 *                                each, as the ConsumeQueue file holds them
 *                  4 bytes       behind all rows, of each row: generation i32
 *
 * queue directory  64 bytes      {count i32}
 *                  260 bytes     each entry: {length u8, topic 255 bytes, queue id i32 big-endian}
 *
 * index table      own line      {sequence i32, next entry i32, filed i32}
 *                  own line      {name, begin ms, end ms, begin offset, end offset, each i64}
 *                  640 KiB       the newest entries, 20 bytes each, as the index file holds them
 *                  4 bytes       each hash slot: number of its newest entry, i32 big-endian, as the file holds it
 * ```
 */
import { assert } from '../base/assert.ts';
import { INDEX_TAIL_ENTRIES, QUEUE_TAIL_ENTRIES, RETRY_TOPIC_LENGTH_MAX } from '../base/limits.ts';
import { INDEX_ENTRY_BYTES } from './index-file.ts';
import { QUEUE_ENTRY_BYTES } from './queue-entry.ts';

export const CACHE_LINE_BYTES = 64;
/** What two threads write lies this far apart: in one line they slow each other down, and Intel's prefetcher fetches lines in pairs. */
export const OWN_LINE_BYTES = 2 * CACHE_LINE_BYTES;

export const RingHead = { publishedAt: 0, completedAt: OWN_LINE_BYTES, sizeBytes: 2 * OWN_LINE_BYTES } as const;

export const Bell = { sleepingAt: 0, sizeBytes: OWN_LINE_BYTES } as const;

export const QueueRow = {
  maxAt: 0,
  minAt: 8,
  filedAt: 16,
  entriesAt: CACHE_LINE_BYTES,
  sizeBytes: CACHE_LINE_BYTES + QUEUE_TAIL_ENTRIES * QUEUE_ENTRY_BYTES,
} as const;

/**
 * Generations lie behind the rows: they are read for each send and seldom written, and dispatch writes to a row for each message, which
 * would take the line from their readers.
 */
export const QUEUE_GENERATION_BYTES = 4;

export const QueueDirectoryAt = { count: 0, entries: CACHE_LINE_BYTES } as const;

export const DirectoryEntryAt = {
  length: 0,
  topic: 1,
  queueId: 1 + RETRY_TOPIC_LENGTH_MAX,
  sizeBytes: 1 + RETRY_TOPIC_LENGTH_MAX + Int32Array.BYTES_PER_ELEMENT,
} as const;

export const IndexTableAt = {
  sequence: 0,
  nextEntry: 4,
  filed: 8,
  name: OWN_LINE_BYTES,
  beginTimestamp: OWN_LINE_BYTES + 8,
  endTimestamp: OWN_LINE_BYTES + 16,
  beginLogOffset: OWN_LINE_BYTES + 24,
  endLogOffset: OWN_LINE_BYTES + 32,
  entries: 2 * OWN_LINE_BYTES,
  slots: 2 * OWN_LINE_BYTES + INDEX_TAIL_ENTRIES * INDEX_ENTRY_BYTES,
} as const;

/** What a status page has room for. */
export interface StatusPageParts {
  readonly watermarks: number;
  readonly threads: number;
  /** Doubles of each thread. */
  readonly numbers: number;
  readonly histograms: number;
  readonly histogramBytes: number;
}

/** Byte positions of the parts of a status page, and how far the members of a part are apart. */
export function statusPageLayout(parts: StatusPageParts) {
  const numbersApart = wholeLines(parts.numbers * Float64Array.BYTES_PER_ELEMENT);
  const histogramsApart = wholeLines(parts.histogramBytes);
  const failureAt = 0;
  const watermarksAt = failureAt + OWN_LINE_BYTES;
  const bellsAt = watermarksAt + parts.watermarks * OWN_LINE_BYTES;
  const parkedAt = bellsAt + parts.threads * Bell.sizeBytes;
  const diskAt = parkedAt + parts.threads * OWN_LINE_BYTES;
  const numbersAt = diskAt + OWN_LINE_BYTES;
  const histogramsAt = numbersAt + parts.threads * numbersApart;
  const sizeBytes = histogramsAt + parts.histograms * histogramsApart;
  return {
    failureAt,
    watermarksAt,
    bellsAt,
    parkedAt,
    diskAt,
    numbersAt,
    numbersApart,
    histogramsAt,
    histogramsApart,
    sizeBytes,
  };
}

function wholeLines(bytes: number): number {
  return Math.ceil(bytes / OWN_LINE_BYTES) * OWN_LINE_BYTES;
}

assert(QueueRow.sizeBytes % CACHE_LINE_BYTES === 0, 'rows of the queue table do not share a cache line');
assert(IndexTableAt.slots % Int32Array.BYTES_PER_ELEMENT === 0, 'hash slots are aligned');
assert(RETRY_TOPIC_LENGTH_MAX <= 255, 'the length of a topic fits a byte');
