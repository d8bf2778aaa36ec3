/**
 * Java's `String.hashCode`: h = 31 * h + unit over UTF-16 code units, signed 32 bits. Tags codes and index slots are built of it
 * (spec/store.md 3.10 and 9.2). Called by dispatch for each record, by control for subscriptions.
 */

/** Hash of a JavaScript string, whose units are the same as Java's. */
export function javaHashCode(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}

/** A byte order mark is a character like others. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

const P2 = 31 * 31;
const P3 = P2 * 31;
const P4 = P3 * 31;
const STEP = 4;
const NOT_ASCII = 0x80;

/** Hash of the UTF-8 text in `bytes[start, end)`, continuing from `seed`; makes a string only when it meets a byte that is not ASCII. */
export function javaHashOfUtf8(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  let hash = seed;
  let i = start;
  // Four bytes at once: their products do not wait for each other.
  for (; i + STEP <= end; i += STEP) {
    const a = bytes[i]!;
    const b = bytes[i + 1]!;
    const c = bytes[i + 2]!;
    const d = bytes[i + 3]!;
    if ((a | b | c | d) >= NOT_ASCII) break;
    hash = (Math.imul(hash, P4) + Math.imul(a, P3) + Math.imul(b, P2) + Math.imul(c, 31) + d) | 0;
  }
  for (; i < end; i++) {
    const byte = bytes[i]!;
    if (byte >= NOT_ASCII) return continueHash(hash, utf8.decode(Uint8Array.prototype.slice.call(bytes, i, end)));
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  return hash;
}

function continueHash(seed: number, rest: string): number {
  let hash = seed;
  for (let i = 0; i < rest.length; i++) hash = (Math.imul(hash, 31) + rest.charCodeAt(i)) | 0;
  return hash;
}
