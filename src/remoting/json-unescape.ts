/** Undoes the escapes of a JSON text into memory that is used again. Called by the send scanner for the properties of each JSON send. */

import { firstMarked, WORD_BYTES } from '../layout/words.ts';
import { BACKSLASH, PRINTABLE_MIN, QUOTE, specialsOf } from './json-text.ts';

/** Escaped properties longer than this take the general path, which refuses them. */
const SCRATCH_BYTES = 64 * 1024;

const LOWER_U = 0x75;
/** A whole `\uXXXX`. */
const UNICODE_ESCAPE_BYTES = 6;

/** Memory for one unescaped text; a new text overwrites the last. */
export class Scratch {
  readonly bytes = new Uint8Array(SCRATCH_BYTES + WORD_BYTES);
  readonly words = new DataView(this.bytes.buffer);
  length = 0;
}

/** What a letter behind a backslash means; 0: nothing that JSON knows. */
const SHORT_ESCAPES = new Uint8Array(128);
for (const [letter, meaning] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t'].map((pair) => [...pair])) {
  SHORT_ESCAPES[letter!.charCodeAt(0)] = meaning!.charCodeAt(0);
}

/** Value of a hex digit, 255 for other bytes. */
const HEX_VALUES = new Uint8Array(256).fill(255);
for (const digit of '0123456789abcdefABCDEF') HEX_VALUES[digit.charCodeAt(0)] = Number.parseInt(digit, 16);

/**
 * Writes the text that starts at `at` (behind its opening quote) to `scratch` as UTF-8. Returns the position of the closing quote, or
 * -1 when the text is not strictly JSON, has no end before `end`, has a lone surrogate, or is too long.
 */
export function unescapeInto(scratch: Scratch, bytes: Uint8Array, words: DataView, at: number, end: number): number {
  const out = scratch.bytes;
  const limit = Math.min(end, at + SCRATCH_BYTES);
  let length = 0;
  let i = at;
  while (i < limit) {
    if (i <= limit - WORD_BYTES) {
      const word = words.getInt32(i, true);
      const specials = specialsOf(word);
      // What follows the first special byte in the word is written too, and overwritten next.
      scratch.words.setInt32(length, word, true);
      if (specials === 0) {
        i += WORD_BYTES;
        length += WORD_BYTES;
        continue;
      }
      const plain = firstMarked(specials);
      i += plain;
      length += plain;
    }
    const byte = bytes[i]!;
    if (byte === QUOTE) {
      scratch.length = length;
      return i;
    }
    if (byte !== BACKSLASH) {
      if (byte < PRINTABLE_MIN) return -1;
      out[length++] = byte;
      i++;
      continue;
    }
    const letter = bytes[i + 1]!;
    if (letter !== LOWER_U) {
      const meaning = letter < 128 ? SHORT_ESCAPES[letter]! : 0;
      if (meaning === 0) return -1;
      out[length++] = meaning;
      i += 2;
      continue;
    }
    const unit = hex4(bytes, i + 2);
    if (unit < 0) return -1;
    i += UNICODE_ESCAPE_BYTES;
    if (unit < 0x80) {
      out[length++] = unit;
    } else if ((unit & 0xf800) !== 0xd800) {
      length = putUtf8(out, length, unit);
    } else {
      const low = unit < 0xdc00 && bytes[i] === BACKSLASH && bytes[i + 1] === LOWER_U ? hex4(bytes, i + 2) : -1;
      if (low < 0 || (low & 0xfc00) !== 0xdc00) return -1;
      i += UNICODE_ESCAPE_BYTES;
      length = putUtf8(out, length, 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff));
    }
  }
  return -1;
}

/** The four hex digits at `at`, or -1. */
function hex4(bytes: Uint8Array, at: number): number {
  const a = HEX_VALUES[bytes[at]!]!;
  const b = HEX_VALUES[bytes[at + 1]!]!;
  const c = HEX_VALUES[bytes[at + 2]!]!;
  const d = HEX_VALUES[bytes[at + 3]!]!;
  return (a | b | c | d) > 15 ? -1 : (a << 12) | (b << 8) | (c << 4) | d;
}

/** Writes a code point from 0x80 on. */
function putUtf8(out: Uint8Array, at: number, point: number): number {
  let end = at;
  if (point < 0x800) {
    out[end++] = 0xc0 | (point >> 6);
  } else {
    if (point < 0x10000) {
      out[end++] = 0xe0 | (point >> 12);
    } else {
      out[end++] = 0xf0 | (point >> 18);
      out[end++] = 0x80 | ((point >> 12) & 0x3f);
    }
    out[end++] = 0x80 | ((point >> 6) & 0x3f);
  }
  out[end++] = 0x80 | (point & 0x3f);
  return end;
}
