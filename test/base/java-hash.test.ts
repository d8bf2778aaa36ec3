import { describe, expect, it } from 'vitest';
import { javaHashCode, javaHashOfUtf8 } from '../../src/base/java-hash.ts';
import { goldenJson } from '../support/golden.ts';

const { rows } = goldenJson<{ rows: { s: string; javaHash: number; tagsCode: number }[] }>('answers/hashes.json');

describe('answers/hashes', () => {
  it.each(rows)('$s', ({ s, javaHash, tagsCode }) => {
    expect(javaHashCode(s)).toBe(javaHash);
    expect(javaHash).toBe(tagsCode);
    const bytes = Buffer.from(s);
    // A lone surrogate has no UTF-8.
    if (bytes.toString() === s) expect(javaHashOfUtf8(bytes, 0, bytes.length)).toBe(javaHash);
  });

  it('takes a byte order mark for a character like others', () => {
    for (const s of ['\ufeffkey', 'abc\ufeff', 'ab\u00e9\ufeff']) {
      const bytes = Buffer.from(s);
      expect(javaHashOfUtf8(bytes, 0, bytes.length)).toBe(javaHashCode(s));
    }
  });
});
