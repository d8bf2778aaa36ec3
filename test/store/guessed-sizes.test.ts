/** Stores whose sizes nobody gives, and whose files do not tell them for sure: verify says so, and repair changes nothing by a guess. */
import { describe, expect, it } from 'vitest';
import { CheckpointWriter } from '../../src/store/checkpoint.ts';
import { knownSettings } from '../../src/store/known-settings.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import { type RepairedOptions, type RepairedStore, repaired } from '../support/repaired.ts';
import { SMALL_SHAPE, SMALL_SIZES, type SmallStore, smallPaths, smallStore } from '../support/small-store.ts';
import { kindsOf, verified } from '../support/verified.ts';

const SEGMENT = '/store/commitlog/00000000000000000000';
const QUEUE = '/store/consumequeue/T/0/00000000000000000000';
const OTHER_QUEUE = '/store/consumequeue/T/1/00000000000000000000';
const LARGE = { ...SMALL_SIZES, segmentSizeBytes: 64_000 };
/** One file of the log, of two queues each. */
const COUNT = 36;

/** RingMQ's word that all of the log has been on the disk. */
function vouch({ disk, logEnd }: SmallStore): void {
  const checkpoint = new CheckpointWriter(disk, smallPaths.checkpoint);
  const counts = { queueCount: 2, queueEntries: COUNT, logStart: 0 };
  checkpoint.write({}, { filedTo: logEnd, lookFrom: 0, indexEnd: -1, stoppedAt: logEnd, ...counts });
  checkpoint.close();
}

function shorten(disk: MemoryDisk, path: string, size: number): void {
  disk.put(path, disk.readWhole(path).slice(0, size));
}

async function found({ disk }: SmallStore): Promise<string[]> {
  return kindsOf(await verified(disk, smallPaths, { shape: SMALL_SHAPE }));
}

/** With nothing given but the shape of the index. */
function repair({ disk }: SmallStore, options: RepairedOptions = {}): Promise<RepairedStore> {
  disk.journal.length = 0;
  return repaired(disk, smallPaths, { shape: SMALL_SHAPE, ...options });
}

const twoQueues = (): SmallStore => smallStore(COUNT, () => ({}), LARGE);
const oneQueue = (): SmallStore => smallStore(COUNT / 2, () => ({ queueId: 0 }), LARGE);
const GUESSED = 'size-guessed settings';
const SEGMENTS = { sizes: { segmentSizeBytes: LARGE.segmentSizeBytes } };

describe('sizes that are not told for sure', () => {
  it('of one file of the log: verify goes by it and says so, and repair asks as soon as there is something to do', async () => {
    const store = twoQueues();
    expect(await found(store)).toEqual([GUESSED]);
    expect((await repair(store)).end).toBe('nothing to do');
    store.disk.bytesOf(OTHER_QUEUE).fill(1, 40, 45);
    const { end, plan } = await repair(store);
    expect([end, store.disk.journal]).toEqual(['refused', []]);
    expect(plan.refusals).toEqual([expect.stringMatching(/mappedFileSizeCommitLog is: give it with --set or -c$/)]);
    expect((await repair(store, SEGMENTS)).end).toBe('repaired');
  });

  it('of a file of the log that has lost records: it is damaged, whatever its size', async () => {
    const store = twoQueues();
    vouch(store);
    shorten(store.disk, SEGMENT, 4096);
    expect(await found(store)).toEqual(expect.arrayContaining(['segment-size! restore']));
    const { end, plan } = await repair(store);
    expect([end, store.disk.journal]).toEqual(['refused', []]);
    expect(plan.refusals[0]).toMatch(/put the whole file back first/);
  });

  it('of a file of the log that has lost records of which nobody has said so: repair does not cut the last one', async () => {
    const store = twoQueues();
    shorten(store.disk, SEGMENT, 4000);
    expect(await found(store)).toContain(GUESSED);
    const { end } = await repair(store);
    expect([end, store.disk.journal]).toEqual(['refused', []]);
  });

  it('of a queue beside one of another size: the larger one counts, and repair builds none before it is told', async () => {
    const store = twoQueues();
    shorten(store.disk, QUEUE, 180);
    const whole = store.disk.readWhole(OTHER_QUEUE);
    const { findings } = await verified(store.disk, smallPaths, { shape: SMALL_SHAPE, ...SEGMENTS });
    expect(findings.filter(({ matters }) => matters).map(({ file, what }) => [file, what])).toEqual([
      ['/store/consumequeue/T/0', expect.stringMatching(/no entry for its last 9 records/)],
      [QUEUE, expect.stringMatching(/has 180 bytes, not 400/)],
    ]);
    const { end, plan } = await repair(store, SEGMENTS);
    expect([end, store.disk.journal]).toEqual(['refused', []]);
    expect(plan.refusals).toEqual([expect.stringMatching(/mappedFileSizeConsumeQueue is: give it with --set or -c$/)]);
    expect((await repair(store, { sizes: LARGE })).plan.build).toHaveLength(1);
    expect(Buffer.compare(store.disk.readWhole(OTHER_QUEUE), whole)).toBe(0);
    expect(store.disk.stat(QUEUE)?.size).toBe(400);
  });

  it('of the only queue, cut behind its entries', async () => {
    const store = oneQueue();
    shorten(store.disk, QUEUE, 360);
    expect(await found(store)).toEqual([GUESSED]);
    shorten(store.disk, QUEUE, 340);
    const { end, plan } = await repair(store, SEGMENTS);
    expect([end, store.disk.journal, plan.refusals.length]).toEqual(['refused', [], 1]);
  });

  it('of the only queue after a crash: nothing is wiped by a guess', async () => {
    const store = oneQueue();
    store.disk.put('/store/abort', '1');
    const { end, plan } = await repair(store, SEGMENTS);
    expect([end, store.disk.journal, plan.refusals.length]).toEqual(['refused', [], 1]);
    expect((await repair(store, { sizes: LARGE })).end).toBe('repaired');
  });
});

describe('sizes that are told for sure', () => {
  it('of one file of the log, whose size is a power of two', async () => {
    const store = smallStore(COUNT, () => ({}), { ...SMALL_SIZES, segmentSizeBytes: 64 * 1024 });
    store.disk.bytesOf(OTHER_QUEUE).fill(1, 40, 45);
    expect(await found(store)).not.toContain(GUESSED);
    expect((await repair(store)).end).toBe('repaired');
  });

  it('of queues, by most of them, although a file lies at a wrong place', async () => {
    const store = smallStore(60);
    store.disk.put('/store/consumequeue/T/0/00000000000000000500', new Uint8Array(400));
    const { sizes, origins } = knownSettings(store.disk, smallPaths);
    expect([sizes, origins.queueFileSizeBytes]).toEqual([SMALL_SIZES, 'sure']);
    const { findings } = await verified(store.disk, smallPaths, { shape: SMALL_SHAPE });
    expect(findings.filter(({ file, matters }) => matters && file.startsWith('/store/consumequeue/T/1'))).toEqual([]);
  });

  it('of queues, by two of three', async () => {
    const store = smallStore(54, (i) => ({ queueId: i % 3 }));
    shorten(store.disk, QUEUE, 180);
    const { end, ok, plan } = await repair(store);
    expect([end, ok, plan.build.map(({ queueId }) => queueId)]).toEqual(['repaired', true, [0]]);
  });

  it('of a log whose newest file a crash has left short', async () => {
    const store = smallStore(40);
    store.disk.put('/store/abort', '1');
    shorten(store.disk, '/store/commitlog/00000000000000004096', 4000);
    expect(await found(store)).toEqual(['segment-size nothing']);
    expect((await repair(store)).end).toBe('repaired');
    expect(store.disk.stat('/store/commitlog/00000000000000004096')?.size).toBe(4096);
  });
});
