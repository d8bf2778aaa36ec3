import { describe, expect, it } from 'vitest';
import { SharedBuffers } from '../../src/ring/shared-buffers.ts';

const KIB = 1024;

describe('shared buffers', () => {
  it('are as long as asked for, in few sizes', () => {
    const buffers = new SharedBuffers(0);
    const sizes = [0, 1, 256 * KIB, 256 * KIB + 1, 5_000_000].map((length) => buffers.take(length).byteLength);
    expect(sizes).toEqual([256 * KIB, 256 * KIB, 256 * KIB, 512 * KIB, 8192 * KIB]);
  });

  it('are lent again when they are back, and to nobody before', () => {
    const buffers = new SharedBuffers(1024 * KIB);
    const first = buffers.take(1);
    const second = buffers.take(1);
    expect(second).not.toBe(first);
    buffers.give(first);
    expect(buffers.take(300 * KIB)).not.toBe(first);
    expect(buffers.take(2)).toBe(first);
    expect(buffers.take(2)).not.toBe(first);
  });

  it('are kept up to a bound', () => {
    const buffers = new SharedBuffers(512 * KIB);
    const lent = [buffers.take(1), buffers.take(1), buffers.take(1)];
    for (const buffer of lent) buffers.give(buffer);
    const again = new Set([buffers.take(1), buffers.take(1), buffers.take(1)]);
    expect(lent.filter((buffer) => again.has(buffer))).toEqual(lent.slice(0, 2));
  });

  it('do not come back twice', () => {
    const buffers = new SharedBuffers(1024 * KIB);
    const buffer = buffers.take(1);
    buffers.give(buffer);
    expect(() => buffers.give(buffer)).toThrow('given back once');
  });
});
