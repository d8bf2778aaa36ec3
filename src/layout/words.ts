/**
 * Bytes four at a time, for the code that looks at every byte of every header and property list: a word costs about as much as a byte
 * (0.35 against 1.1 ns a byte on the machine of native-free-bench/remoting). A word is little-endian: its lowest byte is the first.
 */

export const WORD_BYTES = 4;
/** The top bit of each byte of a word. */
export const TOP_BITS = 0x80808080 | 0;
/** A word of ones; times a byte, that byte four times. */
export const ONES = 0x01010101;

/**
 * Index, 0 to 3, of the byte that the lowest set bit of `marks` is in. Marks come from the usual test of all bytes at once, which may
 * mark wrong bytes behind a right one, so only the first counts.
 */
export function firstMarked(marks: number): number {
  return (31 - Math.clz32(marks & -marks)) >>> 3;
}

export function isAscii(bytes: Uint8Array, words: DataView, start: number, end: number): boolean {
  let i = start;
  for (; i <= end - WORD_BYTES; i += WORD_BYTES) if ((words.getInt32(i, true) & TOP_BITS) !== 0) return false;
  for (; i < end; i++) if (bytes[i]! >= 0x80) return false;
  return true;
}

let lastBytes = new Uint8Array(0) as Uint8Array;
let lastWords = new DataView(lastBytes.buffer);
let olderBytes = lastBytes;
let olderWords = lastWords;

/**
 * The same memory as words, at the same positions. The two views that were made last are kept (a socket's chunk and a scanner's
 * scratch), so that one is made for each chunk and not for each frame in it.
 */
export function wordsOf(bytes: Uint8Array): DataView {
  if (bytes === lastBytes) return lastWords;
  if (bytes === olderBytes) return olderWords;
  olderBytes = lastBytes;
  olderWords = lastWords;
  lastBytes = bytes;
  lastWords = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
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
