/** The look for another broker: when it is taken, and what it makes of a process without descriptors. */
import { describe, expect, it } from 'vitest';
import { DiskFailedError } from '../../../src/store/disk.ts';
import { StoreWatch } from '../../../src/threads/control/store-watch.ts';

const PERIOD_MS = 500;

/** Answers a look with the next of these; an error is thrown. */
function watchOf(...answers: readonly (string | null | Error)[]): StoreWatch {
  const left = [...answers];
  const takenBy = (): string | null => {
    const answer = left.shift();
    if (answer === undefined) throw new Error('nobody should have looked');
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return new StoreWatch({ takenBy }, 0);
}

describe('the watch over the store', () => {
  it('looks twice a second and names who has taken it', () => {
    const watch = watchOf(null, 'process 7');
    expect(watch.look(PERIOD_MS - 1)).toBeNull();
    expect(watch.look(PERIOD_MS)).toBeNull();
    expect(watch.look(PERIOD_MS + 1)).toBeNull();
    expect(watch.look(2 * PERIOD_MS)).toBe('process 7');
  });

  it.each(['EMFILE', 'ENFILE'])('looks again later when there is no descriptor (%s)', (code) => {
    const watch = watchOf(new DiskFailedError('abort', 'read', code), 'process 7');
    expect(watch.look(PERIOD_MS)).toBeNull();
    expect(watch.look(PERIOD_MS + 1)).toBeNull();
    expect(watch.look(2 * PERIOD_MS)).toBe('process 7');
  });

  it('hands on any other failure of the disk', () => {
    expect(() => watchOf(new DiskFailedError('abort', 'read', 'EIO')).look(PERIOD_MS)).toThrow('EIO');
  });
});
