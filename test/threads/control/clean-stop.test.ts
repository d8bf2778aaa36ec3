import { beforeEach, describe, expect, it } from 'vitest';
import { isStopClean } from '../../../src/threads/control/clean-stop.ts';
import { allocateBrokerMemory, type ControlEnds, controlEnds } from '../../../src/threads/topology.ts';

describe('a stop in order', () => {
  let ends: ControlEnds;
  let areFiled: boolean;
  const isClean = (): boolean => isStopClean(ends, { areFiled: () => areFiled });

  beforeEach(() => {
    ends = controlEnds(allocateBrokerMemory('inline', 1));
    areFiled = true;
    for (const name of ['written', 'flushed', 'dispatched'] as const) ends[name].advance(1000);
    for (const name of ['writtenAt', 'queuesSyncedAt'] as const) ends[name].advance(50);
  });

  it('has everything in its place, of a store without messages too', () => {
    expect(isClean()).toBe(true);
    expect(isStopClean(controlEnds(allocateBrokerMemory('inline', 1)), { areFiled: () => true })).toBe(true);
  });

  it('is none when the log is not flushed or not dispatched to its end', () => {
    ends.written.advance(1001);
    expect(isClean()).toBe(false);
    ends.flushed.advance(1001);
    expect(isClean()).toBe(false);
    ends.dispatched.advance(1001);
    expect(isClean()).toBe(true);
  });

  it('is none when entries are in no file', () => {
    areFiled = false;
    expect(isClean()).toBe(false);
  });

  it('is none when entries are in files that are not durable', () => {
    ends.writtenAt.advance(51);
    expect(isClean()).toBe(false);
    ends.queuesSyncedAt.advance(51);
    expect(isClean()).toBe(true);
  });

  it('is none after a failure', () => {
    ends.page.status.fail(2, 1);
    expect(isClean()).toBe(false);
  });
});
