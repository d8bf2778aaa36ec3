/** The ROCKETMQ header (spec/remoting.md 3; the picture is in layout/remoting-frame.ts). Called by frame-codec only. */
import {
  BINARY_HEADER_MIN_BYTES,
  BinaryHeaderAt,
  EXT_FIELDS_LENGTH_BYTES,
  EXT_KEY_LENGTH_BYTES,
  EXT_VALUE_LENGTH_BYTES,
  int16At,
  int32At,
  putInt16,
  putInt32,
  SERIALIZE_ROCKETMQ,
} from '../layout/remoting-frame.ts';
import { languageByte, languageName } from './codes.ts';
import { type ExtFields, FrameError, type RemotingCommand } from './command.ts';

const KEY_SIZE_MAX_BYTES = 0x7fff;

/** Reads the header in `bytes[start, end)`. */
export function readBinaryHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
  body: Uint8Array | null,
): RemotingCommand {
  if (end - start < BINARY_HEADER_MIN_BYTES)
    throw new FrameError(`a binary header of ${end - start} bytes is too short`);
  const remarkStart = start + BinaryHeaderAt.remark;
  const remarkLength = int32At(bytes, start + BinaryHeaderAt.remarkLength);
  const extLengthAt = remarkStart + remarkLength;
  if (remarkLength < 0 || extLengthAt + EXT_FIELDS_LENGTH_BYTES > end) {
    throw new FrameError(`remark length ${remarkLength} in a header of ${end - start} bytes`);
  }
  const extStart = extLengthAt + EXT_FIELDS_LENGTH_BYTES;
  const extLength = int32At(bytes, extLengthAt);
  if (extLength < 0 || extStart + extLength > end) {
    throw new FrameError(`extFields length ${extLength} in a header of ${end - start} bytes`);
  }
  return {
    code: int16At(bytes, start + BinaryHeaderAt.code),
    language: languageName(bytes[start + BinaryHeaderAt.language]!),
    version: int16At(bytes, start + BinaryHeaderAt.version),
    opaque: int32At(bytes, start + BinaryHeaderAt.opaque),
    flag: int32At(bytes, start + BinaryHeaderAt.flag),
    remark: remarkLength === 0 ? null : textAt(bytes, remarkStart, extLengthAt),
    extFields: extLength === 0 ? null : readExtFields(bytes, extStart, extStart + extLength),
    body,
    serializeType: SERIALIZE_ROCKETMQ,
  };
}

/** A zero-length value is null to Java, so the field is absent; of equal names the last wins. */
function readExtFields(bytes: Uint8Array, start: number, end: number): ExtFields {
  const fields: ExtFields = new Map();
  let at = start;
  while (at < end) {
    const keyStart = at + EXT_KEY_LENGTH_BYTES;
    if (keyStart > end) throw new FrameError('extFields end inside a key length');
    const keyLength = int16At(bytes, at);
    const keyEnd = keyStart + keyLength;
    const valueStart = keyEnd + EXT_VALUE_LENGTH_BYTES;
    if (keyLength < 0 || valueStart > end) throw new FrameError(`extFields key length ${keyLength}`);
    const valueLength = int32At(bytes, keyEnd);
    at = valueStart + valueLength;
    if (valueLength < 0 || at > end) throw new FrameError(`extFields value length ${valueLength}`);
    const key = textAt(bytes, keyStart, keyEnd);
    if (valueLength === 0) fields.delete(key);
    else fields.set(key, textAt(bytes, valueStart, at));
  }
  return fields;
}

/** The header's bytes. A name longer than its length field can say is refused with a RangeError. */
export function binaryHeader(command: RemotingCommand): Uint8Array {
  const remark = command.remark ?? '';
  const remarkLength = Buffer.byteLength(remark);
  const extLength = extFieldsLength(command.extFields);
  const header = Buffer.allocUnsafe(BINARY_HEADER_MIN_BYTES + remarkLength + extLength);
  putInt16(header, BinaryHeaderAt.code, command.code);
  header[BinaryHeaderAt.language] = languageByte(command.language);
  putInt16(header, BinaryHeaderAt.version, command.version);
  putInt32(header, BinaryHeaderAt.opaque, command.opaque);
  putInt32(header, BinaryHeaderAt.flag, command.flag);
  putInt32(header, BinaryHeaderAt.remarkLength, remarkLength);
  header.write(remark, BinaryHeaderAt.remark);
  let at = BinaryHeaderAt.remark + remarkLength;
  putInt32(header, at, extLength);
  at += EXT_FIELDS_LENGTH_BYTES;
  if (command.extFields !== null) {
    for (const [key, value] of command.extFields) at = writeField(header, at, key, value);
  }
  return header;
}

function extFieldsLength(fields: ExtFields | null): number {
  let length = 0;
  if (fields === null) return length;
  for (const [key, value] of fields) {
    const keyLength = Buffer.byteLength(key);
    if (keyLength > KEY_SIZE_MAX_BYTES) throw new RangeError(`extFields key of ${keyLength} bytes`);
    length += EXT_KEY_LENGTH_BYTES + keyLength + EXT_VALUE_LENGTH_BYTES + Buffer.byteLength(value);
  }
  return length;
}

function writeField(header: Buffer, at: number, key: string, value: string): number {
  const keyStart = at + EXT_KEY_LENGTH_BYTES;
  const keyLength = header.write(key, keyStart);
  putInt16(header, at, keyLength);
  const valueStart = keyStart + keyLength + EXT_VALUE_LENGTH_BYTES;
  const valueLength = header.write(value, valueStart);
  putInt32(header, keyStart + keyLength, valueLength);
  return valueStart + valueLength;
}

function textAt(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}
