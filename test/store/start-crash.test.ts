/** Starts that end at any call, by a kill or a loss of power: the next one comes to the same end as one that nothing has disturbed. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { type RecoveredStore, recoverStore } from '../../src/store/recovery.ts';
import { CrashedError, type CrashMode, type SimDisk } from '../simulator/sim-disk.ts';
import { onSimDisk } from '../support/sim-store.ts';
import { SMALL_SHAPE, SMALL_SIZES, type SmallStore, smallPaths, smallStore } from '../support/small-store.ts';

const INDEX = { directory: smallPaths.index, shape: SMALL_SHAPE };
/** Loss of power with something kept is drawn so often. */
const DRAWS = 4;

function recover(disk: SimDisk): RecoveredStore {
  const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop: false, index: INDEX };
  return recoverStore(disk, smallPaths, settings, { info: () => {}, warn: () => {} });
}

/** What a start has found, and the files of the log that it has left. */
function started(disk: SimDisk): object {
  const { logStart, logEnd, dispatchFrom, newestStoreTimestamp, queues } = recover(disk);
  const segments = disk.list(smallPaths.commitLog).map((name) => disk.stat(`${smallPaths.commitLog}/${name}`)!.size);
  return { logStart, logEnd, dispatchFrom, newestStoreTimestamp, queues, segments };
}

const WAYS: readonly (readonly [mode: CrashMode, kept: number])[] = [
  ['kill', 1],
  ['power', 0],
  ['power', 1],
  ...Array.from({ length: DRAWS }, () => ['power', 0.5] as const),
];

/** Every start of this store, ended at one of its calls, and what the next one finds. */
function expectSameAfterCrash(store: SimDisk): void {
  const random = seededRandom(7);
  const whole = store.copy(random);
  const expected = started(whole);
  const calls = whole.calls;
  expect(calls).toBeGreaterThan(0);
  for (let call = 1; call <= calls; call++) {
    for (const [mode, kept] of WAYS) {
      const disk = store.copy(random);
      disk.crashAt = call;
      expect(() => recover(disk)).toThrow(CrashedError);
      expect(started(disk.afterCrash(mode, random, kept)), `call ${call}, ${mode}, ${kept}`).toEqual(expected);
    }
  }
}

/** As Apache's broker leaves it: with the next file made ahead of time, and here a record that was cut short. */
function leftByApache(): SmallStore {
  const store = smallStore(40);
  const newest = store.logEnd - (store.logEnd % SMALL_SIZES.segmentSizeBytes);
  const { size } = store.records.at(-1)!;
  store.disk.bytesOf(segmentOf(newest)).fill(0xab, store.logEnd, store.logEnd + size);
  store.disk.put(segmentOf(newest + SMALL_SIZES.segmentSizeBytes), new Uint8Array(SMALL_SIZES.segmentSizeBytes));
  return store;
}

function segmentOf(start: number): string {
  return `${smallPaths.commitLog}/${String(start).padStart(20, '0')}`;
}

describe('a start that ends at any call', () => {
  it('can be made again on a store that Apache has left', () => {
    const { disk, logEnd } = leftByApache();
    const store = onSimDisk(disk, smallPaths.root);
    expect(started(store.copy(seededRandom(1)))).toMatchObject({ logEnd, segments: [4096, 4096] });
    expectSameAfterCrash(store);
  });
});
