/** Opens the stores that Apache's broker has left, whole, killed and damaged, and compares with what Apache's broker serves of them. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { asLogOffset, asQueueOffset } from '../../src/base/units.ts';
import { QUEUE_ENTRY_BYTES, writeQueueEntry } from '../../src/layout/queue-entry.ts';
import { vouchAtStart } from '../../src/store/checkpoint.ts';
import { CommitLogWriter } from '../../src/store/commit-log.ts';
import { ConsumeQueueReader } from '../../src/store/consume-queue.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { type RecoveredStore, recoverStore } from '../../src/store/recovery.ts';
import { fileQueues } from '../support/file-queues.ts';
import {
  damagedStore,
  GOLDEN_QUEUE_FILE_BYTES,
  GOLDEN_SEGMENT_BYTES,
  type GoldenQueue,
  type GoldenStoreIndex,
  type GoldenVariant,
  goldenPaths,
  goldenStore,
  goldenStoreIndex,
  goldenVariants,
} from '../support/golden-store.ts';
import { finish, GOLDEN_INDEX, openFiling, putRange, queryFiles } from '../support/index-builds.ts';
import { MemoryDisk } from '../support/memory-disk.ts';

const byNumber = (a: number, b: number): number => a - b;
const sizes = { segmentSizeBytes: GOLDEN_SEGMENT_BYTES, queueFileSizeBytes: GOLDEN_QUEUE_FILE_BYTES };

interface ServedQueue {
  readonly min: number;
  readonly max: number;
  readonly entriesSha256: string;
}

interface Served {
  readonly store: RecoveredStore;
  readonly queues: Map<string, ServedQueue>;
}

function recover(disk: MemoryDisk): RecoveredStore {
  const cleanStop = disk.stat(goldenPaths.abort) === null;
  const settings = { ...sizes, checksBodies: true, cleanStop, index: GOLDEN_INDEX };
  return recoverStore(disk, goldenPaths, settings, { info: () => {}, warn: () => {} });
}

/** Recovers the store, files what its queues lack, and reads all queues back. */
function open(disk: MemoryDisk): Served {
  const store = recover(disk);
  const writer = fileQueues(disk, goldenPaths, sizes, store);
  const filing = openFiling(disk);
  putRange(filing, { disk, from: store.dispatchFrom, to: store.logEnd });
  finish(filing);
  const reader = new ConsumeQueueReader(disk, goldenPaths.consumeQueue, GOLDEN_QUEUE_FILE_BYTES, 4);
  const queues = new Map<string, ServedQueue>();
  for (const { topic, queueId, min, next } of store.queues) {
    const max = writer.end(topic, queueId);
    expect(next, `next offset of ${topic}/${queueId}`).toBe(max);
    const bytes = Buffer.alloc((max - min) * QUEUE_ENTRY_BYTES);
    expect(reader.read(topic, queueId, asQueueOffset(min), max - min, bytes, 0)).toBe(max - min);
    queues.set(`${topic}/${queueId}`, { min, max, entriesSha256: createHash('sha256').update(bytes).digest('hex') });
  }
  writer.close();
  reader.close();
  expect(disk.openFiles).toBe(0);
  return { store, queues };
}

/** Apache's simple queues, without those that nothing was ever stored in. */
function expectedQueues(index: GoldenStoreIndex): Map<string, ServedQueue> {
  const simple = index.queues.filter((queue) => queue.type === 'SimpleCQ' && queue.maxOffset > 0);
  return new Map(simple.map((queue) => [nameOf(queue), servedOf(queue)]));
}

function nameOf(queue: GoldenQueue): string {
  return `${queue.topic}/${queue.queueId}`;
}

function servedOf(queue: GoldenQueue): ServedQueue {
  return { min: queue.minOffset, max: queue.maxOffset, entriesSha256: queue.entriesSha256 };
}

function byName(queues: Map<string, ServedQueue>): Record<string, ServedQueue> {
  return Object.fromEntries([...queues].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Where RingMQ serves something else than Apache's broker, on purpose: by variant and queue, what Apache serves made into what we do. */
const SERVED_DIFFERENTLY: Record<string, Record<string, (byApache: ServedQueue) => ServedQueue>> = {
  // Apache serves the queue without its last message and gives that offset to the next one. The log still has the message.
  'clean-queue-tail-zero': { 'Bulk/0': () => expectedQueues(goldenStoreIndex('clean.index.json')).get('Bulk/0')! },
  // Apache keeps the entry with the tag that the record has lost. We build the queue from the log: the entry says what the record says.
  'crash-torn-properties': {
    'Plain/3': (byApache) => ({ ...byApache, entriesSha256: sha256OfEntries('clean.index.json', 'Plain/3', 0) }),
  },
};

/** Which stores RingMQ refuses on purpose, that Apache's broker starts: by variant, what it says. Without the checkpoint it does what Apache does. */
const REFUSED: Readonly<Record<string, string>> = {
  // Apache removes all queues. The checkpoint names the time of a record, so there has been a log: its folder is missing, or not mounted.
  'no-log': 'there is no file of it, but the checkpoint says that records up to store time',
};

/** Of the entries of a queue, the last of which has another tags code. */
function sha256OfEntries(index: string, name: string, lastTagsCode: number): string {
  const { entries } = goldenStoreIndex(index).queues.find((queue) => nameOf(queue) === name)!;
  const bytes = Buffer.alloc(entries.length * QUEUE_ENTRY_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (const [i, [, logOffset, size, tagsCode]] of entries.entries()) {
    writeQueueEntry(view, i * QUEUE_ENTRY_BYTES, logOffset, size, i === entries.length - 1 ? lastTagsCode : tagsCode);
  }
  return createHash('sha256').update(bytes).digest('hex');
}

const ALL = ['clean', 'killed', ...goldenVariants.map(({ name }) => name)];

function variantNamed(name: string): GoldenVariant | undefined {
  return goldenVariants.find((variant) => variant.name === name);
}

/** As a start takes it. */
function storeNamed(name: string): MemoryDisk {
  const variant = variantNamed(name);
  const disk = variant === undefined ? goldenStore(name as 'clean' | 'killed') : damagedStore(variant);
  if (REFUSED[name] !== undefined) disk.unlink(goldenPaths.checkpoint);
  return disk;
}

describe('stores by Apache RocketMQ', () => {
  it.each(['clean', 'killed'] as const)('%s: the same log, queues and entries', (name) => {
    const index = goldenStoreIndex(`${name}.index.json`);
    const { store, queues } = open(goldenStore(name));
    expect(store.cleanStop).toBe(name === 'clean');
    expect([store.logStart, store.logEnd]).toEqual([index.commitLog.minOffset, index.commitLog.maxOffset]);
    expect(store.newestStoreTimestamp).toBe(index.messages.at(-1)!.storeTimestamp);
    expect(byName(queues)).toEqual(byName(expectedQueues(index)));
  });

  it.each(ALL)('%s: the same answers by key', (name) => {
    const disk = storeNamed(name);
    const variant = variantNamed(name);
    const { store } = open(disk);
    const index = goldenStoreIndex(variant?.expect ?? `${name}.index.json`);
    // Upstream's index goes on naming records that the log has lost, whose place other records take; without a log it has all of them.
    const isThere = (offset: number): boolean => offset >= store.logStart && offset < store.logEnd;
    let answers = 0;
    for (const query of index.keyQueries) {
      const expected = query.physicalOffsets.filter(isThere);
      answers += expected.length;
      const found = queryFiles(disk, query).filter(isThere);
      // After a crash upstream has lost what was in the files that it does not believe: there we know more.
      if (store.cleanStop) expect(found.sort(byNumber), query.key).toEqual(expected);
      else if (found.length < query.maxNum) expect(found, query.key).toEqual(expect.arrayContaining(expected));
    }
    expect(answers > 0).toBe(name !== 'no-log');
  });

  it.each(goldenVariants)('$name: $about', (variant) => {
    const index = goldenStoreIndex(variant.expect);
    const disk = storeNamed(variant.name);
    const { store, queues } = open(disk);
    expect(store.logEnd).toBe(index.commitLog.maxOffset);
    if (index.commitLog.minOffset >= 0) expect(store.logStart).toBe(index.commitLog.minOffset);
    const expected = expectedQueues(index);
    for (const [name, differently] of Object.entries(SERVED_DIFFERENTLY[variant.name] ?? {})) {
      expect(queues.get(name), name).not.toEqual(expected.get(name));
      expected.set(name, differently(expected.get(name)!));
    }
    expect(byName(queues)).toEqual(byName(expected));

    const again = open(disk);
    expect(again.store.logEnd, 'at a second start').toBe(store.logEnd);
    expect(byName(again.queues), 'at a second start').toEqual(byName(expected));
  });

  it.each(Object.entries(REFUSED))('%s: refused, and nothing is changed', (name, says) => {
    const disk = damagedStore(variantNamed(name)!);
    const before = disk.contents();
    expect(() => recover(disk)).toThrow(says);
    expect(disk.contents()).toEqual(before);
  });

  it.each(ALL)('%s: what the first start says in the checkpoint leads a start after its crash to the same', (name) => {
    const disk = storeNamed(name);
    const expected = open(disk.copy());
    vouchAtStart(disk, goldenPaths.checkpoint, recover(disk).word!);
    disk.put(goldenPaths.abort, '1');
    const { store, queues } = open(disk);
    expect(store.word).toBeNull();
    expect([store.logStart, store.logEnd]).toEqual([expected.store.logStart, expected.store.logEnd]);
    expect(byName(queues)).toEqual(byName(expected.queues));
  });

  it('has the very files that ours would be: queues built from the log are the same, byte for byte', () => {
    const byApache = goldenStore('clean');
    const rebuilt = damagedStore(goldenVariants.find(({ name }) => name === 'crash-no-queues')!);
    open(rebuilt);
    const files = queueFilesOf(byApache);
    expect(files.length).toBe(50);
    expect(queueFilesOf(rebuilt)).toEqual(files);
    for (const path of files) expect(rebuilt.bytesOf(path), path).toEqual(byApache.bytesOf(path));
  });

  it('has the very segments that ours would be: its records written again, rolled where they do not fit', () => {
    const byApache = goldenStore('clean');
    const index = goldenStoreIndex('clean.index.json');
    const files = { directory: goldenPaths.commitLog, segmentSizeBytes: GOLDEN_SEGMENT_BYTES };
    const disk = new MemoryDisk();
    const writer = new CommitLogWriter(disk, files, asLogOffset(0));
    const reader = new LogReader(byApache, files);
    for (const { physicalOffset, size } of index.messages) {
      const bytes = new Uint8Array(size);
      reader.read(asLogOffset(physicalOffset), size, bytes, 0);
      if (size > writer.roomInSegment()) writer.roll();
      expect(writer.end).toBe(physicalOffset);
      writer.write(bytes, 0, size);
    }
    expect(disk.list(goldenPaths.commitLog)).toEqual(byApache.list(goldenPaths.commitLog));
    for (const name of disk.list(goldenPaths.commitLog)) {
      const path = `${goldenPaths.commitLog}/${name}`;
      expect(Buffer.compare(disk.bytesOf(path), byApache.bytesOf(path)), name).toBe(0);
    }
  });
});

function queueFilesOf(disk: MemoryDisk): string[] {
  const root = goldenPaths.consumeQueue;
  return disk.list(root).flatMap((topic) =>
    disk.list(`${root}/${topic}`).flatMap((queueId) => {
      const directory = `${root}/${topic}/${queueId}`;
      return disk.list(directory).map((name) => `${directory}/${name}`);
    }),
  );
}
