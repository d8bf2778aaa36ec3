/**
 * Headers of hot answers, written in place: a constant front is copied, fields that vary are added behind it. Two dialects behind one
 * interface, JSON and ROCKETMQ; used by the send and pull response writers on net.
 */
import { DECIMAL_SIZE_MAX_BYTES, putBytes, putDecimal } from '../layout/ascii.ts';
import {
  BinaryHeaderAt,
  EXT_FIELDS_LENGTH_BYTES,
  EXT_KEY_LENGTH_BYTES,
  EXT_VALUE_LENGTH_BYTES,
  FRAME_HEAD_BYTES,
  FrameAt,
  int32At,
  putFrameHead,
  putInt16,
  putInt32,
  SERIALIZE_JSON,
  SERIALIZE_ROCKETMQ,
  type SerializeType,
} from '../layout/remoting-frame.ts';
import { WORD_BYTES, wordsOf } from '../layout/words.ts';
import { binaryHeader } from './binary-header.ts';
import type { RemotingCommand } from './command.ts';
import { responseTo } from './frame-codec.ts';
import { BACKSLASH, PRINTABLE_MIN, QUOTE, specialsOf } from './json-text.ts';

/** One serialization's way to write an answer. Every `put` returns the position behind what it wrote. */
export interface ResponseHeader {
  /**
   * The front of a frame with these constant fields, which end it. `following`: so many bytes of plain text are going to follow as the
   * rest of the last field's value.
   */
  front(remark: string | null, fields: readonly (readonly [string, string])[], following: number): Uint8Array;
  /** What {@link putNumber} and {@link putText} want for a field of this name. */
  fieldName(name: string): Uint8Array;
  putNumber(into: Uint8Array, at: number, fieldName: Uint8Array, value: number): number;
  /** The value is `text[start, end)`: UTF-8, or whatever a client sent as such. */
  putText(into: Uint8Array, at: number, fieldName: Uint8Array, text: Uint8Array, start: number, end: number): number;
  /** Ends the header of the frame that began at `start`; a body of `bodyLength` bytes is going to follow. */
  finish(into: Uint8Array, start: number, at: number, code: number, opaque: number, bodyLength: number): number;
  /** Where {@link finish} has put the opaque of the frame in `[start, end)`, which has no body. */
  opaqueAt(into: Uint8Array, start: number, end: number): number;
  /** Writes an opaque at such a place. */
  putOpaque(into: Uint8Array, at: number, opaque: number): number;
}

/** A byte of text becomes at most `\u00XX`. */
export const TEXT_GROWTH_MAX = 6;
/** Room for a number and for what ends a header. */
export const NUMBER_SIZE_MAX_BYTES = DECIMAL_SIZE_MAX_BYTES;

export function responseHeaderFor(serializeType: SerializeType): ResponseHeader {
  return serializeType === SERIALIZE_JSON ? jsonResponse : binaryResponse;
}

function constantPart(
  serializeType: SerializeType,
  remark: string | null,
  fields: readonly (readonly [string, string])[],
): RemotingCommand {
  return responseTo({ opaque: 0, serializeType }, 0, remark, new Map(fields));
}

const JSON_TEXT_END = Buffer.from('"},"code":');
const JSON_OPAQUE = Buffer.from(',"opaque":');
const CLOSE = 0x7d;
const COLON = 0x3a;
const HEX_DIGITS = Buffer.from('0123456789abcdef');
const ESCAPE_BELOW_256 = Buffer.from('\\u00');
/** `finish` in JSON writes at most this much. */
export const FINISH_SIZE_MAX_BYTES = JSON_TEXT_END.length + JSON_OPAQUE.length + 2 * DECIMAL_SIZE_MAX_BYTES + 1;

/** The last value is always open: the next name, or the end of the header, brings its quote. */
const jsonResponse: ResponseHeader = {
  front(remark, fields) {
    const { flag, language, version } = constantPart(SERIALIZE_JSON, remark, fields);
    const text = JSON.stringify({
      flag,
      language,
      remark: remark ?? undefined,
      serializeTypeCurrentRPC: 'JSON',
      version,
      extFields: Object.fromEntries(fields),
    });
    const head = Buffer.alloc(FRAME_HEAD_BYTES);
    return Buffer.concat([head, Buffer.from(text.slice(0, -'"}}'.length))]);
  },

  fieldName(name) {
    return Buffer.from(`","${name}":"`);
  },

  putNumber(into, at, fieldName, value) {
    return putDecimal(into, putBytes(into, at, fieldName), value);
  },

  putText(into, at, fieldName, text, start, end) {
    let next = putBytes(into, at, fieldName);
    let i = start;
    const words = wordsOf(text);
    for (; i <= end - WORD_BYTES; i += WORD_BYTES, next += WORD_BYTES) {
      const word = words.getInt32(i, true);
      if (specialsOf(word) !== 0) break;
      into[next] = word;
      into[next + 1] = word >>> 8;
      into[next + 2] = word >>> 16;
      into[next + 3] = word >>> 24;
    }
    for (; i < end; i++) {
      const byte = text[i]!;
      if (byte < PRINTABLE_MIN) {
        next = putBytes(into, next, ESCAPE_BELOW_256);
        into[next++] = HEX_DIGITS[byte >> 4]!;
        into[next++] = HEX_DIGITS[byte & 0xf]!;
        continue;
      }
      if (byte === QUOTE || byte === BACKSLASH) into[next++] = BACKSLASH;
      into[next++] = byte;
    }
    return next;
  },

  finish(into, start, at, code, opaque, bodyLength) {
    let end = putDecimal(into, putBytes(into, at, JSON_TEXT_END), code);
    end = putDecimal(into, putBytes(into, end, JSON_OPAQUE), opaque);
    into[end++] = CLOSE;
    putFrameHead(into, start, SERIALIZE_JSON, end - start - FRAME_HEAD_BYTES, bodyLength);
    return end;
  },

  opaqueAt(into, _start, end) {
    let at = end - 1;
    while (into[at - 1] !== COLON) at--;
    return at;
  },

  putOpaque(into, at, opaque) {
    return putDecimal(into, at, opaque);
  },
};

const binaryResponse: ResponseHeader = {
  front(remark, fields, following) {
    const header = Buffer.from(binaryHeader(constantPart(SERIALIZE_ROCKETMQ, remark, fields)));
    const lastValue = Buffer.byteLength(fields.at(-1)![1]);
    putInt32(header, header.length - lastValue - EXT_VALUE_LENGTH_BYTES, lastValue + following);
    return Buffer.concat([Buffer.alloc(FRAME_HEAD_BYTES), header]);
  },

  fieldName(name) {
    const bytes = Buffer.alloc(EXT_KEY_LENGTH_BYTES + name.length + EXT_VALUE_LENGTH_BYTES);
    putInt16(bytes, 0, name.length);
    bytes.write(name, EXT_KEY_LENGTH_BYTES);
    return bytes;
  },

  putNumber(into, at, fieldName, value) {
    const valueAt = putBytes(into, at, fieldName);
    const end = putDecimal(into, valueAt, value);
    putInt32(into, valueAt - EXT_VALUE_LENGTH_BYTES, end - valueAt);
    return end;
  },

  putText(into, at, fieldName, text, start, end) {
    const valueAt = putBytes(into, at, fieldName);
    putInt32(into, valueAt - EXT_VALUE_LENGTH_BYTES, end - start);
    for (let i = start; i < end; i++) into[valueAt + i - start] = text[i]!;
    return valueAt + end - start;
  },

  finish(into, start, at, code, opaque, bodyLength) {
    const header = start + FrameAt.header;
    putInt16(into, header + BinaryHeaderAt.code, code);
    putInt32(into, header + BinaryHeaderAt.opaque, opaque);
    const extLengthAt = header + BinaryHeaderAt.remark + int32At(into, header + BinaryHeaderAt.remarkLength);
    putInt32(into, extLengthAt, at - extLengthAt - EXT_FIELDS_LENGTH_BYTES);
    putFrameHead(into, start, SERIALIZE_ROCKETMQ, at - header, bodyLength);
    return at;
  },

  opaqueAt(_into, start) {
    return start + FrameAt.header + BinaryHeaderAt.opaque;
  },

  putOpaque(into, at, opaque) {
    putInt32(into, at, opaque);
    return at + Int32Array.BYTES_PER_ELEMENT;
  },
};
