import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { Bell, OWN_LINE_BYTES } from '../../src/layout/shared-page.ts';
import { COUNTERS, STAGES, StatusPage, WATERMARKS } from '../../src/ring/status-page.ts';

const THREADS = 16;

describe('a status page', () => {
  it('keeps every word apart from all others', () => {
    const memory = StatusPage.allocate();
    const page = new StatusPage(memory);
    for (const [i, name] of WATERMARKS.entries()) page.watermark(name).advance(1000 + i);
    for (let thread = 0; thread < THREADS; thread++) {
      new Int32Array(memory, page.bellAt(thread) + Bell.sleepingAt, 1)[0] = 1;
      page.setParked(thread, 300 + thread);
      page.beat(thread);
      for (const [i, name] of COUNTERS.entries()) page.add(thread, name, 10 ** (i % 4));
    }
    for (const [i, name] of STAGES.entries()) page.stage(name).record(i + 1);
    page.setDiskFull({ log: 91, queues: 100 });
    for (const [i, name] of WATERMARKS.entries()) expect(page.watermark(name).read()).toBe(1000 + i);
    for (let thread = 0; thread < THREADS; thread++) {
      expect(page.parked(thread)).toBe(300 + thread);
      expect(page.beats(thread)).toBe(1);
    }
    for (const [i, name] of COUNTERS.entries()) expect(page.counter(name)).toBe(THREADS * 10 ** (i % 4));
    for (const [i, name] of STAGES.entries())
      expect(page.stage(name).snapshot()).toMatchObject({ count: 1, max: i + 1 });
    expect(page.diskFull()).toEqual({ log: 91, queues: 100 });
    page.setDiskFull(null);
    expect(page.diskFull()).toBeNull();
    expect(page.failed()).toBe(false);
    expect(page.bellAt(1) - page.bellAt(0)).toBe(OWN_LINE_BYTES);
    expect(() => page.bellAt(THREADS)).toThrow(InvariantError);
  });

  it('keeps the first failure, thread and code together', () => {
    const page = new StatusPage(StatusPage.allocate());
    expect(page.failure()).toBeNull();
    expect(page.fail(0, 0)).toBe(true);
    expect(page.failure()).toEqual({ thread: 0, code: 0 });
    const other = new StatusPage(StatusPage.allocate());
    expect(other.fail(15, 77)).toBe(true);
    expect(other.fail(3, 1)).toBe(false);
    expect(other.failed()).toBe(true);
    expect(other.failure()).toEqual({ thread: 15, code: 77 });
  });

  it('stops the broker whatever the code is', () => {
    for (const code of [-1, 0x7fffff, 2 ** 31, Number.NaN]) {
      const page = new StatusPage(StatusPage.allocate());
      expect(page.fail(2, code)).toBe(true);
      expect(page.failure()?.thread).toBe(2);
    }
  });
});

describe('a watermark', () => {
  it('only grows, beyond 32 bits too, and goes on where it stands', () => {
    const memory = StatusPage.allocate();
    const watermark = new StatusPage(memory).watermark('flushed');
    watermark.advance(2 ** 40 + 1);
    watermark.advance(2 ** 40 + 1);
    expect(() => watermark.advance(2 ** 40)).toThrow(InvariantError);
    const again = new StatusPage(memory).watermark('flushed');
    expect(again.read()).toBe(2 ** 40 + 1);
    expect(() => again.advance(5)).toThrow(InvariantError);
  });
});
