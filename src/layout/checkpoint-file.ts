/**
 * The store's `checkpoint` file (spec/store.md 10.1): up to which store time the parts of the store are on the disk. Upstream writes the
 * first five fields and keeps the rest of the file as it finds it. There RingMQ says more exactly what is on the disk; its checksum covers the
 * first five as well, so what it says holds only until somebody else has written them.
 *
 * ```
 *  0         8          16        24              32             40
 *  | log i64 | queues   | index   | master flushed| confirmed    |
 *  | ms      | i64 ms   | i64 ms  | offset i64    | offset i64   |
 *
 *  40           44            48          56           64          72           80       88        96          104 ... 4096
 *  | magic i32  | crc-32 of   | filed to  | look from  | index end | stopped at | queues | entries | log start | zeros |
 *  |            | 0-40,48-104 | offset i64| offset i64 | offset i64| offset i64 | i64    | i64     | offset i64|       |
 * ```
 */
import { assert } from '../base/assert.ts';
import { crc32 } from '../base/crc32.ts';
import { readInt64, writeInt64 } from '../base/int64.ts';

const At = {
  logTimestamp: 0,
  queuesTimestamp: 8,
  indexTimestamp: 16,
  masterFlushedOffset: 24,
  confirmedOffset: 32,
} as const;
const FIELDS_END = 40;

const VouchedAt = {
  magic: 40,
  checksum: 44,
  filedTo: 48,
  lookFrom: 56,
  indexEnd: 64,
  stoppedAt: 72,
  queueCount: 80,
  queueEntries: 88,
  logStart: 96,
} as const;
const VOUCHED_END = 104;
/** "RING" */
const VOUCHED_MAGIC = 0x52494e47;
export const CHECKPOINT_FILE_BYTES = 4096;

assert(At.confirmedOffset + 8 === FIELDS_END, 'the confirmed offset is the last field of upstream');
assert(VouchedAt.magic === FIELDS_END, 'what RingMQ says comes behind the fields of upstream');
assert(VouchedAt.logStart + 8 === VOUCHED_END, 'the start of the log is the last field');

export interface CheckpointFields {
  /** Store time in ms of the newest record that is flushed ("physicMsgTimestamp"). */
  readonly logTimestamp: number;
  /** Store time in ms up to which all queues are filed and flushed ("logicsMsgTimestamp"). */
  readonly queuesTimestamp: number;
  /** Store time in ms of the newest message that the index files name in their headers, all of which are flushed. */
  readonly indexTimestamp: number;
  readonly masterFlushedOffset: number;
  readonly confirmedOffset: number;
}

/** What RingMQ knows of the disk, in log offsets. */
export interface Vouched {
  /** A record begins or the log ends here; all before is on the disk, in the log and in every queue, and in the index where {@link indexEnd} names a message. */
  readonly filedTo: number;
  /** An earlier such place, from which a start after a clean stop looks through the log. */
  readonly lookFrom: number;
  /** Newest message in the index: -1 when there is none, {@link NO_INDEX_KEPT}, or {@link INDEX_UNKNOWN}. */
  readonly indexEnd: number;
  /** Where the log ended when the broker was stopped in order; -1 while it runs. */
  readonly stoppedAt: number;
  /** Queues with entries of records before {@link filedTo}, and the sum of their ends; 0 and 0 while a broker runs that has not counted them. */
  readonly queueCount: number;
  readonly queueEntries: number;
  /** Where the log began. Only while a broker runs retention takes files away from there. */
  readonly logStart: number;
}

/** The last broker has kept no index. */
export const NO_INDEX_KEPT = -2;
/** There is to be an index, and it may lack keys or be damaged anywhere: a start looks through it. */
export const INDEX_UNKNOWN = -3;

/** `vouched`: null leaves RingMQ's part empty. */
export function encodeCheckpoint(fields: CheckpointFields, vouched: Vouched | null): Uint8Array {
  const bytes = new Uint8Array(CHECKPOINT_FILE_BYTES);
  const view = new DataView(bytes.buffer);
  writeInt64(view, At.logTimestamp, fields.logTimestamp);
  writeInt64(view, At.queuesTimestamp, fields.queuesTimestamp);
  writeInt64(view, At.indexTimestamp, fields.indexTimestamp);
  writeInt64(view, At.masterFlushedOffset, fields.masterFlushedOffset);
  writeInt64(view, At.confirmedOffset, fields.confirmedOffset);
  if (vouched !== null) encodeVouched(bytes, view, vouched);
  return bytes;
}

function encodeVouched(bytes: Uint8Array, view: DataView, vouched: Vouched): void {
  view.setInt32(VouchedAt.magic, VOUCHED_MAGIC);
  writeInt64(view, VouchedAt.filedTo, vouched.filedTo);
  writeInt64(view, VouchedAt.lookFrom, vouched.lookFrom);
  writeInt64(view, VouchedAt.indexEnd, vouched.indexEnd);
  writeInt64(view, VouchedAt.stoppedAt, vouched.stoppedAt);
  writeInt64(view, VouchedAt.queueCount, vouched.queueCount);
  writeInt64(view, VouchedAt.queueEntries, vouched.queueEntries);
  writeInt64(view, VouchedAt.logStart, vouched.logStart);
  view.setInt32(VouchedAt.checksum, checksumOf(bytes));
}

/** Null when the file is too short to hold the fields. */
export function decodeCheckpoint(bytes: Uint8Array): CheckpointFields | null {
  if (bytes.length < FIELDS_END) return null;
  const view = viewOf(bytes);
  return {
    logTimestamp: readInt64(view, At.logTimestamp),
    queuesTimestamp: readInt64(view, At.queuesTimestamp),
    indexTimestamp: readInt64(view, At.indexTimestamp),
    masterFlushedOffset: readInt64(view, At.masterFlushedOffset),
    confirmedOffset: readInt64(view, At.confirmedOffset),
  };
}

/** Null when RingMQ has not written the file, or another broker has since. */
export function decodeVouched(bytes: Uint8Array): Vouched | null {
  if (bytes.length < VOUCHED_END) return null;
  const view = viewOf(bytes);
  if (view.getInt32(VouchedAt.magic) !== VOUCHED_MAGIC) return null;
  if (view.getInt32(VouchedAt.checksum) !== checksumOf(bytes)) return null;
  return {
    filedTo: readInt64(view, VouchedAt.filedTo),
    lookFrom: readInt64(view, VouchedAt.lookFrom),
    indexEnd: readInt64(view, VouchedAt.indexEnd),
    stoppedAt: readInt64(view, VouchedAt.stoppedAt),
    queueCount: readInt64(view, VouchedAt.queueCount),
    queueEntries: readInt64(view, VouchedAt.queueEntries),
    logStart: readInt64(view, VouchedAt.logStart),
  };
}

function checksumOf(bytes: Uint8Array): number {
  return crc32(bytes.subarray(VouchedAt.filedTo, VOUCHED_END), crc32(bytes.subarray(0, FIELDS_END))) | 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
