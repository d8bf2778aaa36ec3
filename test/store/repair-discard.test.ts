/** Files that nothing in the log speaks for: a repair keeps them aside and takes them away, so that verify does not name them for ever. */
import { describe, expect, it } from 'vitest';
import { recoverStore } from '../../src/store/recovery.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import { KEPT_FOLDER, type RepairedOptions, type RepairedStore, repaired } from '../support/repaired.ts';
import {
  SMALL_INDEX,
  SMALL_SHAPE,
  SMALL_SIZES,
  type SmallStore,
  smallPaths,
  smallStore,
} from '../support/small-store.ts';
import { kindsOf, verified } from '../support/verified.ts';

const COUNT = 60;
const FILES = ['00000000000000000000', '00000000000000000400'];

const repair = (disk: MemoryDisk, options: RepairedOptions = {}): Promise<RepairedStore> =>
  repaired(disk, smallPaths, { sizes: SMALL_SIZES, shape: SMALL_SHAPE, ...options });

/** A store with the files of T/0 once more, in a folder of another topic. */
function withStranger(): SmallStore {
  const store = smallStore(COUNT);
  for (const name of FILES)
    store.disk.put(`/store/consumequeue/X/0/${name}`, store.disk.readWhole(`/store/consumequeue/T/0/${name}`));
  return store;
}

function know(disk: MemoryDisk, ...topics: string[]): void {
  const table = Object.fromEntries(topics.map((topic) => [topic, { topicName: topic }]));
  disk.put('/store/config/topics.json', JSON.stringify({ topicConfigTable: table }));
}

/** Where a queue begins and ends for a broker that starts. */
function served(disk: MemoryDisk, topic: string, cleanStop = true): { min: number; max: number } | null {
  const index = { directory: smallPaths.index, shape: SMALL_SHAPE };
  const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop, index };
  const { queues } = recoverStore(disk, smallPaths, settings, { info: () => {}, warn: () => {} });
  const found = queues.find((queue) => queue.topic === topic);
  return found === undefined ? null : { min: found.min, max: found.max };
}

describe('a queue of which the log has nothing, and whose entries name records of others', () => {
  it.each([{ crashed: false }, { crashed: true }])('is kept and taken away: %o', async ({ crashed }) => {
    const { disk } = withStranger();
    if (crashed) disk.put('/store/abort', '1');
    const before = FILES.map((name) => disk.readWhole(`/store/consumequeue/X/0/${name}`));
    expect(kindsOf(await verified(disk, smallPaths, { sizes: SMALL_SIZES }))).toContain('queue-stray! repair');
    const { end, ok, kept } = await repair(disk);
    expect([end, ok]).toEqual(['repaired', true]);
    expect(kept).toEqual(FILES.map((name) => `${KEPT_FOLDER}/consumequeue/X/0/${name}`));
    expect(kept.map((file) => disk.readWhole(file))).toEqual(before);
    expect(disk.list('/store/consumequeue/X')).toEqual([]);
    expect(disk.list('/store/consumequeue/T/0')).toEqual(FILES);
    expect(served(disk, 'X')).toBeNull();
  });

  it('goes on with its number where there is such a topic: consumers would pass over what comes before', async () => {
    const { disk } = withStranger();
    know(disk, 'T', 'X');
    expect((await repair(disk)).ok).toBe(true);
    expect(served(disk, 'X')).toEqual({ min: 30, max: 30 });
    expect(kindsOf(await verified(disk, smallPaths, { sizes: SMALL_SIZES }))).toEqual([]);
  });

  it.each([{ crashed: false }, { crashed: true }])(
    'goes on with its number where it has entries of deleted records: %o',
    async ({ crashed }) => {
      // Its last entry is at the end of a file.
      const { disk, records } = smallStore(COUNT, (i) => (i < 20 ? { topic: 'Old', queueId: 0 } : {}));
      disk.unlink('/store/commitlog/00000000000000000000');
      know(disk, 'T');
      const entry = disk.bytesOf('/store/consumequeue/Old/0/00000000000000000000');
      const { logOffset } = records.at(-1)!;
      new DataView(entry.buffer, entry.byteOffset).setBigInt64(100, BigInt(logOffset));
      if (crashed) disk.put('/store/abort', '1');
      const { ok, kept } = await repair(disk);
      expect([ok, kept]).toEqual([true, [`${KEPT_FOLDER}/consumequeue/Old/0/00000000000000000000`]]);
      expect(served(disk, 'Old')).toEqual({ min: 20, max: 20 });
      expect(served(disk, 'Old', false), 'nor does a crash take it').toEqual({ min: 20, max: 20 });
    },
  );

  it('is left as it was when what is kept finds no room', async () => {
    const { disk } = withStranger();
    const before = disk.copy();
    disk.fault = (operation, path) => {
      if (operation === 'link') return 'EXDEV';
      return operation === 'write' && path.startsWith(KEPT_FOLDER) ? 'ENOSPC' : null;
    };
    const left: (boolean | null)[] = [];
    await expect(repair(disk, { ended: ({ isHalfDone }) => void left.push(isHalfDone) })).rejects.toThrow('disk full');
    expect([left, disk.contents()]).toEqual([[false], before.contents()]);
    expect(disk.stat(KEPT_FOLDER)).toBeNull();
  });

  it('is found again by the next repair, with its number, when one is interrupted at any call', async () => {
    let interrupted = 0;
    for (let at = 0; ; at++) {
      const { disk } = withStranger();
      know(disk, 'T', 'X');
      let calls = 0;
      disk.fault = (operation) => (['open', 'list', 'read'].includes(operation) || calls++ < at ? null : 'EIO');
      const outcome = await repair(disk).catch(() => null);
      disk.fault = () => null;
      if (outcome !== null) break;
      interrupted++;
      disk.put('/store/abort', '1');
      disk.removeTree(KEPT_FOLDER);
      expect((await repair(disk)).ok, `interrupted at call ${at}`).toBe(true);
      expect(served(disk, 'X'), `interrupted at call ${at}`).toEqual({ min: 30, max: 30 });
    }
    expect(interrupted).toBeGreaterThan(20);
  });

  it("stays where the topic has a queue of Apache's batch format: its records are in that", async () => {
    const { disk } = withStranger();
    disk.makeDirectory('/store/batchconsumequeue/X/0');
    const { plan, kept } = await repair(disk);
    expect([plan.discard, kept]).toEqual([[], []]);
    expect(disk.list('/store/consumequeue/X/0')).toEqual(FILES);
  });

  it('is kept whatever lies beside its files, which stays', async () => {
    const { disk } = withStranger();
    const folder = '00000000000000000999';
    disk.put('/store/consumequeue/X/0/notes.txt', 'x');
    disk.makeDirectory(`/store/consumequeue/X/0/${folder}`);
    expect((await repair(disk)).ok).toBe(true);
    expect(disk.list('/store/consumequeue/X/0')).toEqual([folder, 'notes.txt']);
  });
});

it('puts a queue right whose records are all deleted and which lacks a file in the middle', async () => {
  const { disk } = smallStore(130, (i) => (i < 50 ? { topic: 'Old', queueId: 0 } : {}));
  for (const start of [0, 4096]) disk.unlink(`/store/commitlog/${String(start).padStart(20, '0')}`);
  disk.unlink('/store/consumequeue/Old/0/00000000000000000400');
  expect(kindsOf(await verified(disk, smallPaths, { sizes: SMALL_SIZES }))).toContain('queue-files! repair');
  expect((await repair(disk)).ok).toBe(true);
  expect(served(disk, 'Old')).toEqual({ min: 50, max: 50 });
});

it('takes away the index of a log without a record, and keeps it', async () => {
  const { disk } = smallStore(20);
  disk.bytesOf('/store/commitlog/00000000000000000000').fill(0);
  disk.removeTree('/store/consumequeue');
  const index = disk.readWhole(SMALL_INDEX);
  expect(kindsOf(await verified(disk, smallPaths, { sizes: SMALL_SIZES }))).toContain('index-wrong! repair');
  const { end, ok, kept } = await repair(disk);
  expect([end, ok, kept]).toEqual(['repaired', true, [`${KEPT_FOLDER}${SMALL_INDEX.slice('/store'.length)}`]]);
  expect(disk.list('/store/index')).toEqual([]);
  expect(disk.readWhole(kept[0]!)).toEqual(index);
  expect((await repair(disk)).end).toBe('nothing to do');
});
