import { expect, it } from 'vitest';
import {
  encodeHistogram,
  mergeHistograms,
  newHistogram,
  percentileCurve,
  recordUs,
  summarize,
} from '../../src/bench/histograms.ts';

function histogramOf(values: readonly number[]): string {
  const histogram = newHistogram();
  for (const value of values) recordUs(histogram, value);
  return encodeHistogram(histogram);
}

const low = Array.from({ length: 900 }, (_unused, at) => 100 + at);
const high = Array.from({ length: 100 }, (_unused, at) => 1_000_000 + at * 1_000);

it('merges what several threads recorded into what one would have', () => {
  const merged = mergeHistograms([histogramOf(low), '', histogramOf(high)]);
  expect(summarize(merged)).toEqual(summarize(mergeHistograms([histogramOf([...low, ...high])])));
});

it('has percentiles within the three digits it keeps', () => {
  const summary = summarize(mergeHistograms([histogramOf(low), histogramOf(high)]));
  expect(summary.count).toBe(1_000);
  expect(summary.percentilesUs['50']).toBeCloseTo(599, -1);
  expect(summary.percentilesUs['90']).toBeCloseTo(999, -1);
  expect(summary.percentilesUs['99']! / 1_089_000).toBeCloseTo(1, 2);
  expect(summary.maxUs / 1_099_000).toBeCloseTo(1, 2);
});

it('takes what is beyond its range for its end, and no time for less than none', () => {
  const summary = summarize(mergeHistograms([histogramOf([-5, 1e12])]));
  expect(summary.count).toBe(2);
  expect(summary.percentilesUs['50']).toBe(0);
  expect(summary.maxUs).toBeGreaterThan(599e6);
});

it('is empty when nothing was recorded', () => {
  expect(summarize(mergeHistograms(['', '']))).toMatchObject({ count: 0, meanUs: 0, maxUs: 0, histogram: '' });
});

it('draws a curve that rises to the last request', () => {
  const summary = summarize(mergeHistograms([histogramOf(low), histogramOf(high)]));
  const curve = percentileCurve(summary);
  expect(curve[0]).toEqual({ share: 0, valueUs: expect.closeTo(100, 0) });
  expect(curve.at(-1)?.share).toBeCloseTo(0.999, 6);
  for (const [at, point] of curve.entries()) {
    expect(point.valueUs).toBeGreaterThanOrEqual(curve[at - 1]?.valueUs ?? 0);
  }
});
