/** Finding and filling the fields of fixed width in frames that were encoded beforehand. Used by the send and pull frames. */

const ZERO = 0x30;

/**
 * Where two encodings of the same frame begin to differ: the place of the field that was changed between them, whichever way the header is
 * encoded.
 */
export function firstDifference(frame: Uint8Array, other: Uint8Array): number {
  if (frame.length !== other.length) throw new Error('a field that is to be patched has no fixed width');
  return frame.findIndex((byte, at) => byte !== other[at]);
}

/** Writes a number that is not negative with leading zeros. */
export function putDigits(bytes: Uint8Array, at: number, width: number, value: number): void {
  let rest = value;
  for (let i = at + width - 1; i >= at; i--) {
    const tens = Math.floor(rest / 10);
    bytes[i] = ZERO + rest - tens * 10;
    rest = tens;
  }
}
