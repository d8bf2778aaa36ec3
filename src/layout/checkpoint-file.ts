/**
 * The store's `checkpoint` file (spec/store.md 10.1): up to which store time the parts of the store are on the disk.
 *
 * ```
 *  0         8          16        24              32             40 ... 4096
 *  | log i64 | queues   | index   | master flushed| confirmed    | zeros |
 *  | ms      | i64 ms   | i64 ms  | offset i64    | offset i64   |       |
 * ```
 */
import { assert } from '../base/assert.ts';
import { readInt64, writeInt64 } from '../base/int64.ts';

const At = {
  logTimestamp: 0,
  queuesTimestamp: 8,
  indexTimestamp: 16,
  masterFlushedOffset: 24,
  confirmedOffset: 32,
} as const;
const FIELDS_END = 40;
export const CHECKPOINT_FILE_BYTES = 4096;

assert(At.confirmedOffset + 8 === FIELDS_END, 'the confirmed offset is the last field');

export interface CheckpointFields {
  /** Store time in ms of the newest record that is flushed ("physicMsgTimestamp"). */
  readonly logTimestamp: number;
  /** Store time in ms up to which all queues are filed and flushed ("logicsMsgTimestamp"). */
  readonly queuesTimestamp: number;
  readonly indexTimestamp: number;
  readonly masterFlushedOffset: number;
  readonly confirmedOffset: number;
}

export function encodeCheckpoint(fields: CheckpointFields): Uint8Array {
  const bytes = new Uint8Array(CHECKPOINT_FILE_BYTES);
  const view = new DataView(bytes.buffer);
  writeInt64(view, At.logTimestamp, fields.logTimestamp);
  writeInt64(view, At.queuesTimestamp, fields.queuesTimestamp);
  writeInt64(view, At.indexTimestamp, fields.indexTimestamp);
  writeInt64(view, At.masterFlushedOffset, fields.masterFlushedOffset);
  writeInt64(view, At.confirmedOffset, fields.confirmedOffset);
  return bytes;
}

/** Null when the file is too short to hold the fields. */
export function decodeCheckpoint(bytes: Uint8Array): CheckpointFields | null {
  if (bytes.length < FIELDS_END) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    logTimestamp: readInt64(view, At.logTimestamp),
    queuesTimestamp: readInt64(view, At.queuesTimestamp),
    indexTimestamp: readInt64(view, At.indexTimestamp),
    masterFlushedOffset: readInt64(view, At.masterFlushedOffset),
    confirmedOffset: readInt64(view, At.confirmedOffset),
  };
}
