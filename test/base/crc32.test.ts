import { describe, expect, it } from 'vitest';
import { bodyCrc32 } from '../../src/base/crc32.ts';
import { goldenJson } from '../support/golden.ts';

const { rows } = goldenJson<{ rows: { base64: string | null; crc32: number }[] }>('answers/crc32.json');

describe('answers/crc32', () => {
  it('has the checksums of Apache, the sign bit cleared', () => {
    expect(rows.length).toBeGreaterThan(10);
    for (const { base64, crc32 } of rows)
      expect(bodyCrc32(Buffer.from(base64 ?? '', 'base64')), String(base64)).toBe(crc32);
  });
});
