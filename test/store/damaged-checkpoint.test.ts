/** Which times of a checkpoint count, and what a start after a crash does with the others. RingMQ has not said anything in any of these. */
import { describe, expect, it } from 'vitest';
import { CheckpointWriter, type EMPTY_CHECKPOINT, readCheckpoint } from '../../src/store/checkpoint.ts';
import { type RecoveredStore, recoverStore } from '../../src/store/recovery.ts';
import { damagedStore, goldenPaths, goldenStore, goldenVariants } from '../support/golden-store.ts';
import { GOLDEN_INDEX } from '../support/index-builds.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import {
  SMALL_INDEX,
  SMALL_SHAPE,
  SMALL_SIZES,
  type SmallStore,
  smallPaths,
  smallStore,
} from '../support/small-store.ts';
import { kindsOf, verified } from '../support/verified.ts';

const COUNT = 100;
const HOUR_MS = 3_600_000;
const YEARS_MS = 1e11;
const INDEX = { directory: smallPaths.index, shape: SMALL_SHAPE };
const NEWEST_MS = smallStore(COUNT).records.at(-1)!.storeTimestamp;

function crashed(times: Partial<typeof EMPTY_CHECKPOINT>): SmallStore {
  const store = smallStore(COUNT);
  const writer = new CheckpointWriter(store.disk, smallPaths.checkpoint);
  writer.write(times, null);
  writer.close();
  store.disk.put(smallPaths.abort, '1');
  return store;
}

function allTimes(ms: number): Partial<typeof EMPTY_CHECKPOINT> {
  return { logTimestamp: ms, queuesTimestamp: ms, indexTimestamp: ms };
}

interface Start {
  readonly store: RecoveredStore;
  /** Lines that name the checkpoint. */
  readonly warnings: readonly string[];
}

function start(disk: MemoryDisk, nowMs: number): Start {
  const warnings: string[] = [];
  const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop: false, index: INDEX, nowMs };
  const log = { info: () => {}, warn: (line: string) => warnings.push(line) };
  const store = recoverStore(disk, smallPaths, settings, log);
  return { store, warnings: warnings.filter((line) => line.includes(smallPaths.checkpoint)) };
}

/** As a loss of power leaves the second of many files of the log. */
function lose({ disk, records }: SmallStore): number {
  const lost = records.find(({ logOffset }) => logOffset > SMALL_SIZES.segmentSizeBytes)!.logOffset;
  const name = String(SMALL_SIZES.segmentSizeBytes).padStart(20, '0');
  disk.bytesOf(`${smallPaths.commitLog}/${name}`).fill(0, lost - SMALL_SIZES.segmentSizeBytes);
  return lost;
}

describe('a start after a crash', () => {
  it('looks through the whole log where the checkpoint names times to come', () => {
    const store = crashed(allTimes(NEWEST_MS + YEARS_MS));
    const lost = lose(store);
    expect(() => start(store.disk, NEWEST_MS + HOUR_MS)).toThrow(`the log is damaged at ${lost} `);
  });

  it('does not believe an index file because of a time to come', () => {
    const store = crashed({ indexTimestamp: NEWEST_MS + YEARS_MS });
    const started = start(store.disk, NEWEST_MS + HOUR_MS);
    expect(started.warnings).toHaveLength(1);
    expect(store.disk.stat(SMALL_INDEX)).toBeNull();
    expect(started.store.dispatchFrom).toBe(0);
  });

  it.each<[what: string, times: Partial<typeof EMPTY_CHECKPOINT>, nowMs: number]>([
    // The clock was set back since: what is stored is of later than now as well.
    ['of records that are of later than now', allTimes(NEWEST_MS), NEWEST_MS - HOUR_MS],
    // Upstream names what is in a queue before it is flushed in the log: a loss of power takes it from the log.
    ['of queues that were ahead of the log', { queuesTimestamp: NEWEST_MS + HOUR_MS }, NEWEST_MS + HOUR_MS],
    // With a pool of buffers upstream names what is in one of them only.
    ['of a log that was to be written', { logTimestamp: NEWEST_MS + HOUR_MS }, NEWEST_MS + HOUR_MS],
  ])('takes the times %s as they are, without a word', (_what, times, nowMs) => {
    const usual = start(crashed({}).disk, NEWEST_MS);
    const { disk } = crashed(times);
    const started = start(disk, nowMs);
    expect(started.warnings).toEqual([]);
    expect(started.store.word).toEqual(usual.store.word);
    expect(started.store.word!.filedTo).toBeGreaterThan(0);
  });
});

describe("the checkpoints that Apache's broker has left", () => {
  it.each([
    ['clean', () => goldenStore('clean')],
    ['killed', () => goldenStore('killed')],
    // Without its log a start refuses it.
    ...goldenVariants
      .filter(({ name }) => name !== 'no-log')
      .map((variant) => [variant.name, () => damagedStore(variant)] as const),
  ] as const)('count, in %s', (_name, open) => {
    const disk = open();
    const said = readCheckpoint(disk, goldenPaths.checkpoint);
    const cleanStop = disk.stat(goldenPaths.abort) === null;
    const sizes = { segmentSizeBytes: 1_048_576, queueFileSizeBytes: 1000 };
    const settings = { ...sizes, checksBodies: true, cleanStop, index: GOLDEN_INDEX };
    // Looked at as soon as it was written.
    const nowMs = Math.max(said.logTimestamp, said.queuesTimestamp, said.indexTimestamp);
    const warnings: string[] = [];
    const log = { info: () => {}, warn: (line: string) => warnings.push(line) };
    expect(recoverStore(disk, goldenPaths, { ...settings, nowMs }, log).checkpoint).toEqual(said);
    expect(warnings.filter((line) => line.includes(goldenPaths.checkpoint))).toEqual([]);
  });
});

describe('verify', () => {
  const look = (disk: MemoryDisk, nowMs: number) =>
    verified(disk, smallPaths, { sizes: SMALL_SIZES, shape: SMALL_SHAPE, nowMs });

  it.each([true, false])('finds what a start does not take for times, after a stop in order: %s', async (isClean) => {
    for (const times of [allTimes(-1), { queuesTimestamp: -1 }, allTimes(NEWEST_MS + YEARS_MS)]) {
      const { disk } = crashed(times);
      if (isClean) disk.unlink(smallPaths.abort);
      const report = await look(disk, NEWEST_MS + HOUR_MS);
      expect(kindsOf(report)).toEqual(['checkpoint-damaged repair', 'checkpoint-missing repair']);
    }
  });

  it('says of everything else what it says where there is no checkpoint', async () => {
    const store = crashed(allTimes(NEWEST_MS + YEARS_MS));
    lose(store);
    const { findings } = await look(store.disk, NEWEST_MS + HOUR_MS);
    store.disk.unlink(smallPaths.checkpoint);
    const without = await look(store.disk, NEWEST_MS + HOUR_MS);
    expect(findings.filter(({ kind }) => kind !== 'checkpoint-damaged')).toEqual(without.findings);
  });
});
