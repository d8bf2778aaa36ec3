import { describe, expect, it } from 'vitest';
import { slowProgress } from '../../src/threads/slow-progress.ts';
import { TestClock } from './test-net.ts';

const MIB = 1024 * 1024;
const END = 2000 * MIB;

describe('the progress of a slow start', () => {
  it('is told every two seconds, and not for every record', () => {
    const clock = new TestClock();
    const lines: string[] = [];
    const progress = slowProgress(clock, (line) => lines.push(line), 'walking');
    progress(0, END);
    clock.passMs(2000);
    progress(MIB - 1, END);
    progress(MIB, END);
    progress(2 * MIB, END);
    clock.passMs(2000);
    progress(3 * MIB, END);
    expect(lines).toEqual([`walking: at ${MIB} of ${END}`, `walking: at ${3 * MIB} of ${END}`]);
  });

  it('goes on when the walk begins again further back', () => {
    const clock = new TestClock();
    const lines: string[] = [];
    const progress = slowProgress(clock, (line) => lines.push(line), 'walking');
    progress(1000 * MIB, END);
    clock.passMs(2000);
    progress(0, END);
    clock.passMs(2000);
    progress(MIB, END);
    expect(lines).toEqual([`walking: at 0 of ${END}`, `walking: at ${MIB} of ${END}`]);
  });
});
