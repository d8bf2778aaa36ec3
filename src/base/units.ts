/**
 * Branded numbers: a queue offset cannot be passed where a log offset is wanted. All are plain JavaScript numbers at run time and
 * stay below 2^53 (a CommitLog of 8 PiB). Used by every folder.
 */

declare const unit: unique symbol;
type Unit<Name extends string> = number & { readonly [unit]: Name };

/** Absolute byte position in the CommitLog ("physical offset" on the wire). */
export type LogOffset = Unit<'LogOffset'>;
/** Number of a message inside one queue (topic, queue id). */
export type QueueOffset = Unit<'QueueOffset'>;
/** Row of a queue in the shared queue table. */
export type QueueSlot = Unit<'QueueSlot'>;
/** Byte or slot position in a ring; only grows, the index is `position & mask`. */
export type RingPosition = Unit<'RingPosition'>;

export const asLogOffset = (value: number): LogOffset => value as LogOffset;
export const asQueueOffset = (value: number): QueueOffset => value as QueueOffset;
export const asQueueSlot = (value: number): QueueSlot => value as QueueSlot;
export const asRingPosition = (value: number): RingPosition => value as RingPosition;
