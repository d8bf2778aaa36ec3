import { expect, it } from 'vitest';
import { decadeTicks, linearScale, logScale, roundTicks } from '../../../src/bench/report/svg.ts';

it('maps values onto lengths', () => {
  expect(linearScale(0, 10, 100, 0)(2.5)).toBe(75);
  const log = logScale(1, 1_000, 0, 300);
  expect([1, 10, 1_000].map(log)).toEqual([0, 100, 300]);
  expect(log(0)).toBe(0);
});

it.each([
  [9, [0, 2.5, 5, 7.5, 10]],
  [100_000, [0, 25_000, 50_000, 75_000, 100_000]],
  [1, [0, 0.25, 0.5, 0.75, 1]],
])('has round steps up to %d', (max, ticks) => {
  expect(roundTicks(max)).toEqual(ticks);
});

it('has decades around the values', () => {
  expect(decadeTicks(70, 30_000)).toEqual([10, 100, 1_000, 10_000, 100_000]);
  expect(decadeTicks(100, 100)).toEqual([100, 1_000]);
});
