/** The texts of a JSON header, in words. Called by the scanners on net. */
import { firstMarked, ONES, TOP_BITS, WORD_BYTES } from '../layout/words.ts';

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
/** Control characters must be escaped in JSON; what fastjson makes of raw ones is the general path's business. */
export const PRINTABLE_MIN = 0x20;

const QUOTES = 0x22222222;
const BACKSLASHES = 0x5c5c5c5c;
const PRINTABLE_MINS = 0x20202020;

/**
 * Nonzero when the word holds a quote, a backslash or a control character. See firstMarked.
 */
export function specialsOf(word: number): number {
  const quotes = word ^ QUOTES;
  const backslashes = word ^ BACKSLASHES;
  return (
    (((quotes - ONES) & ~quotes) | ((backslashes - ONES) & ~backslashes) | ((word - PRINTABLE_MINS) & ~word)) & TOP_BITS
  );
}

/** Position of the quote that ends the text at `at`, or -1 when there is none or something in the text is escaped. */
export function plainTextEnd(bytes: Uint8Array, words: DataView, at: number, end: number): number {
  let i = at;
  for (; i <= end - WORD_BYTES; i += WORD_BYTES) {
    const specials = specialsOf(words.getInt32(i, true));
    if (specials !== 0) {
      i += firstMarked(specials);
      return bytes[i] === QUOTE ? i : -1;
    }
  }
  for (; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === QUOTE) return i;
    if (byte === BACKSLASH || byte < PRINTABLE_MIN) return -1;
  }
  return -1;
}
