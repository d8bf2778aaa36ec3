/**
 * Text in bytes, four at a time: the scanners on net look at every byte of every header, and a word costs about as much as a byte (0.35
 * against 1.1 ns a byte on the machine of native-free-bench/remoting). A word is little-endian, so its lowest byte is the first.
 */

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
/** Control characters must be escaped in JSON; what fastjson makes of raw ones is the general path's business. */
export const PRINTABLE_MIN = 0x20;
export const WORD_BYTES = 4;

const QUOTES = 0x22222222;
const BACKSLASHES = 0x5c5c5c5c;
const PRINTABLE_MINS = 0x20202020;
const ONES = 0x01010101;
const TOP_BITS = 0x80808080 | 0;

/**
 * Nonzero when the word holds a quote, a backslash or a control character. Then the lowest bit set is the top bit of the first such
 * byte; bits above it may be wrong.
 */
export function specialsOf(word: number): number {
  const quotes = word ^ QUOTES;
  const backslashes = word ^ BACKSLASHES;
  return (
    (((quotes - ONES) & ~quotes) | ((backslashes - ONES) & ~backslashes) | ((word - PRINTABLE_MINS) & ~word)) & TOP_BITS
  );
}

/** Index, 0 to 3, of the byte that the lowest set bit of {@link specialsOf} is in. */
export function firstOf(specials: number): number {
  return (31 - Math.clz32(specials & -specials)) >>> 3;
}

/** Position of the quote that ends the text at `at`, or -1 when there is none or something in the text is escaped. */
export function plainTextEnd(bytes: Uint8Array, words: DataView, at: number, end: number): number {
  let i = at;
  for (; i <= end - WORD_BYTES; i += WORD_BYTES) {
    const specials = specialsOf(words.getInt32(i, true));
    if (specials !== 0) {
      i += firstOf(specials);
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

export function isAscii(bytes: Uint8Array, words: DataView, start: number, end: number): boolean {
  let i = start;
  for (; i <= end - WORD_BYTES; i += WORD_BYTES) if ((words.getInt32(i, true) & TOP_BITS) !== 0) return false;
  for (; i < end; i++) if (bytes[i]! >= 0x80) return false;
  return true;
}

let lastBytes = new Uint8Array(0);
let lastWords = new DataView(lastBytes.buffer);

/** The same memory as words, at the same positions. One view is made for each chunk, not for each frame in it. */
export function wordsOf(bytes: Uint8Array): DataView {
  if (bytes !== lastBytes) {
    lastBytes = bytes as Uint8Array<ArrayBuffer>;
    lastWords = new DataView(lastBytes.buffer, lastBytes.byteOffset, lastBytes.length);
  }
  return lastWords;
}

/** An ASCII text in words; the last one overlaps the one before unless the length is a multiple of four. Empty for less than a word. */
export function wordsOfText(text: string): Int32Array {
  const bytes = Buffer.from(text, 'latin1');
  const words = new Int32Array(bytes.length < WORD_BYTES ? 0 : Math.ceil(bytes.length / WORD_BYTES));
  for (let i = 0; i < words.length; i++) {
    words[i] = bytes.readInt32LE(Math.min(i * WORD_BYTES, bytes.length - WORD_BYTES));
  }
  return words;
}

/** True when the bytes from `start` to `end`, as many as the text has, are `text`, which is not empty. */
export function equalWords(text: Int32Array, words: DataView, start: number, end: number): boolean {
  const last = text.length - 1;
  for (let i = 0; i < last; i++) if (text[i] !== words.getInt32(start + i * WORD_BYTES, true)) return false;
  return text[last] === words.getInt32(end - WORD_BYTES, true);
}
