/** What the tools take for the settings of a store that they are not given. */
import { describe, expect, it } from 'vitest';
import { storeArguments } from '../../src/cli/store-arguments.ts';
import { INDEX_UNKNOWN, NO_INDEX_KEPT, type Vouched } from '../../src/layout/checkpoint-file.ts';
import { vouchAtStart } from '../../src/store/checkpoint.ts';
import { smallPaths, smallStore } from '../support/small-store.ts';

describe('whether a store is to have a key index', () => {
  /** By the word that is in the checkpoint, and what is given. */
  function wanted(word: Partial<Vouched> | null, set: readonly string[] = []): boolean {
    const { disk, logEnd } = smallStore(10);
    const counts = { queueCount: 2, queueEntries: 10, logStart: 0 };
    const stopped = { filedTo: logEnd, lookFrom: 0, indexEnd: NO_INDEX_KEPT, stoppedAt: logEnd, ...counts };
    if (word !== null) vouchAtStart(disk, smallPaths.checkpoint, { ...stopped, ...word });
    return storeArguments(disk, '/store', { set }).wantsIndex;
  }

  it('follows from what the last stop has said', () => {
    expect(wanted({})).toBe(false);
    expect(wanted({ indexEnd: 900 })).toBe(true);
  });

  it('is so where nobody knows: before a stop, in a repair, after another broker', () => {
    expect(wanted({ stoppedAt: -1, queueCount: 0, queueEntries: 0 })).toBe(true);
    expect(wanted({ indexEnd: INDEX_UNKNOWN })).toBe(true);
    expect(wanted(null)).toBe(true);
  });

  it('is what is given', () => {
    expect(wanted({}, ['messageIndexEnable=true'])).toBe(true);
    expect(wanted({ indexEnd: 900 }, ['messageIndexEnable=false'])).toBe(false);
  });
});
