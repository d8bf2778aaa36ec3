import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decimalInt32,
  decimalLongHigh,
  decimalLongLow,
  HEX_INT64_BYTES,
  LONG_UNIT,
  NOT_DECIMAL,
  putDecimal,
  putHexInt64,
} from '../../src/layout/ascii.ts';

function decimalLong(bytes: Uint8Array, start: number, end: number): number {
  const high = decimalLongHigh(bytes, start, end);
  const low = decimalLongLow(bytes, start, end);
  return high === NOT_DECIMAL || low === NOT_DECIMAL ? Number.NaN : high * LONG_UNIT + low;
}

const around = (text: string) => [Buffer.from(`9${text}9`), 1, 1 + Buffer.byteLength(text)] as const;

describe('decimals', () => {
  it('are written as JavaScript writes them, and read again', () => {
    const bytes = Buffer.alloc(32);
    fc.assert(
      fc.property(
        fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.constantFrom(0, 1e9, 1e9 - 1, 1e15, -1e9)),
        (value) => {
          const end = putDecimal(bytes, 3, value);
          expect(bytes.toString('latin1', 3, end)).toBe(String(value));
          if (Math.abs(value) < 1e15) expect(decimalLong(bytes, 3, end)).toBe(value);
          expect(decimalInt32(bytes, 3, end)).toBe((value | 0) === value ? value : Number.NaN);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it.each(['', '-', '+1', '1.0', ' 1', '1 ', '0x1', '1234567890123456', '99999999999'])('refuses %j', (text) => {
    expect(decimalInt32(...around(text))).toBeNaN();
    if (text.length !== 11) expect(decimalLong(...around(text))).toBeNaN();
  });

  it.each([
    ['-0', 0],
    ['007', 7],
    ['-2147483648', -2_147_483_648],
    ['2147483647', 2_147_483_647],
  ])('reads %s', (text, value) => {
    expect(decimalInt32(...around(text))).toBe(value);
    expect(decimalLong(...around(text))).toBe(value);
  });
});

describe('hex', () => {
  it('has sixteen upper-case digits', () => {
    const bytes = Buffer.alloc(HEX_INT64_BYTES + 2, '.');
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        putHexInt64(bytes, 1, value);
        expect(bytes.toString('latin1')).toBe(`.${value.toString(16).toUpperCase().padStart(HEX_INT64_BYTES, '0')}.`);
      }),
    );
  });
});
