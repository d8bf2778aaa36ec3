import { describe, expect, it } from 'vitest';
import { slowProgress } from '../../src/threads/slow-progress.ts';
import { TestClock } from './test-net.ts';

const MIB = 1024 * 1024;

describe('the progress of a slow start', () => {
  it('is told every two seconds, and not for every record', () => {
    const clock = new TestClock();
    const lines: string[] = [];
    const progress = slowProgress(clock, (line) => lines.push(line), 'walking');
    progress(0);
    clock.passMs(2000);
    progress(MIB - 1);
    progress(MIB);
    progress(2 * MIB);
    clock.passMs(2000);
    progress(3 * MIB);
    expect(lines).toEqual([`walking: at ${MIB}`, `walking: at ${3 * MIB}`]);
  });

  it('goes on when the walk begins again further back', () => {
    const clock = new TestClock();
    const lines: string[] = [];
    const progress = slowProgress(clock, (line) => lines.push(line), 'walking');
    progress(1000 * MIB);
    clock.passMs(2000);
    progress(0);
    clock.passMs(2000);
    progress(MIB);
    expect(lines).toEqual(['walking: at 0', `walking: at ${MIB}`]);
  });
});
