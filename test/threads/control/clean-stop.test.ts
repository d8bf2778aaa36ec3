import { beforeEach, describe, expect, it } from 'vitest';
import { isStopClean } from '../../../src/threads/control/clean-stop.ts';
import { allocateBrokerMemory, type ControlEnds, controlEnds } from '../../../src/threads/topology.ts';

describe('a stop in order', () => {
  let ends: ControlEnds;
  let areFiled: boolean;
  const isClean = (): boolean => isStopClean(ends, { areFiled: () => areFiled });

  beforeEach(() => {
    ends = controlEnds(allocateBrokerMemory('inline', 1), false);
    areFiled = true;
    for (const name of ['written', 'flushed', 'dispatched', 'queuesSyncedTo'] as const) ends[name].advance(1000);
  });

  it('has everything in its place, of a store without messages too', () => {
    expect(isClean()).toBe(true);
    expect(isStopClean(controlEnds(allocateBrokerMemory('inline', 1), false), { areFiled: () => true })).toBe(true);
  });

  it('is none when the log is not flushed, not dispatched to its end, or not durable in its queues', () => {
    ends.written.advance(1001);
    expect(isClean()).toBe(false);
    ends.flushed.advance(1001);
    expect(isClean()).toBe(false);
    ends.dispatched.advance(1001);
    expect(isClean()).toBe(false);
    ends.queuesSyncedTo.advance(1001);
    expect(isClean()).toBe(true);
  });

  it('is none when entries are in no file', () => {
    areFiled = false;
    expect(isClean()).toBe(false);
  });

  it('is none after a failure', () => {
    ends.page.status.fail(2, 1);
    expect(isClean()).toBe(false);
  });
});
