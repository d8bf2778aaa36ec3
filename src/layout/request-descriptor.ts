/**
 * One request on its way from a net (or control) thread to append: 64 bytes, one cache line, in a shared-memory ring. The producer
 * fills the upper part, append the results; positions and offsets are doubles (exact to 2^53), so that no BigInt is made.
 *
 * ```
 *  byte  0        8       12       16      20     24     28      32           40         48               56          60
 *        +--------+--------+--------+-------+------+------+-------+------------+----------+----------------+-----------+--------+
 *        | bytes  | bytes  | record | queue | step |      | status| queue      | log      | store          | queue     | queued |
 *        | position        | count  | slot  |      |      |       | offset     | offset   | timestamp      | generation| at     |
 *        +--------+--------+--------+-------+------+------+-------+------------+----------+----------------+-----------+--------+
 *        | f64    | i32    | i32    | i32   | i32  |      | i32   | f64        | f64      | f64            | i32       | i32    |
 * ```
 */
import { assert } from '../base/assert.ts';

export const DESCRIPTOR_SIZE_BYTES = 64;
/** From one slot to the next in the ring seen as Int32Array, and as Float64Array. */
export const DESCRIPTOR_INTS = DESCRIPTOR_SIZE_BYTES / Int32Array.BYTES_PER_ELEMENT;
export const DESCRIPTOR_DOUBLES = DESCRIPTOR_SIZE_BYTES / Float64Array.BYTES_PER_ELEMENT;

/** Index of each double in a slot seen as Float64Array. */
export const DescriptorDouble = { bytesPosition: 0, queueOffset: 4, logOffset: 5, storeTimestamp: 6 } as const;

/** Index of each int32 in a slot seen as Int32Array. */
export const DescriptorInt = {
  /** Bytes of all records of the request, back to back. */
  length: 2,
  recordCount: 3,
  queueSlot: 4,
  /** By how much the queue's next offset moves: the record count, 0 for a record that no queue holds. */
  queueOffsetStep: 5,
  status: 7,
  queueGeneration: 14,
  /** Monotonic microsecond at which the request was queued, masked by QUEUED_AT_MASK. */
  queuedAtUs: 15,
} as const;

/** What `queuedAtUs` keeps of a microsecond: differences under this mask are right for times less than 35 minutes apart. */
export const QUEUED_AT_MASK = 0x7fffffff;

/** Values of `status`, written by append. */
export const DescriptorStatus = { pending: 0, stored: 1, diskFull: 2, queueGone: 3, stopped: 4 } as const;
export type DescriptorStatusCode = (typeof DescriptorStatus)[keyof typeof DescriptorStatus];

assert((DescriptorInt.queuedAtUs + 1) * 4 === DESCRIPTOR_SIZE_BYTES, 'the last field ends the cache line');
