/**
 * One entry of a ConsumeQueue (spec/store.md 5.1): entry n lies at byte n * 20 of the queue, in its files and in its tail alike.
 *
 * ```
 *  0            8          12               20
 *  | log offset | size i32 | tags code i64  |
 * ```
 */
import { assert } from '../base/assert.ts';
import { readInt64, readInt64Exact, writeInt64 } from '../base/int64.ts';

export const QueueEntryAt = { logOffset: 0, size: 8, tagsCode: 12 } as const;
export const QUEUE_ENTRY_BYTES = 20;

/** Size in the entries that stand before the first message of a queue that does not begin at the start of a file (spec/store.md 5.2). */
export const FILLER_ENTRY_SIZE = 0x7fffffff;

assert(QueueEntryAt.tagsCode + 8 === QUEUE_ENTRY_BYTES, 'the tags code ends the entry');

/** `tagsCode`: a signed 32-bit hash or, in the schedule topic, a time in ms. */
export function writeQueueEntry(view: DataView, at: number, logOffset: number, size: number, tagsCode: number): void {
  writeInt64(view, at + QueueEntryAt.logOffset, logOffset);
  view.setInt32(at + QueueEntryAt.size, size);
  writeInt64(view, at + QueueEntryAt.tagsCode, tagsCode);
}

/** Entries that stand before a queue's first message. */
export function fillerEntries(count: number): Uint8Array {
  const entries = new Uint8Array(count * QUEUE_ENTRY_BYTES);
  const view = new DataView(entries.buffer);
  for (let at = 0; at < entries.length; at += QUEUE_ENTRY_BYTES) writeQueueEntry(view, at, 0, FILLER_ENTRY_SIZE, 0);
  return entries;
}

export function entryLogOffset(view: DataView, at: number): number {
  return readInt64(view, at + QueueEntryAt.logOffset);
}

export function entrySize(view: DataView, at: number): number {
  return view.getInt32(at + QueueEntryAt.size);
}

/** The low 32 bits, which is all of a tag's hash. */
export function entryTagsHash(view: DataView, at: number): number {
  return view.getInt32(at + QueueEntryAt.tagsCode + 4);
}

/** All 64 bits: delivery times, extension addresses of foreign stores. */
export function entryTagsCode(view: DataView, at: number): bigint {
  return readInt64Exact(view, at + QueueEntryAt.tagsCode);
}
