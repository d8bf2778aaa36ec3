/**
 * A record of the CommitLog, which is also what a pull answers with (spec/store.md 3.1). The hot functions here encode into the bytes
 * ring (net), complete what net leaves open (append), and read without making objects (dispatch); {@link readRecord} is the general reader.
 *
 * ```
 *  0      4      8      12     16    20         28         36      40         48    56|68      64..      72..
 *  | size | magic| crc  | queue| flag| queue    | physical | sys   | born     | born| store    | store    | reconsume |
 *  | i32  | i32  | i32  | i32  | i32 | offset   | offset   | flag  | timestamp| host| timestamp| host     | times i32 |
 *                                      i64        i64        i32     i64        8|20  i64        8|20
 *  then: prepared transaction offset i64, body length i32, body, topic length u8 (V1) or i16 (V2), topic, properties length i16, properties
 * ```
 */
import { assert } from '../base/assert.ts';
import { bodyCrc32 } from '../base/crc32.ts';
import { readInt64, readInt64Exact, writeInt64 } from '../base/int64.ts';
import { TOPIC_LENGTH_MAX } from '../base/limits.ts';
import { pieceOf } from '../base/piece-of.ts';

export const RECORD_MAGIC_V1 = 0xdaa320a7 | 0;
/** For topics longer than 127 bytes: the topic's length has two bytes. */
export const RECORD_MAGIC_V2 = 0xdaa320ab | 0;
/** Fills the rest of a segment that has no room for the next record (spec/store.md 3.8). */
export const BLANK_MAGIC = 0xcbd43194 | 0;
/** A segment always keeps room for the head of its filler behind a record. */
export const BLANK_HEAD_BYTES = 8;

/** Positions that do not depend on the hosts. */
export const RecordAt = {
  totalSize: 0,
  magic: 4,
  bodyCrc: 8,
  queueId: 12,
  flag: 16,
  queueOffset: 20,
  physicalOffset: 28,
  sysFlag: 36,
  bornTimestamp: 40,
  bornHost: 48,
} as const;

export const HOST_V4_BYTES = 8;
export const HOST_V6_BYTES = 20;
const PORT_BYTES = 4;

export const SysFlag = {
  compressed: 0x1,
  multiTags: 0x2,
  transactionPrepared: 0x4,
  transactionCommit: 0x8,
  transactionRollback: 0xc,
  bornHostV6: 0x10,
  storeHostV6: 0x20,
  needUnwrap: 0x40,
  innerBatch: 0x80,
} as const;

/** Prepared and rolled back messages are in no queue (spec/store.md 3.6). */
export function isInNoQueue(sysFlag: number): boolean {
  const transaction = sysFlag & SysFlag.transactionRollback;
  return transaction === SysFlag.transactionPrepared || transaction === SysFlag.transactionRollback;
}

/** Sizes of the fields after the born host, in order. */
const STORE_TIMESTAMP_BYTES = 8;
const RECONSUME_TIMES_BYTES = 4;
const PREPARED_OFFSET_BYTES = 8;
const BODY_LENGTH_BYTES = 4;
const PROPERTIES_LENGTH_BYTES = 2;

/** Everything but the hosts, body, topic and properties, and but the topic's length. */
const FIXED_BYTES =
  RecordAt.bornHost +
  STORE_TIMESTAMP_BYTES +
  RECONSUME_TIMES_BYTES +
  PREPARED_OFFSET_BYTES +
  BODY_LENGTH_BYTES +
  PROPERTIES_LENGTH_BYTES;

/** No record is shorter: nothing in it but the fixed fields. */
export const RECORD_SIZE_MIN_BYTES = FIXED_BYTES + 2 * HOST_V4_BYTES + 1;

assert(RECORD_SIZE_MIN_BYTES === 91, 'fixed overhead of a V1 record with IPv4 hosts, spec/store.md 3.1');

function hostBytes(isV6: boolean): number {
  return isV6 ? HOST_V6_BYTES : HOST_V4_BYTES;
}

function topicLengthBytes(topicLength: number): number {
  return topicLength > TOPIC_LENGTH_MAX ? 2 : 1;
}

/** Where the store timestamp lies: behind a born host of 8 or 20 bytes. */
export function storeTimestampAt(sysFlag: number): number {
  return RecordAt.bornHost + hostBytes((sysFlag & SysFlag.bornHostV6) !== 0);
}

/** Where the length of the body lies: behind two hosts and what stands between and behind them. */
function bodyLengthAt(sysFlag: number): number {
  const storeHostBytes = hostBytes((sysFlag & SysFlag.storeHostV6) !== 0);
  return (
    storeTimestampAt(sysFlag) + STORE_TIMESTAMP_BYTES + storeHostBytes + RECONSUME_TIMES_BYTES + PREPARED_OFFSET_BYTES
  );
}

/** So many bytes of a record hold its store timestamp, whatever its born host; no record is shorter. */
export const STORE_TIMESTAMP_END_MAX = RecordAt.bornHost + HOST_V6_BYTES + STORE_TIMESTAMP_BYTES;

assert(STORE_TIMESTAMP_END_MAX <= RECORD_SIZE_MIN_BYTES, 'the head of any record can be read without knowing its size');

/** Size of the whole record. */
export function recordSizeOf(
  bodyLength: number,
  topicLength: number,
  propertiesLength: number,
  bornV6: boolean,
  storeV6: boolean,
): number {
  return (
    FIXED_BYTES +
    hostBytes(bornV6) +
    hostBytes(storeV6) +
    topicLengthBytes(topicLength) +
    bodyLength +
    topicLength +
    propertiesLength
  );
}

/** What a writer says of a record; one object is used again for each. Hosts are address and port, 8 or 20 bytes. */
export class RecordHead {
  totalSize = 0;
  queueId = 0;
  flag = 0;
  /** Without the host bits, which follow from the hosts. */
  sysFlag = 0;
  bornTimestamp = 0;
  reconsumeTimes = 0;
  preparedTransactionOffset = 0;
  topicLength = 0;
  bodyLength = 0;
  bornHost: Uint8Array = new Uint8Array(HOST_V4_BYTES);
  storeHost: Uint8Array = new Uint8Array(HOST_V4_BYTES);
}

/** Writes everything before the body but what {@link completeRecord} fills in, which is 0. Returns where the body goes. */
export function writeRecordHead(view: DataView, bytes: Uint8Array, at: number, head: RecordHead): number {
  const bornV6 = head.bornHost.length === HOST_V6_BYTES;
  const storeV6 = head.storeHost.length === HOST_V6_BYTES;
  const hostBits = (bornV6 ? SysFlag.bornHostV6 : 0) | (storeV6 ? SysFlag.storeHostV6 : 0);
  view.setInt32(at + RecordAt.totalSize, head.totalSize);
  view.setInt32(at + RecordAt.magic, head.topicLength > TOPIC_LENGTH_MAX ? RECORD_MAGIC_V2 : RECORD_MAGIC_V1);
  view.setInt32(at + RecordAt.bodyCrc, 0);
  view.setInt32(at + RecordAt.queueId, head.queueId);
  view.setInt32(at + RecordAt.flag, head.flag);
  writeInt64(view, at + RecordAt.queueOffset, 0);
  writeInt64(view, at + RecordAt.physicalOffset, 0);
  view.setInt32(at + RecordAt.sysFlag, (head.sysFlag & ~(SysFlag.bornHostV6 | SysFlag.storeHostV6)) | hostBits);
  writeInt64(view, at + RecordAt.bornTimestamp, head.bornTimestamp);
  let next = writeHost(bytes, at + RecordAt.bornHost, head.bornHost);
  writeInt64(view, next, 0);
  next = writeHost(bytes, next + STORE_TIMESTAMP_BYTES, head.storeHost);
  view.setInt32(next, head.reconsumeTimes);
  writeInt64(view, next + RECONSUME_TIMES_BYTES, head.preparedTransactionOffset);
  next += RECONSUME_TIMES_BYTES + PREPARED_OFFSET_BYTES;
  view.setInt32(next, head.bodyLength);
  return next + BODY_LENGTH_BYTES;
}

/** Writes the topic's length behind the body. Returns where the topic goes. */
export function writeTopicLength(view: DataView, at: number, topicLength: number): number {
  if (topicLength > TOPIC_LENGTH_MAX) {
    view.setInt16(at, topicLength);
    return at + 2;
  }
  view.setUint8(at, topicLength);
  return at + 1;
}

/** Writes the length of the properties behind the topic. Returns where the properties go. */
export function writePropertiesLength(view: DataView, at: number, propertiesLength: number): number {
  view.setInt16(at, propertiesLength);
  return at + PROPERTIES_LENGTH_BYTES;
}

/**
 * Fills in what append alone knows, and the checksum of the body, which is left to append because the net thread that encodes is busier.
 * `bytes` and `view` are the same memory.
 */
export function completeRecord(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  queueOffset: number,
  physicalOffset: number,
  storeTimestamp: number,
): void {
  const sysFlag = view.getInt32(at + RecordAt.sysFlag);
  const bodyLengthStart = at + bodyLengthAt(sysFlag);
  const body = bodyLengthStart + BODY_LENGTH_BYTES;
  view.setInt32(at + RecordAt.bodyCrc, bodyCrc32(pieceOf(bytes, body, body + view.getInt32(bodyLengthStart))));
  writeInt64(view, at + RecordAt.queueOffset, queueOffset);
  writeInt64(view, at + RecordAt.physicalOffset, physicalOffset);
  writeInt64(view, at + storeTimestampAt(sysFlag), storeTimestamp);
}

function writeHost(bytes: Uint8Array, at: number, host: Uint8Array): number {
  for (let i = 0; i < host.length; i++) bytes[at + i] = host[i]!;
  return at + host.length;
}

/** A record's fields without an object per record: {@link RecordCursor.load} moves it. Positions are absolute in the loaded memory. */
export class RecordCursor {
  totalSize = 0;
  queueId = 0;
  queueOffset = 0;
  physicalOffset = 0;
  sysFlag = 0;
  storeTimestamp = 0;
  bodyStart = 0;
  bodyLength = 0;
  topicStart = 0;
  topicLength = 0;
  propertiesStart = 0;
  propertiesLength = 0;

  /** Reads the record at `at`, whose size and magic the caller has looked at. False when its parts do not add up to its size. */
  load(view: DataView, at: number): boolean {
    this.totalSize = view.getInt32(at + RecordAt.totalSize);
    this.queueId = view.getInt32(at + RecordAt.queueId);
    this.queueOffset = readInt64(view, at + RecordAt.queueOffset);
    this.physicalOffset = readInt64(view, at + RecordAt.physicalOffset);
    this.sysFlag = view.getInt32(at + RecordAt.sysFlag);
    this.storeTimestamp = readInt64(view, at + storeTimestampAt(this.sysFlag));
    const bodyLengthStart = at + bodyLengthAt(this.sysFlag);
    const end = at + this.totalSize;
    if (bodyLengthStart + BODY_LENGTH_BYTES > end) return false;
    this.bodyLength = view.getInt32(bodyLengthStart);
    this.bodyStart = bodyLengthStart + BODY_LENGTH_BYTES;
    const topicLengthAt = this.bodyStart + this.bodyLength;
    if (this.bodyLength < 0 || topicLengthAt + 2 > end) return false;
    const isV2 = view.getInt32(at + RecordAt.magic) === RECORD_MAGIC_V2;
    this.topicLength = isV2 ? view.getInt16(topicLengthAt) : view.getInt8(topicLengthAt);
    this.topicStart = topicLengthAt + (isV2 ? 2 : 1);
    const propertiesLengthAt = this.topicStart + this.topicLength;
    if (this.topicLength < 0 || propertiesLengthAt + PROPERTIES_LENGTH_BYTES > end) return false;
    this.propertiesLength = view.getInt16(propertiesLengthAt);
    this.propertiesStart = propertiesLengthAt + PROPERTIES_LENGTH_BYTES;
    return this.propertiesStart + this.propertiesLength === end;
  }
}

/** A whole record as an object, for tools, tests and everything that is not hot. */
export interface MessageRecord {
  readonly totalSize: number;
  readonly magic: number;
  readonly bodyCrc: number;
  readonly queueId: number;
  readonly flag: number;
  readonly queueOffset: number;
  readonly physicalOffset: number;
  readonly sysFlag: number;
  /** Clients may put anything here. */
  readonly bornTimestamp: bigint;
  readonly bornHost: Uint8Array;
  readonly storeTimestamp: number;
  readonly storeHost: Uint8Array;
  readonly reconsumeTimes: number;
  readonly preparedTransactionOffset: bigint;
  readonly body: Uint8Array;
  readonly topic: string;
  readonly properties: Uint8Array;
}

/** Reads the record at `at`, or null when its parts do not add up to its size. The byte fields are views of `bytes`. */
export function readRecord(view: DataView, bytes: Uint8Array, at: number): MessageRecord | null {
  const cursor = new RecordCursor();
  if (!cursor.load(view, at)) return null;
  const bornHostAt = at + RecordAt.bornHost;
  const storeStampAt = at + storeTimestampAt(cursor.sysFlag);
  const storeHostAt = storeStampAt + STORE_TIMESTAMP_BYTES;
  const reconsumeAt = storeHostAt + hostBytes((cursor.sysFlag & SysFlag.storeHostV6) !== 0);
  return {
    totalSize: cursor.totalSize,
    magic: view.getInt32(at + RecordAt.magic),
    bodyCrc: view.getInt32(at + RecordAt.bodyCrc),
    queueId: cursor.queueId,
    flag: view.getInt32(at + RecordAt.flag),
    queueOffset: cursor.queueOffset,
    physicalOffset: cursor.physicalOffset,
    sysFlag: cursor.sysFlag,
    bornTimestamp: readInt64Exact(view, at + RecordAt.bornTimestamp),
    bornHost: bytes.subarray(bornHostAt, storeStampAt),
    storeTimestamp: cursor.storeTimestamp,
    storeHost: bytes.subarray(storeHostAt, reconsumeAt),
    reconsumeTimes: view.getInt32(reconsumeAt),
    preparedTransactionOffset: readInt64Exact(view, reconsumeAt + RECONSUME_TIMES_BYTES),
    body: bytes.subarray(cursor.bodyStart, cursor.bodyStart + cursor.bodyLength),
    topic: Buffer.from(bytes.subarray(cursor.topicStart, cursor.topicStart + cursor.topicLength)).toString(),
    properties: bytes.subarray(cursor.propertiesStart, cursor.propertiesStart + cursor.propertiesLength),
  };
}

/** The host field of a record: address bytes and the port as int32. `address` is dotted IPv4 or IPv6 text. */
export function encodeHost(address: string, port: number): Uint8Array {
  const parts = address.includes(':') ? parseV6(address) : address.split('.').map(Number);
  const isAddress = parts.length === 4 || parts.length === 16;
  assert(isAddress && parts.every((part) => (part & 0xff) === part), `${address} is an IPv4 or IPv6 address`);
  const host = new Uint8Array(parts.length + 4);
  host.set(parts);
  new DataView(host.buffer).setInt32(parts.length, port);
  return host;
}

/** A host field as text: `127.0.0.1:10911`, `[0:0:0:0:0:0:0:1]:10911`. */
export function hostText(host: Uint8Array): string {
  const addressBytes = host.length - PORT_BYTES;
  const view = new DataView(host.buffer, host.byteOffset, host.length);
  const port = view.getInt32(addressBytes);
  if (host.length === HOST_V4_BYTES) return `${host.subarray(0, addressBytes).join('.')}:${port}`;
  const groups = Array.from({ length: addressBytes / 2 }, (_, i) => view.getUint16(2 * i).toString(16));
  return `[${groups.join(':')}]:${port}`;
}

function parseV6(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const zeros = new Array<number>(16 - left.length - right.length).fill(0);
  return [...left, ...zeros, ...right];
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
