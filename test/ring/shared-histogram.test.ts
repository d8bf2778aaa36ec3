import fc from 'fast-check';
import { build } from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import { HISTOGRAM_BYTES, SharedHistogram } from '../../src/ring/shared-histogram.ts';

function histogramOf(values: readonly number[]): SharedHistogram {
  const histogram = new SharedHistogram(new SharedArrayBuffer(HISTOGRAM_BYTES), 0);
  for (const value of values) histogram.record(value);
  return histogram;
}

const values = fc.array(fc.integer({ min: 0, max: 0x7fffffff }), { minLength: 1, maxLength: 100 });
const percentiles = [0, 0.5, 0.9, 0.99, 1];

/** The value at the same rank of the sorted list. */
function exactPercentile(sorted: readonly number[], p: number): number {
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)]!;
}

describe('a shared histogram', () => {
  it('knows every percentile to 1/64, never too low', () => {
    fc.assert(
      fc.property(values, (list) => {
        const snapshot = histogramOf(list).snapshot();
        const sorted = list.toSorted((a, b) => a - b);
        for (const p of percentiles) {
          const exact = exactPercentile(sorted, p);
          const found = snapshot.percentile(p);
          if (found < exact || found > exact * (1 + 1 / 64)) throw new Error(`p${p} is ${found}, not ${exact}`);
        }
        expect(snapshot.count).toBe(list.length);
        expect(snapshot.max).toBe(sorted.at(-1));
      }),
    );
  });

  it('agrees with HdrHistogram', () => {
    const hdr = build({ highestTrackableValue: 0x7fffffff, numberOfSignificantValueDigits: 3 });
    const list = Array.from({ length: 10_000 }, (_, i) => Math.floor(1.002 ** i % 1e6) + i);
    for (const value of list) hdr.recordValue(value);
    const snapshot = histogramOf(list).snapshot();
    for (const p of [0.5, 0.9, 0.99, 0.999]) {
      const expected = hdr.getValueAtPercentile(p * 100);
      expect(Math.abs(snapshot.percentile(p) - expected) / expected).toBeLessThan(0.02);
    }
    expect(snapshot.mean).toBeCloseTo(list.reduce((sum, one) => sum + one, 0) / list.length, 6);
  });

  it('counts what is out of range at its ends, and nothing is 0', () => {
    const snapshot = histogramOf([-5, Number.NaN, 0.9, 1e12]).snapshot();
    expect([snapshot.count, snapshot.max, snapshot.percentile(0.5), snapshot.percentile(1)]).toEqual([
      4, 0x7fffffff, 0, 0x7fffffff,
    ]);
    const empty = histogramOf([]).snapshot();
    expect([empty.count, empty.mean, empty.max, empty.percentile(0.99)]).toEqual([0, 0, 0, 0]);
  });
});
