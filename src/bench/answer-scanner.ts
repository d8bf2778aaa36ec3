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
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
/** `code` and `opaque` are the only members of a header that begin so and have that many letters. */
const LETTER_C = 0x63;
const CODE_LETTERS = 4;
const LETTER_O = 0x6f;
const OPAQUE_LETTERS = 6;

export class AnswerScanner {
  code = 0;
  opaque = 0;
  /** Where the body starts; it ends with the frame. */
  bodyStart = 0;

  /** Reads the frame in `bytes[start, end)`, which a FrameReader has cut. Throws {@link FrameError}. */
  scan(bytes: Uint8Array, start: number, end: number): void {
    const headerStart = start + FrameAt.header;
    const headerEnd = headerStart + uint24At(bytes, start + FrameAt.headerLength);
    if (headerEnd > end) throw new FrameError('the header of an answer is longer than its frame');
    this.bodyStart = headerEnd;
    if (bytes[start + FrameAt.serializeType] !== SERIALIZE_ROCKETMQ) {
      this.#scanJson(bytes, headerStart, headerEnd);
      return;
    }
    if (headerEnd - headerStart < BINARY_HEADER_MIN_BYTES) throw new FrameError('the header of an answer is too short');
    this.code = int16At(bytes, headerStart + BinaryHeaderAt.code);
    this.opaque = int32At(bytes, headerStart + BinaryHeaderAt.opaque);
  }

  #scanJson(bytes: Uint8Array, start: number, end: number): void {
    this.opaque = -1;
    // fastjson leaves nothing out, but a code of 0 would be the default anyway.
    this.code = 0;
    let depth = 0;
    let at = start;
    while (at < end) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        const textStart = at + 1;
        at = textStart;
        while (bytes[at] !== QUOTE && at < end) at += bytes[at] === BACKSLASH ? 2 : 1;
        const letters = at - textStart;
        at++;
        if (depth !== 1 || bytes[at] !== COLON) continue;
        if (bytes[textStart] === LETTER_C && letters === CODE_LETTERS) this.code = integerAt(bytes, at + 1);
        else if (bytes[textStart] === LETTER_O && letters === OPAQUE_LETTERS) this.opaque = integerAt(bytes, at + 1);
        continue;
      }
      if (byte === OPEN) depth++;
      else if (byte === CLOSE) depth--;
      else if (byte === COMMA && depth === 0) break;
      at++;
    }
    if (depth !== 0 || this.opaque === -1)
      throw new FrameError('the header of an answer is no JSON object with an opaque');
  }
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
