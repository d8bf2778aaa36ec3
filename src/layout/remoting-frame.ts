/**
 * The frame of the remoting protocol and its binary header (spec/remoting.md 1 and 3), all big-endian. Read and written by the codecs,
 * the scanners and the response templates of remoting/, on net and control threads.
 *
 * ```
 *  0        4      5               8
 *  | length | type | header length | header | body |          length = bytes behind itself
 *  | i32    | u8   | u24           |
 *
 *  binary header (type 1):
 *  0      2          3         5        9      13              17
 *  | code | language | version | opaque | flag | remark length | remark | extFields length | {key length i16, key, value length i32, value}*
 *  | i16  | u8       | i16     | i32    | i32  | i32           |        | i32              |
 * ```
 *
 * The accessors work on plain bytes: a frame lies anywhere in a socket's chunk, and a DataView for each chunk costs more than the shifts.
 */
import { assert } from '../base/assert.ts';

export const FrameAt = { length: 0, serializeType: 4, headerLength: 5, header: 8 } as const;
/** Bytes before the header. */
export const FRAME_HEAD_BYTES = 8;
/** The part of the length field itself, which it does not count. */
export const FRAME_LENGTH_BYTES = 4;
/** `headerLength` has three bytes. */
export const HEADER_SIZE_MAX_BYTES = 0xffffff;

export const SERIALIZE_JSON = 0;
export const SERIALIZE_ROCKETMQ = 1;
export type SerializeType = typeof SERIALIZE_JSON | typeof SERIALIZE_ROCKETMQ;

/** Positions in a binary header, from its first byte. */
export const BinaryHeaderAt = {
  code: 0,
  language: 2,
  version: 3,
  opaque: 5,
  flag: 9,
  remarkLength: 13,
  remark: 17,
} as const;
export const EXT_FIELDS_LENGTH_BYTES = 4;
export const EXT_KEY_LENGTH_BYTES = 2;
export const EXT_VALUE_LENGTH_BYTES = 4;
/** A binary header without remark and extFields. */
export const BINARY_HEADER_MIN_BYTES = BinaryHeaderAt.remark + EXT_FIELDS_LENGTH_BYTES;

assert(FrameAt.header === FRAME_HEAD_BYTES, 'the header follows the head');
assert(BINARY_HEADER_MIN_BYTES === 21, 'the fixed part of a binary header has 21 bytes');

export function int16At(bytes: Uint8Array, at: number): number {
  return (((bytes[at]! << 8) | bytes[at + 1]!) << 16) >> 16;
}

export function uint24At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
}

export function int32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

export function putInt16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

export function putInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 24;
  bytes[at + 1] = value >> 16;
  bytes[at + 2] = value >> 8;
  bytes[at + 3] = value;
}

/** Writes the 8 bytes before the header. */
export function putFrameHead(
  bytes: Uint8Array,
  at: number,
  type: SerializeType,
  headerLength: number,
  bodyLength: number,
): void {
  putInt32(bytes, at + FrameAt.length, FRAME_HEAD_BYTES - FRAME_LENGTH_BYTES + headerLength + bodyLength);
  putInt32(bytes, at + FrameAt.serializeType, (type << 24) | headerLength);
}
