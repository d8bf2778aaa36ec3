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

function recover(disk: SimDisk, cleanStop: boolean): RecoveredStore {
  const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop, index: INDEX };
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
  const { logStart, logEnd, dispatchFrom, newestStoreTimestamp, queues } = recover(disk, false);
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

/**
 * Every start of this store, ended at one of its calls or behind them, and what the next one finds. To that one the store was not stopped in order, whatever
 * it was to the first: it finds what it would have found without the first.
 */
function expectSameAfterCrash({ disk: memory }: SmallStore, cleanStop = false): Started {
  const store = onSimDisk(memory, smallPaths.root);
  const random = seededRandom(7);
  const expected = started(store.copy(random));
  const whole = store.copy(random);
  recover(whole, cleanStop);
  const { calls } = whole;
  expect(calls).toBeGreaterThan(0);
  // The last time behind its end.
  for (let call = 1; call <= calls + 1; call++) {
    for (const [mode, kept] of WAYS) {
      const disk = store.copy(random);
      disk.crashAt = call;
      if (call <= calls) expect(() => recover(disk, cleanStop)).toThrow(CrashedError);
      else recover(disk, cleanStop);
      expect(started(disk.afterCrash(mode, random, kept)), `call ${call}, ${mode}, ${kept}`).toEqual(expected);
    }
  }
  return expected;
}

/** As Apache's broker leaves it: with files that were made ahead of time, and here a record that was cut short. */
function leftByApache(ahead = 1, filledWith = 0): SmallStore {
  const { segmentSizeBytes } = SMALL_SIZES;
  const store = smallStore(40);
  const newest = store.logEnd - (store.logEnd % segmentSizeBytes);
  const { size } = store.records.at(-1)!;
  store.disk.bytesOf(segmentOf(newest)).fill(0xab, store.logEnd, store.logEnd + size);
  for (let i = 1; i <= ahead; i++) {
    store.disk.put(segmentOf(newest + i * segmentSizeBytes), new Uint8Array(segmentSizeBytes).fill(filledWith));
  }
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

const NOTHING = { filedTo: 0, lookFrom: 0, indexEnd: -1, stoppedAt: -1, queueCount: 0, queueEntries: 0, logStart: 0 };

describe('a start that ends at any call', () => {
  it('can be made again on a store that Apache has left', () => {
    const store = leftByApache();
    const { found, segments } = expectSameAfterCrash(store);
    expect(found).toMatchObject({ logEnd: store.logEnd });
    expect(segments).toEqual([4096, 4096]);
  });

  it.each([
    ['removes', 0, 0],
    ['keeps', 7, 3],
  ])(
    'can be made again where it %s several files behind the end, and nobody says how far the log was flushed',
    (_, filledWith, count) => {
      const { segments, kept } = expectSameAfterCrash(leftByApache(3, filledWith));
      expect([segments, kept.length]).toEqual([[4096, 4096], count]);
    },
  );

  it('can be made again on a store that Apache has stopped in order', () => {
    const store = leftByApache(3);
    const last = store.records.at(-1)!;
    // Its entries go too.
    store.disk.bytesOf(segmentOf(4096)).fill(0, last.logOffset - 4096);
    const { found, segments } = expectSameAfterCrash(store, true);
    expect(found).toMatchObject({ logEnd: last.logOffset, queues: [{ next: 20 }, { next: 19 }] });
    expect(segments).toEqual([4096, 4096]);
  });

  it('can be made again where whole records behind the end are kept', () => {
    const store = smallStore(40);
    const { logOffset, size } = store.records[33]!;
    store.disk.bytesOf(segmentOf(4096)).fill(0, logOffset - 4096, logOffset - 4096 + size);
    const behind = store.disk.readWhole(segmentOf(4096)).slice(logOffset - 4096, store.logEnd - 4096);
    const { found, kept } = expectSameAfterCrash(store);
    expect(found).toMatchObject({ logEnd: logOffset });
    expect(kept).toEqual([Buffer.from(behind).toString('latin1')]);
  });

  it('has what it keeps on the disk before it wipes it, also where one that was killed has begun to', () => {
    const small = smallStore(40);
    const { logOffset, size } = small.records[33]!;
    small.disk.bytesOf(segmentOf(4096)).fill(0, logOffset - 4096, logOffset - 4096 + size);
    const behind = Buffer.from(small.disk.readWhole(segmentOf(4096)).slice(logOffset - 4096, small.logEnd - 4096));
    const store = onSimDisk(small.disk, smallPaths.root);
    const random = seededRandom(7);
    const whole = store.copy(random);
    recover(whole, false);
    const kept = `${smallPaths.commitLog}.cut/bytes-from-${logOffset}`;
    for (let call = 1; call <= whole.calls; call++) {
      const killed = store.copy(random);
      killed.crashAt = call;
      expect(() => recover(killed, false)).toThrow(CrashedError);
      const next = killed.afterCrash('kill', random, 1);
      recover(next, false);
      const left = next.afterCrash('power', random, 0);
      const copies = left.stat(kept) === null ? [] : [Buffer.from(left.readWhole(kept))];
      const log = Buffer.from(left.readWhole(segmentOf(4096))).subarray(logOffset - 4096, small.logEnd - 4096);
      expect([...copies, log], `call ${call}`).toContainEqual(behind);
    }
  });

  it('can be made again on one that was stopped in order, with bytes of others behind its end', () => {
    const store = leftByApache(3, 7);
    const last = store.records.at(-1)!.logOffset;
    const stopped = { filedTo: store.logEnd, lookFrom: 0, indexEnd: last, stoppedAt: store.logEnd };
    vouchAtStart(store.disk, smallPaths.checkpoint, { ...stopped, queueCount: 2, queueEntries: 40, logStart: 0 });
    const { segments, kept } = expectSameAfterCrash(store, true);
    expect([segments, kept.length]).toEqual([[4096, 4096], 3]);
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
