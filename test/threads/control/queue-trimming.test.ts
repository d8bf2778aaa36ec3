import { beforeEach, describe, expect, it } from 'vitest';
import { asLogOffset, asQueueOffset, asQueueSlot, type QueueSlot } from '../../../src/base/units.ts';
import { FILLER_ENTRY_SIZE, QUEUE_ENTRY_BYTES, writeQueueEntry } from '../../../src/layout/queue-entry.ts';
import { ConsumeQueueReader, ConsumeQueueWriter } from '../../../src/store/consume-queue.ts';
import { fileNameOf } from '../../../src/store/file-names.ts';
import { recoverStore } from '../../../src/store/recovery.ts';
import { EntryReads } from '../../../src/threads/control/entry-reads.ts';
import { QueueFileRemoval } from '../../../src/threads/control/queue-file-removal.ts';
import { QueueRows } from '../../../src/threads/control/queue-rows.ts';
import { QueueTrimming } from '../../../src/threads/control/queue-trimming.ts';
import { allocateBrokerMemory, type ControlEnds, controlEnds } from '../../../src/threads/topology.ts';
import {
  damagedStore,
  GOLDEN_QUEUE_FILE_BYTES,
  GOLDEN_SEGMENT_BYTES,
  goldenPaths,
  goldenStoreIndex,
  goldenVariants,
} from '../../support/golden-store.ts';
import { MemoryDisk } from '../../support/memory-disk.ts';
import { TestClock } from '../test-net.ts';

const PER_FILE = 10;
const FILE_BYTES = PER_FILE * QUEUE_ENTRY_BYTES;
const FOLDER = '/store/consumequeue';
/** The record of entry n of a queue lies at n times this in the log. */
const APART = 100;

let disk: MemoryDisk;
let clock: TestClock;
let ends: ControlEnds;
let lines: string[];
let removal: QueueFileRemoval;
let trimming: QueueTrimming;

beforeEach(() => {
  disk = new MemoryDisk();
  clock = new TestClock();
  lines = [];
  ends = controlEnds(allocateBrokerMemory('inline', 1), false);
  const say = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const log = { info: say('info'), warn: say('warn'), error: say('error') };
  const files = new ConsumeQueueReader(disk, FOLDER, FILE_BYTES, 4);
  const wake = (): void => {};
  const about = { ends, disk, folder: FOLDER, fileSizeBytes: FILE_BYTES, intervalMs: 100, clock, log, wake };
  removal = new QueueFileRemoval(about);
  const entries = new EntryReads(ends.directory, ends.queueTable, files);
  trimming = new QueueTrimming({ ends, entries, removal, clock, log });
});

/** A queue of T with the entries [min, max) in its files; a `min` in the middle of a file is filled up before it. */
function queue(queueId: number, min: number, max: number): QueueSlot {
  const slot = ends.directory.add('T', queueId);
  const bytes = new Uint8Array((max - min) * QUEUE_ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  for (let n = min; n < max; n++) writeQueueEntry(view, (n - min) * QUEUE_ENTRY_BYTES, n * APART, APART, 0);
  const writer = new ConsumeQueueWriter(disk, FOLDER, FILE_BYTES, 4);
  if (max > min) writer.append('T', queueId, asQueueOffset(min), bytes, 0, bytes.length);
  writer.close();
  ends.queueTable.setMin(slot, asQueueOffset(min));
  ends.queueTable.setFiled(slot, asQueueOffset(max));
  ends.queueTable.publishMax(slot, asQueueOffset(max));
  return slot;
}

function filesOf(queueId: number): number[] {
  return disk.list(`${FOLDER}/T/${queueId}`).map((name) => Number(name) / FILE_BYTES);
}

function pathOf(queueId: number, file: number): string {
  return `${FOLDER}/T/${queueId}/${fileNameOf(file * FILE_BYTES)}`;
}

/** Turns until both have nothing to do, as control takes them. Returns how often a piece of the look through the queues was done. */
function settle(): number {
  let pieces = 0;
  while (!trimming.isDone || !removal.isDone) {
    pieces += trimming.doWork();
    removal.doWork();
    const ms = Math.min(trimming.dueInMs(), removal.dueInMs());
    if (Number.isFinite(ms)) clock.passMs(ms);
  }
  return pieces;
}

describe('the minimum of a queue', () => {
  it.each([
    ['the log begins before it', 0, 35, 0, 0],
    ['at the start of an entry', 0, 35, 400, 4],
    ['in the middle of an entry', 0, 35, 401, 5],
    ['beyond the first file', 0, 35, 1700, 17],
    ['at the end of the first file', 0, 35, 1000, 10],
    ['in the last file', 0, 35, 3350, 34],
    ['all is gone: it is empty, and keeps its number', 0, 35, 3500, 35],
    ['far beyond', 0, 35, 99_999, 35],
    ['it begins in the middle of a file', 7, 35, 900, 9],
    ['its first files are gone', 13, 35, 1500, 15],
    ['it is empty', 40, 40, 9999, 40],
    ['it has one message', 0, 1, 50, 1],
  ])('%s: entries %d to %d and a log from %d', (_what, min, max, logStart, expected) => {
    const slot = queue(0, min, max);
    ends.logStart.advance(logStart);
    settle();
    expect(ends.queueTable.min(slot)).toBe(expected);
    expect(ends.queueTable.max(slot)).toBe(max);
  });

  it('follows from one start of the log to the next', () => {
    const slot = queue(0, 0, 35);
    for (const [logStart, min] of [
      [300, 3],
      [300, 3],
      [1250, 13],
      [3499, 35],
    ] as const) {
      ends.logStart.advance(logStart);
      settle();
      expect(ends.queueTable.min(slot)).toBe(min);
    }
    expect(lines.filter((line) => line.includes('1 queues begin later'))).toHaveLength(3);
  });

  it('is found where the newest entries are in the shared tail only', () => {
    const slot = queue(0, 0, 12);
    for (let n = 0; n < 20; n++) ends.queueTable.put(slot, asQueueOffset(n), asLogOffset(n * APART), APART, 0);
    ends.queueTable.publishMax(slot, asQueueOffset(20));
    ends.logStart.advance(1500);
    settle();
    expect(ends.queueTable.min(slot)).toBe(15);
  });

  it('passes over what fills up the first file of a queue that began later', () => {
    // Upstream counts fillers to the queue when it starts.
    const slot = queue(0, 7, 35);
    ends.queueTable.setMin(slot, asQueueOffset(0));
    expect(disk.bytesOf(pathOf(0, 0))[QUEUE_ENTRY_BYTES + 8]).toBe(FILLER_ENTRY_SIZE >>> 24);
    ends.logStart.advance(1);
    settle();
    expect(ends.queueTable.min(slot)).toBe(7);
  });

  it('is not moved when the queue’s last file is missing: its messages are in the log', () => {
    const slot = queue(0, 0, 35);
    disk.unlink(pathOf(0, 3));
    ends.logStart.advance(500);
    settle();
    expect(ends.queueTable.min(slot)).toBe(0);
  });

  it('is moved beyond files that are missing', () => {
    const slot = queue(0, 0, 35);
    disk.unlink(pathOf(0, 0));
    ends.logStart.advance(500);
    settle();
    expect(ends.queueTable.min(slot)).toBe(10);
  });

  it('stays when the disk does not answer, and other queues are done', () => {
    const broken = queue(0, 0, 35);
    const whole = queue(1, 0, 35);
    disk.fault = (operation, path) => (operation === 'open' && path.startsWith(`${FOLDER}/T/0/`) ? 'EIO' : null);
    ends.logStart.advance(500);
    settle();
    expect(ends.queueTable.min(broken)).toBe(0);
    expect(ends.queueTable.min(whole)).toBe(5);
    expect(lines).toContainEqual(
      expect.stringMatching(/^warn the first message of T\/0 was not looked for: open .*EIO$/),
    );
  });

  it('of many queues is found in pieces, with time for others between them', () => {
    const count = 300;
    for (let queueId = 0; queueId < count; queueId++) queue(queueId, 0, 15);
    ends.logStart.advance(500);
    expect(trimming.doWork()).toBe(1);
    expect(trimming.doWork()).toBe(0);
    expect(trimming.dueInMs()).toBeGreaterThan(0);
    expect(settle()).toBeGreaterThanOrEqual(4);
    for (let slot = 0; slot < count; slot++) expect(ends.queueTable.min(asQueueSlot(slot))).toBe(5);
  });

  it('of a slow disk is found in smaller pieces', () => {
    for (let queueId = 0; queueId < 20; queueId++) queue(queueId, 0, 15);
    ends.logStart.advance(500);
    disk.before = () => clock.passMs(3);
    expect(settle()).toBe(20);
  });
});

describe('a store by Apache RocketMQ whose first segment is gone', () => {
  it('has no queue that begins with a lost message, though Apache’s own broker says so of some', () => {
    const variant = goldenVariants.find(({ name }) => name === 'head-deleted')!;
    const golden = damagedStore(variant);
    const sizes = { segmentSizeBytes: GOLDEN_SEGMENT_BYTES, queueFileSizeBytes: GOLDEN_QUEUE_FILE_BYTES };
    const silent = { info: () => {}, warn: () => {}, error: () => {} };
    const settings = { ...sizes, checksBodies: true, cleanStop: true };
    const store = recoverStore(golden, goldenPaths, settings, silent);
    new QueueRows(ends.directory, ends.queueTable).recover(store.queues);
    const before = store.queues.map(({ min }) => min);
    const folder = goldenPaths.consumeQueue;
    const files = new ConsumeQueueReader(golden, folder, GOLDEN_QUEUE_FILE_BYTES, 4);
    const about = {
      ends,
      disk: golden,
      folder,
      fileSizeBytes: GOLDEN_QUEUE_FILE_BYTES,
      intervalMs: 0,
      clock,
      log: silent,
    };
    removal = new QueueFileRemoval({ ...about, wake: () => {} });
    const entries = new EntryReads(ends.directory, ends.queueTable, files);
    trimming = new QueueTrimming({ ends, entries, removal, clock, log: silent });
    ends.logStart.advance(store.logStart);
    settle();
    const { queues } = goldenStoreIndex('clean.index.json');
    const expected = store.queues.map(({ topic, queueId, max }) => {
      const queue = queues.find((one) => one.topic === topic && one.queueId === queueId)!;
      return queue.entries.find(([, logOffset]) => logOffset >= store.logStart)?.[0] ?? max;
    });
    expect(store.queues.map((_, slot) => ends.queueTable.min(asQueueSlot(slot)))).toEqual(expected);
    expect(expected).not.toEqual(before);
    for (const [slot, { topic, queueId }] of store.queues.entries()) {
      const first = Number(golden.list(`${folder}/${topic}/${queueId}`)[0]) / QUEUE_ENTRY_BYTES;
      expect(first, `${topic}/${queueId}`).toBeLessThanOrEqual(ends.queueTable.min(asQueueSlot(slot)));
    }
    expect(ends.queueFilesDeleted.read()).toBeGreaterThan(0);
  });
});

describe('files of a queue', () => {
  it('go when no message of theirs is left, the oldest first and each durably', () => {
    queue(0, 0, 45);
    disk.journal.length = 0;
    ends.logStart.advance(3001);
    settle();
    expect(filesOf(0)).toEqual([3, 4]);
    expect(disk.journal).toEqual([0, 1, 2].flatMap((file) => [`unlink ${pathOf(0, file)}`, `fsync ${FOLDER}/T/0`]));
    expect(ends.queueFilesDeleted.read()).toBe(3);
    expect(lines).toContainEqual('info deleted 3 files of queue T/0, 600 bytes: it begins at 31');
  });

  it('stay as long as one message of theirs is there', () => {
    queue(0, 0, 45);
    ends.logStart.advance(3900);
    settle();
    expect(filesOf(0)).toEqual([3, 4]);
    expect(ends.queueFilesDeleted.read()).toBe(3);
    ends.logStart.advance(4001);
    settle();
    expect(filesOf(0)).toEqual([4]);
  });

  it('stay as long as nothing behind them is durable for certain, as the entries of deleted messages are', () => {
    const slot = queue(0, 0, 45);
    ends.logStart.advance(3000);
    settle();
    expect(ends.queueTable.min(slot)).toBe(30);
    expect(filesOf(0)).toEqual([2, 3, 4]);
  });

  it.each([45, 40])('go but for the last one when all is gone, of a queue that ends at %d', (max) => {
    const slot = queue(0, 0, max);
    ends.logStart.advance(99_999);
    settle();
    const last = Math.ceil(max / PER_FILE) - 1;
    expect(filesOf(0)).toEqual([last]);
    expect([ends.queueTable.min(slot), ends.queueTable.max(slot)]).toEqual([max, max]);
    // What is filed next follows.
    const writer = new ConsumeQueueWriter(disk, FOLDER, FILE_BYTES, 4);
    expect(writer.end('T', 0)).toBe(max);
    writer.close();
  });

  it('go only after the minimum has moved: a reader never looks for them', () => {
    const slot = queue(0, 0, 45);
    disk.fault = (operation) => {
      if (operation === 'unlink') expect(ends.queueTable.min(slot)).toBe(31);
      return null;
    };
    ends.logStart.advance(3001);
    settle();
    expect(filesOf(0)).toEqual([3, 4]);
  });

  it('of one queue after the other, at their interval', () => {
    for (let queueId = 0; queueId < 3; queueId++) queue(queueId, 0, 45);
    ends.logStart.advance(3001);
    while (!trimming.isDone) {
      trimming.doWork();
      clock.passMs(5);
    }
    while (removal.doWork() > 0);
    expect([0, 1, 2].map((queueId) => filesOf(queueId).length)).toEqual([2, 5, 5]);
    expect(removal.dueInMs()).toBe(100);
    clock.passMs(100);
    while (removal.doWork() > 0);
    expect([0, 1, 2].map((queueId) => filesOf(queueId).length)).toEqual([2, 2, 5]);
  });

  it('that the disk refuses to remove are tried again when somebody asks, and those behind wait', () => {
    queue(0, 0, 45);
    disk.fault = (operation, path) => (operation === 'unlink' && path === pathOf(0, 1) ? 'EBUSY' : null);
    ends.logStart.advance(3001);
    settle();
    expect(filesOf(0)).toEqual([1, 2, 3, 4]);
    expect(lines).toContainEqual(
      expect.stringMatching(/^warn .* could not be deleted and will be tried again: .*EBUSY$/),
    );
    disk.fault = () => null;
    trimming.cleanNow();
    settle();
    expect(filesOf(0)).toEqual([3, 4]);
  });

  it('that a crash has left go at the next start, which knows its minimum already', () => {
    const slot = queue(0, 0, 45);
    ends.queueTable.setMin(slot, asQueueOffset(31));
    ends.logStart.advance(3001);
    settle();
    expect(filesOf(0)).toEqual([3, 4]);
  });

  it('are not looked for again and again', () => {
    queue(0, 0, 45);
    ends.logStart.advance(1100);
    settle();
    let lists = 0;
    disk.fault = (operation) => {
      if (operation === 'list') lists++;
      return null;
    };
    ends.logStart.advance(1500);
    settle();
    expect(lists).toBe(0);
  });

  it('do not hold up the thread; a stop waits for the one that goes', async () => {
    queue(0, 0, 45);
    disk.holdsUnlinks = true;
    ends.logStart.advance(3001);
    for (let turn = 0; turn < 10; turn++) {
      trimming.doWork();
      removal.doWork();
      clock.passMs(5);
    }
    expect(filesOf(0)).toHaveLength(5);
    let isFinished = false;
    void removal.finish().then(() => {
      isFinished = true;
    });
    await Promise.resolve();
    expect(isFinished).toBe(false);
    disk.unlinkHeld();
    await Promise.resolve();
    expect(isFinished).toBe(true);
    for (let turn = 0; turn < 10; turn++) removal.doWork();
    expect(filesOf(0)).toEqual([1, 2, 3, 4]);
    expect(removal.isDone).toBe(true);
  });
});
