/** Scans a frame of one request family: the fixed parts here, JSON in json-scanner. Called by the send and pull scanners on net. */
import {
  BINARY_HEADER_MIN_BYTES,
  BinaryHeaderAt,
  EXT_FIELDS_LENGTH_BYTES,
  EXT_KEY_LENGTH_BYTES,
  EXT_VALUE_LENGTH_BYTES,
  FRAME_LENGTH_BYTES,
  FrameAt,
  int16At,
  int32At,
  SERIALIZE_JSON,
  SERIALIZE_ROCKETMQ,
  uint24At,
} from '../layout/remoting-frame.ts';
import { wordsOf } from '../layout/words.ts';
import { LANGUAGES } from './codes.ts';
import { scanJsonHeader } from './json-scanner.ts';
import type { FieldFamily, ScannedHeader } from './scanned-header.ts';

/** Reads the frame in `bytes[start, end)`, which a FrameReader has cut. False: take the general path, `into` holds nothing of use. */
export function scanFrame<Header extends ScannedHeader>(
  bytes: Uint8Array,
  start: number,
  end: number,
  into: Header,
  family: FieldFamily<Header>,
): boolean {
  const headerStart = start + FrameAt.header;
  if (headerStart > end || int32At(bytes, start) !== end - start - FRAME_LENGTH_BYTES) return false;
  const headerEnd = headerStart + uint24At(bytes, start + FrameAt.headerLength);
  if (headerEnd > end) return false;
  into.names = bytes;
  into.body = bytes;
  into.bodyStart = headerEnd;
  into.bodyEnd = end;
  const serializeType = bytes[start + FrameAt.serializeType];
  if (serializeType === SERIALIZE_JSON) {
    into.serializeType = SERIALIZE_JSON;
    return scanJsonHeader(bytes, wordsOf(bytes), headerStart, headerEnd, into, family);
  }
  into.serializeType = SERIALIZE_ROCKETMQ;
  return (
    serializeType === SERIALIZE_ROCKETMQ &&
    scanBinaryHeader(bytes, wordsOf(bytes), headerStart, headerEnd, into, family)
  );
}

function scanBinaryHeader<Header extends ScannedHeader>(
  bytes: Uint8Array,
  words: DataView,
  start: number,
  end: number,
  into: Header,
  family: FieldFamily<Header>,
): boolean {
  if (end - start < BINARY_HEADER_MIN_BYTES) return false;
  // No client puts a remark into a request.
  if (int32At(bytes, start + BinaryHeaderAt.remarkLength) !== 0) return false;
  const extStart = start + BinaryHeaderAt.remark + EXT_FIELDS_LENGTH_BYTES;
  const extLength = int32At(bytes, start + BinaryHeaderAt.remark);
  if (extLength < 0 || extStart + extLength > end) return false;
  into.code = int16At(bytes, start + BinaryHeaderAt.code);
  into.language = bytes[start + BinaryHeaderAt.language]!;
  if (into.language >= LANGUAGES.length) return false;
  into.version = int16At(bytes, start + BinaryHeaderAt.version);
  into.opaque = int32At(bytes, start + BinaryHeaderAt.opaque);
  into.flag = int32At(bytes, start + BinaryHeaderAt.flag);
  return family.begin(into) && scanBinaryFields(bytes, words, extStart, extStart + extLength, into, family);
}

function scanBinaryFields<Header extends ScannedHeader>(
  bytes: Uint8Array,
  words: DataView,
  start: number,
  end: number,
  into: Header,
  family: FieldFamily<Header>,
): boolean {
  let seen = 0;
  let at = start;
  while (at < end) {
    const nameStart = at + EXT_KEY_LENGTH_BYTES;
    const nameEnd = nameStart + int16At(bytes, at);
    const valueStart = nameEnd + EXT_VALUE_LENGTH_BYTES;
    if (nameEnd < nameStart || valueStart > end) return false;
    at = valueStart + int32At(bytes, nameEnd);
    if (at < valueStart || at > end) return false;
    const field = family.fieldAt(bytes, words, nameStart, nameEnd, into);
    if (field < 0) continue;
    const bit = 1 << field;
    if ((seen & bit) !== 0) return false;
    seen |= bit;
    // An empty value is an absent one.
    if (at === valueStart) {
      if ((family.required & bit) !== 0) return false;
    } else if (!family.takeValue(into, field, bytes, words, valueStart, at)) return false;
  }
  return (seen & family.required) === family.required;
}
