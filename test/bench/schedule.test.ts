import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Schedule } from '../../src/bench/schedule.ts';

const schedules = fc.record({
  startUs: fc.integer({ min: 0, max: 2 ** 45 }),
  durationUs: fc.integer({ min: 1_000, max: 10_000_000 }),
  ratePerSecond: fc.double({ min: 0.5, max: 2_000_000, noNaN: true }),
});

it('has every message due exactly from its intended time on', () => {
  fc.assert(
    fc.property(schedules, fc.double({ min: 0, max: 1, noNaN: true }), ({ startUs, durationUs, ratePerSecond }, at) => {
      const schedule = new Schedule(startUs, startUs + durationUs, ratePerSecond);
      fc.pre(schedule.total > 0);
      const index = Math.min(schedule.total - 1, Math.floor(at * schedule.total));
      const intendedUs = schedule.intendedUs(index);
      expect(schedule.dueBy(intendedUs + 1)).toBeGreaterThan(index);
      expect(schedule.dueBy(intendedUs - 1)).toBeLessThanOrEqual(index);
    }),
  );
});

it('keeps its rate and its end', () => {
  const schedule = new Schedule(1_000_000, 3_000_000, 10_000);
  expect(schedule.total).toBe(20_000);
  expect(schedule.dueBy(999_999)).toBe(0);
  // Within one tick.
  expect(Math.abs(schedule.dueBy(2_000_000) - 10_000)).toBeLessThanOrEqual(2);
  expect(schedule.dueBy(9_000_000)).toBe(20_000);
  expect(schedule.intendedUs(19_999)).toBeLessThan(3_000_000);
});

it('has ticks that a thread can be woken for, and messages of their own below that', () => {
  expect(new Schedule(0, 1e6, 100_000).tickUs).toBe(200);
  expect(new Schedule(0, 1e6, 1_000).tickUs).toBe(1_000);
  expect(new Schedule(0, 1e6, 1_000).intendedUs(7)).toBe(7_000);
});
