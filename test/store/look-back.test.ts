import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LOOK_BACK_BYTES } from '../../src/base/limits.ts';
import { LookBack } from '../../src/store/look-back.ts';

const MIB = 1024 * 1024;
const PLACE_MAX = 1024 * MIB;

describe('from where a start after a clean stop looks', () => {
  it('is where the look before has begun as long as there is nothing better', () => {
    const lookBack = new LookBack(5);
    expect(lookBack.from(5)).toBe(5);
    lookBack.passed(7 * MIB);
    expect(lookBack.from(7 * MIB)).toBe(5);
  });

  it('is so far back as is enough, but not much further', () => {
    const steps = fc.array(fc.integer({ min: 1, max: LOOK_BACK_BYTES / 2 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: PLACE_MAX }), steps, (begin, lengths) => {
        const lookBack = new LookBack(begin);
        const places = [begin];
        for (const length of lengths) {
          places.push(places.at(-1)! + length);
          lookBack.passed(places.at(-1)!);
        }
        const end = places.at(-1)!;
        const from = lookBack.from(end);
        expect(places).toContain(from);
        // A quarter is what places are apart, and another half the longest step.
        expect(end - from).toBeLessThan(LOOK_BACK_BYTES * 2);
        if (end - begin >= LOOK_BACK_BYTES) expect(end - from).toBeGreaterThanOrEqual(LOOK_BACK_BYTES);
        else expect(from).toBe(begin);
      }),
    );
  });
});
