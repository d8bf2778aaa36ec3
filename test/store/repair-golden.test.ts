/**
 * Repairs the damaged variants of Apache's store: what verify calls fine afterwards must also be what Apache serves of such a store, where our
 * decisions do not differ, and the good records must be the bytes that they were.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { asQueueOffset } from '../../src/base/units.ts';
import { QUEUE_ENTRY_BYTES } from '../../src/layout/queue-entry.ts';
import { ConsumeQueueReader } from '../../src/store/consume-queue.ts';
import { recoverStore } from '../../src/store/recovery.ts';
import {
  damagedStore,
  GOLDEN_QUEUE_FILE_BYTES,
  GOLDEN_SEGMENT_BYTES,
  type GoldenStoreIndex,
  goldenPaths,
  goldenStore,
  goldenStoreIndex,
  goldenVariants,
} from '../support/golden-store.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import { KEPT_FOLDER, type RepairedOptions, repaired } from '../support/repaired.ts';
import { kindsOf } from '../support/verified.ts';

const SIZES = { segmentSizeBytes: GOLDEN_SEGMENT_BYTES, queueFileSizeBytes: GOLDEN_QUEUE_FILE_BYTES };
const SHAPE = { slots: 300, entries: 800 };
const DAMAGED_AT = 3_589_718;

/** What a broker that starts then serves of each queue. */
function served(disk: MemoryDisk): { logEnd: number; queues: Record<string, unknown> } {
  expect(disk.stat(goldenPaths.abort), 'the store counts as stopped in order').toBeNull();
  const settings = {
    ...SIZES,
    checksBodies: true,
    cleanStop: true,
    index: { directory: goldenPaths.index, shape: SHAPE },
  };
  const store = recoverStore(disk, goldenPaths, settings, { info: () => {}, warn: () => {} });
  expect(store.dispatchFrom, 'nothing is left to be built').toBe(store.logEnd);
  const reader = new ConsumeQueueReader(disk, goldenPaths.consumeQueue, GOLDEN_QUEUE_FILE_BYTES, 4);
  const queues: [string, unknown][] = store.queues.map(({ topic, queueId, min, max }) => {
    const bytes = Buffer.alloc((max - min) * QUEUE_ENTRY_BYTES);
    reader.read(topic, queueId, asQueueOffset(min), max - min, bytes, 0);
    return [`${topic}/${queueId}`, { min, max, entriesSha256: createHash('sha256').update(bytes).digest('hex') }];
  });
  reader.close();
  return { logEnd: store.logEnd, queues: Object.fromEntries(queues) };
}

function expectedOf(index: GoldenStoreIndex): { logEnd: number; queues: Record<string, unknown> } {
  const simple = index.queues.filter(({ type, maxOffset }) => type === 'SimpleCQ' && maxOffset > 0);
  const queues = simple.map(({ topic, queueId, minOffset: min, maxOffset: max, entriesSha256 }) => [
    `${topic}/${queueId}`,
    { min, max, entriesSha256 },
  ]);
  return { logEnd: index.commitLog.maxOffset, queues: Object.fromEntries(queues) };
}

interface Case {
  readonly name: string;
  readonly options?: RepairedOptions;
  /** The index whose outcome is expected, where it is not the variant's own. */
  readonly like?: string;
  readonly kept?: number;
}

const CASES: readonly Case[] = [
  { name: 'head-deleted' },
  { name: 'tail-deleted' },
  { name: 'crash-torn-record', kept: 1 },
  // Apache's and ours: the damaged record and those behind it are cut. Here only because the operator says so.
  { name: 'crash-bad-body', options: { cutAt: DAMAGED_AT }, kept: 1 },
  { name: 'clean-bad-body', options: { cutAt: DAMAGED_AT }, kept: 1 },
  { name: 'crash-no-checkpoint' },
  // No file tells its size any more.
  { name: 'crash-no-queues', options: { sizes: SIZES } },
  { name: 'clean-no-queues', options: { sizes: SIZES } },
  // Apache serves the queue without its last message; the log still has it.
  { name: 'clean-queue-tail-zero', like: 'clean.index.json' },
  { name: 'crash-queue-tail-zero' },
  { name: 'clean-garbage-after-end', kept: 1 },
];

const HARMLESS = ['queue-deleted nothing', 'topic-missing nothing'];

describe("repair of Apache's damaged stores", () => {
  it.each(CASES)('$name', async ({ name, options, like, kept = 0 }) => {
    const variant = goldenVariants.find((candidate) => candidate.name === name)!;
    const disk = damagedStore(variant);
    const before = disk.copy();
    const { end, ok, kept: files, verified } = await repaired(disk, goldenPaths, options);
    expect([end, ok], kindsOf(verified.report).join()).toEqual([
      name === 'head-deleted' ? 'nothing to do' : 'repaired',
      true,
    ]);
    const left = kindsOf(verified.report).filter((kind) => !HARMLESS.includes(kind));
    expect(left).toEqual([]);
    expect(files).toHaveLength(kept);
    expectGoodRecordsKept(before, disk, verified.report.log.end);
    const index = goldenStoreIndex(like ?? variant.expect);
    const { queues, logEnd } = served(disk);
    expect(queues).toEqual(expectedOf(index).queues);
    // A filler that no file follows: Apache counts it to the log until it writes, and so does verify.
    if (name !== 'tail-deleted') expect(logEnd).toBe(index.commitLog.maxOffset);
    expect(disk.openFiles).toBe(0);
  });

  function expectGoodRecordsKept(before: MemoryDisk, after: MemoryDisk, logEnd: number): void {
    for (const name of after.list(goldenPaths.commitLog)) {
      const path = `${goldenPaths.commitLog}/${name}`;
      const within = Math.max(0, Math.min(GOLDEN_SEGMENT_BYTES, logEnd - Number(name)));
      expect(
        Buffer.compare(after.bytesOf(path).subarray(0, within), before.bytesOf(path).subarray(0, within)),
        name,
      ).toBe(0);
    }
  }

  it('keeps what it cuts: put back, the log is what it was', async () => {
    const variant = goldenVariants.find(({ name }) => name === 'clean-bad-body')!;
    const disk = damagedStore(variant);
    const segment = `${goldenPaths.commitLog}/00000000000003145728`;
    const before = disk.bytesOf(segment).slice();
    const { kept } = await repaired(disk, goldenPaths, { cutAt: DAMAGED_AT });
    expect(kept).toEqual([`${KEPT_FOLDER}/bytes-from-${DAMAGED_AT}`]);
    disk.bytesOf(segment).set(disk.readWhole(kept[0]!), DAMAGED_AT - 3_145_728);
    expect(Buffer.compare(disk.bytesOf(segment), before)).toBe(0);
  });

  it.each(['crash-bad-body', 'clean-bad-body', 'no-log'])('%s: refuses, and changes nothing', async (name) => {
    const disk = damagedStore(goldenVariants.find((variant) => variant.name === name)!);
    disk.journal.length = 0;
    const { end, ok, plan } = await repaired(disk, goldenPaths);
    expect([end, ok]).toEqual(['refused', false]);
    expect(plan.refusals[0]).toMatch(name === 'no-log' ? /put it back first/ : /--cut-at 3589718/);
    expect(disk.journal).toEqual([]);
  });

  it('builds everything again, and it is what Apache has built, byte for byte', async () => {
    const disk = goldenStore('clean');
    const byApache = goldenStore('clean');
    const { plan, ok } = await repaired(disk, goldenPaths, { all: true });
    // All but the two of delayed messages, which are fine: their times of delivery are in no other file.
    expect([ok, plan.build.length, plan.buildIndex]).toEqual([true, 44, true]);
    for (const path of filesBelow(byApache, goldenPaths.consumeQueue)) {
      expect(Buffer.compare(disk.bytesOf(path), byApache.bytesOf(path)), path).toBe(0);
    }
    const index = filesBelow(disk, goldenPaths.index);
    const indexByApache = filesBelow(byApache, goldenPaths.index);
    expect(index).toHaveLength(indexByApache.length);
    expect(Buffer.compare(disk.bytesOf(index[0]!), byApache.bytesOf(indexByApache[0]!))).toBe(0);
  });
});

function filesBelow(disk: MemoryDisk, directory: string): string[] {
  return disk.list(directory).flatMap((name) => {
    const path = `${directory}/${name}`;
    return disk.stat(path)!.isDirectory ? filesBelow(disk, path) : [path];
  });
}
