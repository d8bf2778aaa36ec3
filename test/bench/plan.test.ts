import { expect, it } from 'vitest';
import { type BenchOption, BenchUsageError, benchOptions, benchSettings } from '../../src/bench/options.ts';
import { halfOf, loadThreads, openLoopLanes, plannedMs, planOf, shareLanes } from '../../src/bench/plan.ts';

it('compares both modes in about 90 s by default, in about 15 with --quick', () => {
  const seconds = (raw: { quick?: boolean }): number => {
    const settings = benchSettings(raw);
    return (settings.flush.length * plannedMs(planOf(settings))) / 1000;
  };
  expect(benchSettings({}).flush).toEqual(['async', 'sync']);
  // The rest of the time goes to starting, stopping and reading back.
  expect(seconds({})).toBeGreaterThan(55);
  expect(seconds({})).toBeLessThan(75);
  expect(seconds({ quick: true })).toBeGreaterThan(8);
  expect(seconds({ quick: true })).toBeLessThan(12);
});

it('runs the closed loops before the open ones, which need their best', () => {
  const kinds = planOf(benchSettings({})).map((phase) => phase.kind);
  expect(kinds).toEqual([...Array(4).fill('throughput'), ...Array(3).fill('latency')]);
});

it('halves the best in three digits', () => {
  expect([246_913, 1_999, 7, 0].map(halfOf)).toEqual([123_000, 999, 3, 1]);
});

it.each([
  [1, 4],
  [3, 4],
  [4, 4],
  [1024, 3],
])('spreads %i requests in flight over %i connections without gap or overlap', (inFlight, connections) => {
  const shares = shareLanes(inFlight, connections);
  expect(shares).toHaveLength(Math.min(inFlight, connections));
  let next = 0;
  for (const { firstLane, lanes } of shares) {
    expect(firstLane).toBe(next);
    expect(lanes).toBeGreaterThanOrEqual(Math.floor(inFlight / shares.length));
    next += lanes;
  }
  expect(next).toBe(inFlight);
});

it('bounds what verification must remember and what is in flight', () => {
  expect(openLoopLanes(4, 8, 1024)).toBe(16_384);
  expect(openLoopLanes(4, 8192, 1024) * 8192).toBeLessThanOrEqual(32 * 1024 * 1024);
  expect(openLoopLanes(4, 8, 4_000_000) * 4_000_000).toBeLessThanOrEqual(256 * 1024 * 1024);
  expect(openLoopLanes(100, 8, 4_000_000)).toBe(100);
});

it('leaves a small machine to the broker', () => {
  expect([2, 4, 8, 64].map((cores) => loadThreads(cores, 16))).toEqual([1, 1, 2, 8]);
});

it('reads every flag that it shows', () => {
  const given = (option: BenchOption): string | true => (/[<[]/.test(option.flags) ? (option.default ?? '1') : true);
  for (const option of benchOptions) {
    if (option.repeatable === true) continue;
    expect(() => benchSettings({ [option.name]: given(option) })).not.toThrow();
  }
});

it.each([
  [{ size: '10' }, '--size'],
  [{ inFlight: '1,,2' }, '--in-flight'],
  [{ rate: 'fast' }, '--rate'],
  [{ flush: 'never' }, '--flush'],
  [{ flush: 'none' }, '--flush'],
  [{ duration: '0' }, '--duration'],
  [{ target: 'a:1', namesrv: 'b:1' }, '--target or --namesrv'],
])('refuses %o and names the flag', (raw, flag) => {
  expect(() => benchSettings(raw)).toThrow(BenchUsageError);
  expect(() => benchSettings(raw)).toThrow(flag);
});
