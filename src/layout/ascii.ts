/**
 * Numbers as the text that headers, properties and ids hold: read from and written to bytes in place, without a string. Called on net
 * for each send and pull.
 */

const ZERO = 0x30;
const MINUS = 0x2d;
const INT32_DIGITS_MAX = 10;
/** Any number of this many digits is a safe integer. */
const LONG_DIGITS_MAX = 15;
/** Nine digits fit a small integer. */
const LOW_DIGITS = 9;
export const LONG_UNIT = 1e9;
/** No run of digits has this value, and no half of a long number: the first are not negative, the second are below 10^9. */
export const NOT_DECIMAL = -0x80000000;
const DECIMAL_DIGITS_MAX = 16;

/** Room for any safe integer and its sign. */
export const DECIMAL_SIZE_MAX_BYTES = DECIMAL_DIGITS_MAX + 1;

/** The int32 whose decimal digits are `bytes[start, end)`; NaN for anything else, a plus sign included. */
export function decimalInt32(bytes: Uint8Array, start: number, end: number): number {
  const negative = bytes[start] === MINUS;
  const first = negative ? start + 1 : start;
  if (end - first > INT32_DIGITS_MAX) return Number.NaN;
  const magnitude = digits(bytes, first, end);
  if (magnitude === NOT_DECIMAL) return Number.NaN;
  const value = negative ? 0 - magnitude : magnitude;
  return (value | 0) === value ? value : Number.NaN;
}

/**
 * The two halves of a decimal of up to 15 digits: what stands above its last nine digits, and these, both with the sign. The number is
 * `high * LONG_UNIT + low`. Two small integers, because a function that returns a larger one makes a heap number of it whenever it is
 * not inlined: 16 bytes for each message. NOT_DECIMAL for anything else, longer numbers included, whatever their value.
 */
export function decimalLongHigh(bytes: Uint8Array, start: number, end: number): number {
  const negative = bytes[start] === MINUS;
  const first = negative ? start + 1 : start;
  const split = end - LOW_DIGITS;
  if (split <= first) return 0;
  if (end - first > LONG_DIGITS_MAX) return NOT_DECIMAL;
  const magnitude = digits(bytes, first, split);
  return negative && magnitude !== NOT_DECIMAL ? 0 - magnitude : magnitude;
}

/** See {@link decimalLongHigh}. */
export function decimalLongLow(bytes: Uint8Array, start: number, end: number): number {
  const negative = bytes[start] === MINUS;
  const first = negative ? start + 1 : start;
  const magnitude = digits(bytes, Math.max(first, end - LOW_DIGITS), end);
  return negative && magnitude !== NOT_DECIMAL ? 0 - magnitude : magnitude;
}

function digits(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return NOT_DECIMAL;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit >>> 0 > 9) return NOT_DECIMAL;
    value = value * 10 + digit;
  }
  return value;
}

/** Writes a safe integer in decimal and returns the position behind it. */
export function putDecimal(bytes: Uint8Array, at: number, value: number): number {
  let first = at;
  let rest = value;
  if (value < 0) {
    bytes[first++] = MINUS;
    rest = -value;
  }
  let low = rest;
  let lowDigits = 1;
  if (rest >= LONG_UNIT) {
    const high = Math.floor(rest / LONG_UNIT);
    first = putDecimal(bytes, first, high);
    low = rest - high * LONG_UNIT;
    lowDigits = LOW_DIGITS;
  } else {
    for (let bound = 10; low >= bound && lowDigits < LOW_DIGITS; bound *= 10) lowDigits++;
  }
  const end = first + lowDigits;
  let remaining = low | 0;
  for (let i = end - 1; i >= first; i--) {
    const tens = (remaining / 10) | 0;
    bytes[i] = ZERO + remaining - tens * 10;
    remaining = tens;
  }
  return end;
}

const HEX_DIGITS = Uint8Array.from('0123456789ABCDEF', (digit) => digit.charCodeAt(0));
const INT32_NIBBLES = 8;
const TWO_32 = 0x1_0000_0000;

/** Digits of an int64 in hex. */
export const HEX_INT64_BYTES = 2 * INT32_NIBBLES;

/** Writes a safe integer that is not negative as 16 upper-case hex digits. */
export function putHexInt64(bytes: Uint8Array, at: number, value: number): void {
  putHexInt32(bytes, at, Math.floor(value / TWO_32));
  putHexInt32(bytes, at + INT32_NIBBLES, value | 0);
}

function putHexInt32(bytes: Uint8Array, at: number, value: number): void {
  let rest = value;
  for (let i = at + INT32_NIBBLES - 1; i >= at; i--) {
    bytes[i] = HEX_DIGITS[rest & 0xf]!;
    rest >>>= 4;
  }
}

/** Copies a short run of bytes; below some 40 bytes a loop beats `set`. Returns the position behind it. */
export function putBytes(bytes: Uint8Array, at: number, run: Uint8Array): number {
  for (let i = 0; i < run.length; i++) bytes[at + i] = run[i]!;
  return at + run.length;
}
