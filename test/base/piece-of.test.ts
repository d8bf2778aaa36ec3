import { describe, expect, it } from 'vitest';
import { pieceOf } from '../../src/base/piece-of.ts';

describe('pieceOf', () => {
  it('views the same memory, whichever memories are asked for in turn', () => {
    const shared = Buffer.from(new SharedArrayBuffer(64));
    const inside = Buffer.from(new Uint8Array(64).buffer, 16, 32);
    for (const bytes of [shared, inside, shared]) {
      const piece = pieceOf(bytes, 3, 9);
      piece.set([1, 2, 3, 4, 5, 6]);
      expect([...bytes.subarray(2, 10)]).toEqual([0, 1, 2, 3, 4, 5, 6, 0]);
      bytes.fill(0);
    }
    expect(pieceOf(inside, 5, 5)).toHaveLength(0);
  });
});
