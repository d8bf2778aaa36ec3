import fc from 'fast-check';
import { expect, it } from 'vitest';
import { copyInto } from '../../src/ring/copy-into.ts';

const SOURCE = Uint8Array.from({ length: 4096 }, (_, i) => (i * 31 + 7) & 0xff);

it('copies exactly the bytes asked for, from any start to any place', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(600), fc.nat(1000), fc.nat(64), (start, length, targetAt, sourceShift) => {
      const source = SOURCE.subarray(sourceShift);
      const target = Buffer.from(new SharedArrayBuffer(2048)).fill(0xee);
      const expected = new Uint8Array(2048).fill(0xee);
      expected.set(source.subarray(start, start + length), targetAt);
      copyInto(target, targetAt, source, start, start + length);
      expect(target.equals(expected)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

it.each([0, 1, 39, 40, 41, 159, 160, 161, 4096])('copies %i bytes whichever way is chosen for the length', (length) => {
  const target = Buffer.from(new SharedArrayBuffer(4099)).fill(0xee);
  copyInto(target, 1, SOURCE, 0, length);
  expect(target.subarray(1, 1 + length).equals(SOURCE.subarray(0, length))).toBe(true);
  expect([target[0], target[1 + length]]).toEqual([0xee, 0xee]);
});
