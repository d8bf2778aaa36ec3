/** What a start, verify and repair make of a record whose topic was damaged on the disk. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { RecordAt } from '../../src/layout/message-record.ts';
import { CheckpointWriter } from '../../src/store/checkpoint.ts';
import { type RecoveredStore, recoverStore } from '../../src/store/recovery.ts';
import { StoreDamagedError } from '../../src/store/store-errors.ts';
import { fileQueues } from '../support/file-queues.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import { repaired } from '../support/repaired.ts';
import {
  SMALL_SHAPE,
  SMALL_SIZES,
  type SmallMessage,
  type SmallStore,
  smallPaths,
  smallStore,
} from '../support/small-store.ts';
import { kindsOf, verified } from '../support/verified.ts';

const COUNT = 40;
/** Of queue 1, the offset 8. */
const ROTTEN = 17;

const ROTS: [what: string, topic: string][] = [
  ['zero', '\0\0\0\0\0'],
  ['a path', '../ab'],
  ['a topic that nobody has', 'Qlain'],
];

/** Queues Plain/0 and Plain/1; the checkpoint is that of a stop in order. */
function stoppedStore(fields: (i: number) => SmallMessage = () => ({ topic: 'Plain' })): SmallStore {
  const store = smallStore(COUNT, fields);
  vouch(store, store.logEnd);
  return store;
}

/** RingMQ's word for all of the store; `stoppedAt` -1: of a round. */
function vouch({ disk, logEnd, records }: SmallStore, stoppedAt: number): void {
  const writer = new CheckpointWriter(disk, smallPaths.checkpoint);
  const queueCount = new Set(records.map(({ topic, queueId }) => `${topic}/${queueId}`)).size;
  const counts = { stoppedAt, queueCount, queueEntries: records.length, logStart: 0 };
  writer.write({}, { filedTo: logEnd, lookFrom: 0, indexEnd: records.at(-1)!.logOffset, ...counts });
  writer.close();
}

/** One of them says another topic. */
function rottenStore(topic: string, i = ROTTEN): SmallStore {
  const store = stoppedStore();
  rot(store, i, topic);
  return store;
}

function rot({ disk, records }: SmallStore, i: number, topic: string): void {
  const { logOffset, size } = records[i]!;
  const start = logOffset - (logOffset % SMALL_SIZES.segmentSizeBytes);
  const segment = disk.bytesOf(`${smallPaths.commitLog}/${String(start).padStart(20, '0')}`);
  const record = Buffer.from(segment.buffer, segment.byteOffset + logOffset - start, size);
  record.write(topic, record.indexOf(`body ${i}`) + `body ${i}`.length + 1);
}

let lines: string[] = [];
function recover({ disk }: SmallStore): RecoveredStore {
  lines = [];
  const cleanStop = disk.stat(smallPaths.abort) === null;
  const index = { directory: smallPaths.index, shape: SMALL_SHAPE };
  const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop, index };
  return recoverStore(disk, smallPaths, settings, { info: () => {}, warn: (message) => lines.push(message) });
}

const SIZES = { sizes: SMALL_SIZES, shape: SMALL_SHAPE };

async function found({ disk }: SmallStore, sliceBytes?: number): Promise<string[]> {
  return kindsOf(await verified(disk, smallPaths, { ...SIZES, ...(sliceBytes === undefined ? {} : { sliceBytes }) }));
}

/** What the files of queues and index hold; that of the index gets a new name when it is built. */
function built(disk: MemoryDisk, path = '/store/consumequeue'): string[] {
  const isFolder = (name: string): boolean => disk.stat(`${path}/${name}`)?.isDirectory === true;
  const files = disk.list(path).flatMap((name) => {
    const inner = `${path}/${name}`;
    if (isFolder(name)) return built(disk, inner);
    const sum = createHash('sha1').update(disk.readWhole(inner)).digest('hex');
    return [path === smallPaths.index ? sum : `${inner} ${sum}`];
  });
  return path === smallPaths.consumeQueue ? [...files, ...built(disk, smallPaths.index)] : files;
}

/** Where it lies in its queue. */
const PLACES: [what: string, i: number][] = [
  ['in the middle', ROTTEN],
  ['the first of its queue', 1],
  ['the last of its queue', COUNT - 1],
];

describe.each(ROTS)('a topic that became %s', (_what, topic) => {
  it.each<[how: string, stop: (store: SmallStore) => void]>([
    ['in order', () => {}],
    [
      'in order, and a broker was killed behind that before it did anything',
      ({ disk }) => disk.put(smallPaths.abort, '1'),
    ],
    [
      'by a kill behind a round that has filed all',
      (store) => {
        vouch(store, -1);
        store.disk.put(smallPaths.abort, '1');
      },
    ],
  ])('is passed over by a start, after a stop %s', (_how, stop) => {
    const store = rottenStore(topic);
    stop(store);
    const { logEnd, dispatchFrom, queuesCompleteTo, queues } = recover(store);
    expect([logEnd, dispatchFrom, queuesCompleteTo]).toEqual(Array(3).fill(store.logEnd));
    expect(queues.map(({ topic, queueId, next }) => `${topic}/${queueId} ${next}`)).toEqual([
      'Plain/0 20',
      'Plain/1 20',
    ]);
    expect(lines).toEqual([expect.stringContaining(`the record at ${store.records[ROTTEN]!.logOffset} (`)]);
  });

  it('makes a start refuse that has to build its queue, with a way out', () => {
    const store = rottenStore(topic);
    store.disk.removeTree('/store/consumequeue/Plain/1');
    expect(() => recover(store)).toThrow(StoreDamagedError);
    expect(() => recover(store)).toThrow(/queue Plain\/1 goes on with 9 after 7\. .*`ringmq repair` builds the queue/);
  });

  it.each(PLACES)('is one finding, which names the topic that it had: %s', async (_place, i) => {
    const store = rottenStore(topic, i);
    for (const sliceBytes of [undefined, 100, 300])
      expect(await found(store, sliceBytes)).toEqual(['record-damaged! restore']);
    const { findings } = await verified(store.disk, smallPaths, SIZES);
    expect(findings[0]!.what).toMatch(/it is the one that queue Plain\/1 has, or lacks, there\. .*served as it is/);
  });

  it.each(PLACES)('leaves everything to a repair that is built of all: %s', async (_place, i) => {
    const store = stoppedStore();
    const whole = built(store.disk);
    rot(store, i, topic);
    const { end, plan } = await repaired(store.disk, smallPaths, { ...SIZES, all: true });
    expect([end, plan.build.length, plan.buildIndex]).toEqual(['repaired', 2, true]);
    expect(built(store.disk)).toEqual(whole);
    expect(recover(store).dispatchFrom).toBe(store.logEnd);
  });

  it.each([true, false])(
    'does not keep a repair from building its queue, after a stop in order: %s',
    async (isClean) => {
      const store = stoppedStore();
      const whole = built(store.disk);
      rot(store, ROTTEN, topic);
      if (!isClean) store.disk.put(smallPaths.abort, '1');
      store.disk.removeTree('/store/consumequeue/Plain/1');
      store.disk.removeTree('/store/index');
      const { end, plan, leavesClean } = await repaired(store.disk, smallPaths, SIZES);
      expect([end, plan.refusals, leavesClean]).toEqual(['repaired', [], true]);
      expect(built(store.disk)).toEqual(whole);
      expect(recover(store).queues.map(({ next }) => next)).toEqual([20, 20]);
      expect(await found(store)).toEqual(['record-damaged! restore']);
    },
  );
});

describe('a topic that became that of other queues', () => {
  it.each([17, 37])('is one finding, and no obstacle: record %i', async (i) => {
    const store = stoppedStore((n) => ({ topic: n % 8 === 3 || n % 8 === 6 ? 'Qlain' : 'Plain' }));
    const whole = built(store.disk);
    rot(store, i, 'Qlain');
    for (const sliceBytes of [undefined, 100, 300])
      expect(await found(store, sliceBytes)).toEqual(['record-damaged! restore']);
    const { queues } = recover(store);
    expect(queues.reduce((sum, { next }) => sum + next, 0)).toBe(COUNT);
    expect((await repaired(store.disk, smallPaths, { ...SIZES, all: true })).end).toBe('repaired');
    expect(built(store.disk)).toEqual(whole);
  });

  it('keeps a repair from building both when two records may be the one', async () => {
    const store = stoppedStore((n) => ({ topic: n % 4 < 2 ? 'Plain' : 'Qlain' }));
    rot(store, ROTTEN, 'Qlain');
    expect(recover(store).queues).toHaveLength(4);
    expect((await repaired(store.disk, smallPaths, SIZES)).end).toBe('refused');
  });
});

it('a queue that a start has made of such a record is none that matters', async () => {
  const store = rottenStore('Qlain', COUNT - 5);
  store.disk.unlink(smallPaths.checkpoint);
  fileQueues(store.disk, smallPaths, SMALL_SIZES, recover(store)).close();
  expect(store.disk.list(smallPaths.consumeQueue)).toEqual(['Plain', 'Qlain']);
  expect(await found(store)).toEqual(['checkpoint-missing repair', 'record-damaged! restore', 'topic-missing nothing']);
  expect((await repaired(store.disk, smallPaths, SIZES)).end).toBe('repaired');
  expect(await found(store)).toEqual(['record-damaged! restore', 'topic-missing nothing']);
});

it('a record that does not say its offset is no such record: its queue cannot be built', async () => {
  const store = stoppedStore();
  const { logOffset } = store.records[ROTTEN]!;
  const start = logOffset - (logOffset % SMALL_SIZES.segmentSizeBytes);
  const bytes = store.disk.bytesOf(`${smallPaths.commitLog}/${String(start).padStart(20, '0')}`);
  bytes[logOffset - start + RecordAt.queueOffset + 7]! ^= 64;
  rot(store, ROTTEN, '\0\0\0\0\0');
  expect(await found(store)).toEqual(['record-damaged! restore', 'record-offset! restore']);
  const { end, plan } = await repaired(store.disk, smallPaths, SIZES);
  expect([end, plan.refusals]).toEqual(['refused', [expect.stringContaining('--cut-at')]]);
});
