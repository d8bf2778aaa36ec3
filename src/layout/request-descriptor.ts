/**
 * One request on its way from a net (or control) thread to append: 64 bytes, one cache line, in a shared-memory ring. The producer
 * fills the upper part, append the results; positions and offsets are doubles (exact to 2^53), so that no BigInt is made.
 *
 * ```
 *  byte  0        8       12       16      20     24     28      32           40         48               56          60
 *        +--------+--------+--------+-------+------+------+-------+------------+----------+----------------+-----------+--------+
 *        | bytes  | bytes  | record | queue | step | flags| status| queue      | log      | store          | queue     | queued |
 *        | position        | count  | slot  |      |      |       | offset     | offset   | timestamp      | generation| at     |
 *        +--------+--------+--------+-------+------+------+-------+------------+----------+----------------+-----------+--------+
 *        | f64    | i32    | i32    | i32   | i32  | i32  | i32   | f64        | f64      | f64            | i32       | i32    |
 * ```
 */
import { assert } from '../base/assert.ts';

export const DESCRIPTOR_SIZE_BYTES = 64;

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
  flags: 6,
  status: 7,
  queueGeneration: 14,
  /** Low 31 bits of the monotonic microsecond at which the request was queued; for the stage histograms only. */
  queuedAtUs: 15,
} as const;

/** Bits of `flags`. */
export const DescriptorFlag = {
  /** The born host is IPv6: the store timestamp lies 12 bytes further on (spec/store.md 3.1). */
  bornHostV6: 1,
} as const;

/** Values of `status`, written by append. */
export const DescriptorStatus = { pending: 0, stored: 1, diskFull: 2, queueGone: 3, stopped: 4 } as const;
export type DescriptorStatusCode = (typeof DescriptorStatus)[keyof typeof DescriptorStatus];

assert((DescriptorInt.queuedAtUs + 1) * 4 === DESCRIPTOR_SIZE_BYTES, 'the last field ends the cache line');
