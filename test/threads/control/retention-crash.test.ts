/** What the next start finds when a broker ends in the middle of deleting: at every call of the disk, with messages on every side of it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { asQueueOffset } from '../../../src/base/units.ts';
import { NO_INDEX_KEPT } from '../../../src/layout/checkpoint-file.ts';
import { entryLogOffset, QUEUE_ENTRY_BYTES } from '../../../src/layout/queue-entry.ts';
import { CheckpointWriter } from '../../../src/store/checkpoint.ts';
import { ConsumeQueueReader } from '../../../src/store/consume-queue.ts';
import { LogReader } from '../../../src/store/log-reader.ts';
import { LogScanner, Scanned } from '../../../src/store/log-scanner.ts';
import { StoreTimes } from '../../../src/store/offset-search.ts';
import { recoverStore } from '../../../src/store/recovery.ts';
import { EntryReads } from '../../../src/threads/control/entry-reads.ts';
import { LogRetention } from '../../../src/threads/control/log-retention.ts';
import { QueueFileRemoval } from '../../../src/threads/control/queue-file-removal.ts';
import { QueueTrimming } from '../../../src/threads/control/queue-trimming.ts';
import type { DispatchAgent } from '../../../src/threads/dispatch/dispatch-agent.ts';
import type { FlushAgent } from '../../../src/threads/flush/flush-agent.ts';
import { controlEnds } from '../../../src/threads/topology.ts';
import { fileQueues } from '../../support/file-queues.ts';
import type { MemoryDisk } from '../../support/memory-disk.ts';
import { DataPath } from '../data-path.ts';

const SEGMENT_BYTES = 16 * 1024;
const QUEUE_FILE_BYTES = 10 * QUEUE_ENTRY_BYTES;
const QUEUES = 3;
const sizes = { segmentSizeBytes: SEGMENT_BYTES, queueFileSizeBytes: QUEUE_FILE_BYTES };

let path: DataPath;
let dispatch: DispatchAgent;
let flush: FlushAgent;
let sent: number;
let vouches: boolean;

beforeEach(() => {
  const settings = { fileReservedTime: 0, deleteCommitLogFilesInterval: 0, deleteFileBatchMax: 100 };
  path = new DataPath({ segmentBytes: SEGMENT_BYTES, queueFileBytes: QUEUE_FILE_BYTES, queues: QUEUES, settings });
  dispatch = path.dispatcher().agent;
  flush = path.flusher();
  sent = 0;
});

/** Messages to all queues in turn, seen by consumers and flushed, with their entries in the tails or the files as they come. */
function send(count: number): void {
  for (let n = 0; n < count; n++) {
    path.clock.passMs(1);
    path.net.send({ queueId: sent++ % QUEUES, body: `${sent}`.padEnd(700, '.') });
    path.write();
    path.net.answers();
    dispatch.doWork();
  }
  path.clock.passMs(path.settings.flushIntervalCommitLog);
  while (flush.doWork() > 0);
  expect(path.status.watermark('flushed').read()).toBe(path.log.end);
}

/** Until the entries of all that was sent are durable in the files of their queues. */
function round(): void {
  const { queuesSyncedTo } = controlEnds(path.memory, false);
  while (queuesSyncedTo.read() < path.log.end) {
    path.clock.passMs(1000);
    dispatch.doWork();
    flush.doWork();
  }
}

/** What flush has written to the checkpoint file last; null for none. */
function filedTo(): number | null {
  return vouches ? (path.checkpoints.at(-1)?.filedTo ?? null) : null;
}

/** Puts the checkpoint into the store, where the next start looks for it. */
function saveCheckpoint(): void {
  const last = path.checkpoints.at(-1);
  if (last === undefined) return;
  const { logAt, queuesAt } = last;
  const lookFrom = 0;
  const ours = {
    filedTo: last.filedTo,
    lookFrom,
    indexEnd: NO_INDEX_KEPT,
    stoppedAt: -1,
    queueCount: 0,
    queueEntries: 0,
    logStart: last.logStart,
  };
  const writer = new CheckpointWriter(path.disk, path.paths.checkpoint);
  writer.write({ logTimestamp: logAt, queuesTimestamp: queuesAt }, vouches ? ours : null);
  writer.close();
}

interface Upkeep {
  readonly retention: LogRetention;
  run(): void;
}

function upkeep(): Upkeep {
  const { disk, clock, settings, paths, logFiles } = path;
  saveCheckpoint();
  const ends = controlEnds(path.memory, false);
  const nothing = (): void => {};
  const log = { info: nothing, warn: nothing, error: nothing };
  const reader = new LogReader(disk, logFiles);
  const times = new StoreTimes(reader);
  const folder = paths.consumeQueue;
  const about = { ends, disk, clock, log, wake: nothing };
  const retention = new LogRetention({
    ...about,
    files: logFiles,
    queuesFolder: folder,
    root: paths.root,
    settings,
    filedTo: () => filedTo(),
    storeTime: (logOffset) => times.at(logOffset),
  });
  const removal = new QueueFileRemoval({ ...about, folder, fileSizeBytes: QUEUE_FILE_BYTES, intervalMs: 0 });
  const entries = new EntryReads(
    ends.directory,
    ends.queueTable,
    new ConsumeQueueReader(disk, folder, QUEUE_FILE_BYTES, 8),
  );
  const trimming = new QueueTrimming({ ends, entries, removal, clock, log });
  return {
    retention,
    run() {
      for (let idle = 0; idle < 3; idle++) {
        while (retention.doWork() + trimming.doWork() + removal.doWork() > 0) idle = 0;
        clock.passMs(5);
      }
    },
  };
}

/** Opens the store as after kill -9 and checks that it has every message from its start on, in its queue and at its offset. */
function startOn(disk: MemoryDisk): { readonly logStart: number; readonly ends: number[] } {
  const nothing = (): void => {};
  const settings = { ...sizes, checksBodies: true, cleanStop: false };
  const warnings: string[] = [];
  const store = recoverStore(disk, path.paths, settings, { info: nothing, warn: (line) => warnings.push(line) });
  // Nothing that the checkpoint vouches for is missing, and no queue lacks what only a deleted segment had.
  expect(warnings).toEqual([]);
  const writer = fileQueues(disk, path.paths, sizes, store);
  const reader = new ConsumeQueueReader(disk, path.paths.consumeQueue, QUEUE_FILE_BYTES, 8);
  const log = new LogReader(disk, path.logFiles);
  const scanner = new LogScanner(log, true);
  const entry = new Uint8Array(QUEUE_ENTRY_BYTES);
  scanner.begin(store.logStart, store.logEnd);
  while (scanner.next() === Scanned.record) {
    const { queueId, queueOffset } = scanner.cursor;
    const where = `message ${queueOffset} of queue ${queueId}`;
    expect(reader.read('T', queueId, asQueueOffset(queueOffset), 1, entry, 0), where).toBe(1);
    expect(entryLogOffset(new DataView(entry.buffer), 0), where).toBe(scanner.position);
    const queue = store.queues.find((one) => one.queueId === queueId)!;
    expect(queue.min, where).toBeLessThanOrEqual(queueOffset);
  }
  expect(scanner.position).toBe(store.logEnd);
  const ends = Array.from({ length: QUEUES }, (_, queueId) => writer.end('T', queueId));
  for (const one of [writer, reader, log]) one.close();
  return { logStart: store.logStart, ends };
}

/** What decides which segments may go, and from where the next start looks: RingMQ's checkpoint, or store times as upstream names them. */
describe.each(['the checkpoint', 'store times'] as const)('a crash of a broker that goes by %s', (rule) => {
  beforeEach(() => {
    vouches = rule === 'the checkpoint';
  });

  it('at any call while files are deleted costs no message that is kept, and no offset', () => {
    send(200);
    round();
    send(40);
    const copies: { readonly what: string; readonly disk: MemoryDisk }[] = [];
    path.disk.fault = (operation, where) => {
      if (operation === 'unlink' || operation === 'fsync')
        copies.push({ what: `${operation} ${where}`, disk: path.disk.copy() });
      return null;
    };
    const { retention, run } = upkeep();
    retention.deleteNow();
    run();
    path.disk.fault = () => null;
    copies.push({ what: 'the end', disk: path.disk.copy() });
    const unlinks = (folder: string): number => copies.filter(({ what }) => what.startsWith(`unlink ${folder}`)).length;
    expect(unlinks(path.paths.commitLog)).toBeGreaterThan(5);
    expect(unlinks(path.paths.consumeQueue)).toBeGreaterThan(5);
    const starts = new Set<number>();
    for (const { what, disk } of copies) {
      const { logStart, ends } = startOn(disk);
      starts.add(logStart);
      expect(ends, what).toEqual([80, 80, 80]);
      // A second start finds what the first one has left.
      expect(startOn(disk), what).toEqual({ logStart, ends });
    }
    expect(starts.size).toBeGreaterThan(5);
  });

  it('finds no gap in a queue whose newest entries were in no file: their messages are kept', () => {
    send(200);
    const { retention, run } = upkeep();
    retention.deleteNow();
    run();
    expect(startOn(path.disk.copy())).toEqual({ logStart: 0, ends: [67, 67, 66] });
    round();
    saveCheckpoint();
    send(1);
    retention.deleteNow();
    run();
    expect(startOn(path.disk.copy())).toMatchObject({ ends: [67, 67, 67] });
    expect(startOn(path.disk.copy()).logStart).toBeGreaterThan(0);
  });

  it('behind a deletion that left a queue empty leaves it its number', () => {
    path.addTopic('Old', 1);
    for (let n = 0; n < 25; n++) {
      path.clock.passMs(1);
      path.net.send({ topic: 'Old', queueId: 0 });
      path.write();
      path.net.answers();
    }
    send(200);
    round();
    const { retention, run } = upkeep();
    retention.deleteNow();
    run();
    const folder = `${path.paths.consumeQueue}/Old/0`;
    expect(path.disk.list(folder)).toHaveLength(1);
    const disk = path.disk.copy();
    const nothing = (): void => {};
    const settings = { ...sizes, checksBodies: true, cleanStop: false };
    const { queues } = recoverStore(disk, path.paths, settings, { info: nothing, warn: nothing });
    expect(queues.find(({ topic }) => topic === 'Old')).toMatchObject({ min: 25, max: 25, next: 25 });
  });
});
