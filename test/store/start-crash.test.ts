/** Starts that end at any call, by a kill or a loss of power: the next one comes to the same end as one that nothing has disturbed. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { vouchAtStart } from '../../src/store/checkpoint.ts';
import { type RecoveredStore, recoverStore } from '../../src/store/recovery.ts';
import { CrashedError, type CrashMode, type SimDisk } from '../support/sim-disk.ts';
import { onSimDisk } from '../support/sim-store.ts';
import { SMALL_SHAPE, SMALL_SIZES, type SmallStore, smallPaths, smallStore } from '../support/small-store.ts';

const INDEX = { directory: smallPaths.index, shape: SMALL_SHAPE };
/** Loss of power with something kept is drawn so often. */
const DRAWS = 4;

function recover(disk: SimDisk): RecoveredStore {
  const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop: false, index: INDEX };
  return recoverStore(disk, smallPaths, settings, { info: () => {}, warn: () => {} });
}

interface Started {
  readonly found: object;
  /** Sizes of the files of the log that it has left. */
  readonly segments: readonly number[];
  /** What it has kept of those that it has taken off. */
  readonly kept: readonly string[];
}

function started(disk: SimDisk): Started {
  const { logStart, logEnd, dispatchFrom, newestStoreTimestamp, queues } = recover(disk);
  const filesIn = (folder: string): string[] => disk.list(folder).map((name) => `${folder}/${name}`);
  return {
    found: { logStart, logEnd, dispatchFrom, newestStoreTimestamp, queues },
    segments: filesIn(smallPaths.commitLog).map((path) => disk.stat(path)!.size),
    kept: filesIn(`${smallPaths.commitLog}.cut`).map((path) => Buffer.from(disk.readWhole(path)).toString('latin1')),
  };
}

const WAYS: readonly (readonly [mode: CrashMode, kept: number])[] = [
  ['kill', 1],
  ['power', 0],
  ['power', 1],
  ...Array.from({ length: DRAWS }, () => ['power', 0.5] as const),
];

/** Every start of this store, ended at one of its calls, and what the next one finds. */
function expectSameAfterCrash({ disk: memory }: SmallStore): Started {
  const store = onSimDisk(memory, smallPaths.root);
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
  return expected;
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

/** Nothing is vouched for, and nothing was flushed behind the first file: names and pages of the others have got there as it happened. */
function tornByPowerLoss(): SmallStore {
  const store = smallStore(120);
  store.disk.unlink(segmentOf(4096));
  store.disk.unlink('/store/consumequeue/T/0/00000000000000000400');
  store.disk.put('/store/consumequeue/T/1/00000000000000000400', '');
  vouchAtStart(store.disk, smallPaths.checkpoint, NOTHING);
  return store;
}

const NOTHING = { filedTo: 0, lookFrom: 0, indexEnd: -1, stoppedAt: -1, queueCount: 0, queueEntries: 0 };

describe('a start that ends at any call', () => {
  it('can be made again on a store that Apache has left', () => {
    const store = leftByApache();
    const { found, segments } = expectSameAfterCrash(store);
    expect(found).toMatchObject({ logEnd: store.logEnd });
    expect(segments).toEqual([4096, 4096]);
  });

  it('can be made again on a store that a loss of power has torn, and keeps what it takes off the log', () => {
    const store = tornByPowerLoss();
    const torn = store.disk.list(smallPaths.commitLog).slice(1);
    expect(torn).toHaveLength(3);
    const { segments, kept } = expectSameAfterCrash(store);
    expect(segments).toEqual([4096]);
    const contents = torn.map((name) => Buffer.from(store.disk.readWhole(`${smallPaths.commitLog}/${name}`)));
    expect(kept).toEqual(contents.map((bytes) => bytes.toString('latin1')));
  });
});
