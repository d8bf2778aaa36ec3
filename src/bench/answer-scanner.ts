/**
 * Reads code and opaque of an answer in either serialization, without building anything: the load generator looks at every answer and
 * must not be what limits the load. Called by the connections of the load and consume workers.
 */
import {
  BINARY_HEADER_MIN_BYTES,
  BinaryHeaderAt,
  FrameAt,
  int16At,
  int32At,
  SERIALIZE_ROCKETMQ,
  uint24At,
} from '../layout/remoting-frame.ts';
import { FrameError } from '../remoting/command.ts';

const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const CODE = Buffer.from('"code":');
const OPAQUE = Buffer.from('"opaque":');

export class AnswerScanner {
  code = 0;
  opaque = 0;
  /** Where the body starts; it ends with the frame. */
  bodyStart = 0;
  /**
   * Where the last JSON header had its members, from its end and from its start: the next answer of a broker looks the same. What looks
   * like a member there is one, because a quote inside a JSON text has a backslash before it.
   */
  #opaqueFromEnd = 0;
  #codeFromEnd = 0;
  #codeFromStart = 0;

  /** Reads the frame in `bytes[start, end)`, which a FrameReader has cut. Throws {@link FrameError}. */
  scan(bytes: Uint8Array, start: number, end: number): void {
    const headerStart = start + FrameAt.header;
    const headerEnd = headerStart + uint24At(bytes, start + FrameAt.headerLength);
    if (headerEnd > end) throw new FrameError('the header of an answer is longer than its frame');
    this.bodyStart = headerEnd;
    if (bytes[start + FrameAt.serializeType] !== SERIALIZE_ROCKETMQ) {
      if (!this.#scanAsBefore(bytes, headerStart, headerEnd)) this.#scanJson(bytes, headerStart, headerEnd);
      return;
    }
    if (headerEnd - headerStart < BINARY_HEADER_MIN_BYTES) throw new FrameError('the header of an answer is too short');
    this.code = int16At(bytes, headerStart + BinaryHeaderAt.code);
    this.opaque = int32At(bytes, headerStart + BinaryHeaderAt.opaque);
  }

  #scanAsBefore(bytes: Uint8Array, start: number, end: number): boolean {
    const opaqueAt = end - this.#opaqueFromEnd;
    if (opaqueAt < start || !stands(OPAQUE, bytes, opaqueAt)) return false;
    let codeAt = end - this.#codeFromEnd;
    if (codeAt < start || !stands(CODE, bytes, codeAt)) {
      codeAt = start + this.#codeFromStart;
      if (codeAt >= opaqueAt || !stands(CODE, bytes, codeAt)) return false;
    }
    this.opaque = integerAt(bytes, opaqueAt + OPAQUE.length);
    this.code = integerAt(bytes, codeAt + CODE.length);
    return true;
  }

  #scanJson(bytes: Uint8Array, start: number, end: number): void {
    let codeAt = -1;
    let opaqueAt = -1;
    let depth = 0;
    let at = start;
    while (at < end) {
      const byte = bytes[at]!;
      if (byte === OPEN) depth++;
      else if (byte === CLOSE) depth--;
      else if (byte === QUOTE) {
        const textEnd = textEndAt(bytes, at + 1, end);
        if (depth === 1 && bytes[textEnd + 1] === COLON) {
          if (stands(CODE, bytes, at)) codeAt = at;
          else if (stands(OPAQUE, bytes, at)) opaqueAt = at;
        }
        at = textEnd;
      }
      at++;
    }
    if (depth !== 0 || codeAt < 0 || opaqueAt < 0) {
      throw new FrameError('the header of an answer is no JSON object with code and opaque');
    }
    this.#opaqueFromEnd = end - opaqueAt;
    this.#codeFromEnd = end - codeAt;
    this.#codeFromStart = codeAt - start;
    this.opaque = integerAt(bytes, opaqueAt + OPAQUE.length);
    this.code = integerAt(bytes, codeAt + CODE.length);
  }
}

/** True when the member `name` is at `at`. Its value is a number; an extField of that name has a text. */
function stands(name: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[at + i] !== name[i]) return false;
  return bytes[at + name.length] !== QUOTE;
}

/** Position of the quote that ends the text which starts at `start`. */
function textEndAt(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

function integerAt(bytes: Uint8Array, start: number): number {
  const negative = bytes[start] === MINUS;
  let at = negative ? start + 1 : start;
  let value = 0;
  for (let digit = bytes[at]! - ZERO; digit >>> 0 <= 9; digit = bytes[at]! - ZERO) {
    value = value * 10 + digit;
    at++;
  }
  return negative ? -value : value;
}
