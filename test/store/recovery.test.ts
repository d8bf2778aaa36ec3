import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { asLogOffset, asQueueOffset } from '../../src/base/units.ts';
import { NO_INDEX_KEPT, type Vouched } from '../../src/layout/checkpoint-file.ts';
import { BLANK_HEAD_BYTES } from '../../src/layout/message-record.ts';
import { QUEUE_ENTRY_BYTES, writeQueueEntry } from '../../src/layout/queue-entry.ts';
import { CheckpointWriter, vouchAtStart } from '../../src/store/checkpoint.ts';
import { CommitLogWriter } from '../../src/store/commit-log.ts';
import { ConsumeQueueWriter } from '../../src/store/consume-queue.ts';
import { type RecoveredStore, recoverStore } from '../../src/store/recovery.ts';
import { StoreDamagedError } from '../../src/store/store-errors.ts';
import { storePathsOf } from '../../src/store/store-paths.ts';
import { fileQueues } from '../support/file-queues.ts';
import { type DiskOperation, MemoryDisk } from '../support/memory-disk.ts';
import { encodeTestRecord, testRecordSize } from '../support/records.ts';
import { SMALL_SHAPE, SMALL_SIZES, smallPaths, smallStore } from '../support/small-store.ts';

const paths = storePathsOf('/store');
const sizes = { segmentSizeBytes: 1024, queueFileSizeBytes: 5 * QUEUE_ENTRY_BYTES };
const files = { directory: paths.commitLog, segmentSizeBytes: sizes.segmentSizeBytes };
const FIRST = '/store/commitlog/00000000000000000000';
const SECOND = '/store/commitlog/00000000000000001024';
const THIRD = '/store/commitlog/00000000000000002048';
const SLACK_MS = 3000;
const START_MS = 1_000_000;

interface Stored {
  readonly queueId: number;
  readonly queueOffset: number;
  readonly logOffset: number;
  readonly end: number;
}

let lines: string[];
beforeEach(() => {
  lines = [];
});

/** A broker's write path in small: records of topic T go to the log and, unless told otherwise, to their queues. */
class TestStore {
  readonly disk: MemoryDisk;
  readonly stored: Stored[] = [];
  readonly #log: CommitLogWriter;
  readonly #queues: ConsumeQueueWriter;
  readonly #next: number[] = [];
  /** A second per record, so that the slack of the checkpoint is a few records. */
  #timeMs = START_MS;

  constructor(disk = new MemoryDisk(), recovered?: RecoveredStore) {
    this.disk = disk;
    this.#log = new CommitLogWriter(disk, files, recovered?.logEnd ?? asLogOffset(0));
    this.#queues = new ConsumeQueueWriter(disk, paths.consumeQueue, sizes.queueFileSizeBytes, 8);
    for (const queue of recovered?.queues ?? []) this.#next[queue.queueId] = queue.next;
  }

  get end(): number {
    return this.#log.end;
  }

  get timeMs(): number {
    return this.#timeMs;
  }

  /** Store time of the message before number `index`. */
  timeOf(index: number): number {
    return START_MS + index * 1000;
  }

  send(queueId: number, body: string, isFiled = true): Stored {
    const size = testRecordSize({ topic: 'T', body });
    if (size > this.#log.roomInSegment()) this.#log.roll();
    const queueOffset = this.#next[queueId] ?? 0;
    const logOffset = this.#log.end;
    this.#timeMs += 1000;
    const storeTimestamp = this.#timeMs;
    const record = encodeTestRecord({ topic: 'T', queueId, queueOffset, logOffset, storeTimestamp, body });
    this.#log.write(record, 0, record.length);
    this.#next[queueId] = queueOffset + 1;
    const stored = { queueId, queueOffset, logOffset, end: this.#log.end };
    this.stored.push(stored);
    if (isFiled) this.#file(stored);
    return stored;
  }

  roll(): void {
    this.#log.roll();
  }

  #file({ queueId, queueOffset, logOffset, end }: Stored): void {
    const entry = new Uint8Array(QUEUE_ENTRY_BYTES);
    writeQueueEntry(new DataView(entry.buffer), 0, logOffset, end - logOffset, 0);
    this.#queues.append('T', queueId, asQueueOffset(queueOffset), entry, 0, QUEUE_ENTRY_BYTES);
  }
}

function recover(disk: MemoryDisk, cleanStop: boolean): RecoveredStore {
  const log = { info: () => {}, warn: (message: string) => lines.push(message) };
  return recoverStore(disk, paths, { ...sizes, checksBodies: true, cleanStop }, log);
}

function checkpointAt(disk: MemoryDisk, timeMs: number): void {
  const writer = new CheckpointWriter(disk, paths.checkpoint);
  writer.write({ logTimestamp: timeMs, queuesTimestamp: timeMs }, null);
  writer.close();
}

const AT_START = { lookFrom: 0, indexEnd: NO_INDEX_KEPT, stoppedAt: -1, queueCount: 0, queueEntries: 0, logStart: 0 };

function vouchFor(disk: MemoryDisk, filedTo: number): void {
  vouchAtStart(disk, paths.checkpoint, { ...AT_START, filedTo, lookFrom: filedTo });
}

/** What the queues hold after dispatch has caught up: the log offsets of their entries, by queue. */
function queuesAfterDispatch(disk: MemoryDisk, store: RecoveredStore): Map<number, number[]> {
  const writer = fileQueues(disk, paths, sizes, store);
  const found = new Map<number, number[]>();
  for (const { queueId, min, next } of store.queues) {
    expect(writer.end('T', queueId)).toBe(next);
    const offsets: number[] = [];
    for (let offset: number = min; offset < next; offset++) offsets.push(entryAt(disk, queueId, offset));
    found.set(queueId, offsets);
  }
  writer.close();
  return found;
}

function entryBytesAt(disk: MemoryDisk, queueId: number, offset: number): Uint8Array {
  const at = offset * QUEUE_ENTRY_BYTES;
  const start = at - (at % sizes.queueFileSizeBytes);
  const bytes = disk.bytesOf(`${paths.consumeQueue}/T/${queueId}/${String(start).padStart(20, '0')}`);
  return bytes.subarray(at - start, at - start + QUEUE_ENTRY_BYTES);
}

function entryAt(disk: MemoryDisk, queueId: number, offset: number): number {
  const { buffer, byteOffset } = entryBytesAt(disk, queueId, offset);
  return Number(new DataView(buffer, byteOffset).getBigInt64(0));
}

function entryBytes(disk: MemoryDisk): Uint8Array {
  return disk.bytesOf('/store/consumequeue/T/0/00000000000000000000');
}

function expectedQueues(stored: readonly Stored[]): Map<number, number[]> {
  const queues = new Map<number, number[]>();
  for (const { queueId, logOffset } of stored) queues.set(queueId, [...(queues.get(queueId) ?? []), logOffset]);
  return queues;
}

const sorted = (queues: Map<number, number[]>): [number, number[]][] => [...queues].sort(([a], [b]) => a - b);

/** 2500 bytes of log in three files. */
function longStore(): TestStore {
  const store = new TestStore();
  while (store.end < 2500) store.send(0, 'a body of some length');
  return store;
}

const TEARS: [how: string, harm: (disk: MemoryDisk, path: string) => void][] = [
  ['short', (disk, path) => disk.put(path, '')],
  ['missing', (disk, path) => disk.unlink(path)],
];

describe('a start', () => {
  it('on nothing begins at 0 and makes nothing', () => {
    for (const cleanStop of [true, false]) {
      const disk = new MemoryDisk();
      expect(recover(disk, cleanStop)).toMatchObject({ logStart: 0, logEnd: 0, dispatchFrom: 0, queues: [] });
      expect(disk.list('/')).toEqual([]);
    }
  });

  it('after a clean stop finds everything and changes nothing', () => {
    const store = new TestStore();
    for (let i = 0; i < 30; i++) store.send(i % 3, `message ${i}`);
    store.disk.journal.length = 0;
    const recovered = recover(store.disk, true);
    expect(recovered).toMatchObject({ logEnd: store.end, dispatchFrom: store.end, newestStoreTimestamp: store.timeMs });
    expect(recovered.queues.map(({ min, max, next }) => [min, max, next])).toEqual([
      [0, 10, 10],
      [0, 10, 10],
      [0, 10, 10],
    ]);
    expect([recovered.nextOffset('T', 2), recovered.nextOffset('T', 3)]).toEqual([10, 0]);
    expect(store.disk.journal).toEqual([]);
  });

  it('after a clean stop still files what a queue lacks, and only from there', () => {
    const store = new TestStore();
    for (let i = 0; i < 4; i++) store.send(0, 'filed');
    const missing = store.send(1, 'not filed', false);
    store.send(0, 'filed');
    const recovered = recover(store.disk, true);
    expect(recovered.dispatchFrom).toBe(missing.logOffset);
    expect(recovered.queues.find((queue) => queue.queueId === 1)).toMatchObject({ min: 0, max: 0, next: 1 });
    expect(sorted(queuesAfterDispatch(store.disk, recovered))).toEqual(sorted(expectedQueues(store.stored)));
  });

  it('says no more for the checkpoint than what queues and index have', () => {
    const lacking = new TestStore();
    const missing = lacking.send(1, 'not filed', false);
    while (lacking.end < 2500) lacking.send(0, 'a body of some length');
    lacking.send(1, 'filed, behind what is missing', false);
    expect(recover(lacking.disk, true).word).toEqual({ ...AT_START, filedTo: missing.logOffset });
    const index = { directory: smallPaths.index, shape: SMALL_SHAPE };
    const wordOf = (cleanStop: boolean): Vouched | null => {
      const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop, index };
      return recoverStore(smallStore(100).disk, smallPaths, settings, { info: () => {}, warn: () => {} }).word;
    };
    const { records } = smallStore(100);
    const limit = 3 * SMALL_SIZES.segmentSizeBytes;
    const { logOffset } = records.findLast((record) => record.logOffset < limit)!;
    expect(wordOf(false)).toMatchObject({ filedTo: limit, indexEnd: logOffset });
    expect(wordOf(true)).toMatchObject({ filedTo: limit, indexEnd: logOffset });
  });

  it('after a crash looks through the log from the segment that the checkpoint vouches for', () => {
    const store = new TestStore();
    while (store.end < 3000) store.send(0, 'a body of some length');
    const firstOfThird = store.stored.find(({ logOffset }) => logOffset >= 2048)!;
    const timeOf = (stored: Stored): number => store.timeOf(store.stored.indexOf(stored) + 1);
    const early = store.disk.copy();
    checkpointAt(early, timeOf(firstOfThird) + SLACK_MS - 1);
    expect(recover(early, false).dispatchFrom).toBe(1024);
    checkpointAt(store.disk, timeOf(firstOfThird) + SLACK_MS);
    expect(recover(store.disk, false).dispatchFrom).toBe(2048);
  });

  it('after a crash does not trust queue entries that the checkpoint does not vouch for', () => {
    const store = new TestStore();
    for (let i = 0; i < 13; i++) store.send(0, 'message');
    // Loss of power: the second page of the queue was not written, the third was.
    store.disk.bytesOf('/store/consumequeue/T/0/00000000000000000100').fill(0, 20, 100);
    const recovered = recover(store.disk, false);
    expect(recovered.queues).toMatchObject([{ max: 0, next: 13 }]);
    expect(sorted(queuesAfterDispatch(store.disk, recovered))).toEqual(sorted(expectedQueues(store.stored)));
  });

  it('after a crash leaves no entry behind the end of a queue', () => {
    const store = new TestStore();
    while (store.end < 2500) store.send(0, 'a body of some length');
    checkpointAt(store.disk, store.timeMs + SLACK_MS);
    const { dispatchFrom, queues } = recover(store.disk, false);
    expect(dispatchFrom).toBe(2048);
    const filed = store.stored.filter(({ logOffset }) => logOffset < 2048).length;
    expect(queues).toMatchObject([{ max: filed, next: store.stored.length }]);
    const last = String(filed * 20 - ((filed * 20) % 100)).padStart(20, '0');
    expect(store.disk.list('/store/consumequeue/T/0').at(-1)).toBe(last);
    const rest = store.disk.bytesOf(`/store/consumequeue/T/0/${last}`).subarray((filed * 20) % 100);
    expect(rest.every((byte) => byte === 0)).toBe(true);
  });

  it('after a crash says what of the queues it has taken away, to be durable before the checkpoint can pass it', () => {
    const store = new TestStore();
    for (let i = 0; i < 13; i++) store.send(0, `${i}`);
    // Without a checkpoint no entry is believed, and the queue is taken away.
    expect(recover(store.disk, false).unsynced.folders).toContain('/store/consumequeue/T/0');
  });

  it('after a crash says what of the queues it has cut', () => {
    const store = new TestStore();
    while (store.end < 2500) store.send(0, 'a body of some length');
    checkpointAt(store.disk, store.timeMs + SLACK_MS);
    const { unsynced } = recover(store.disk, false);
    const last = store.disk.list('/store/consumequeue/T/0').at(-1);
    expect(unsynced.files).toEqual([`/store/consumequeue/T/0/${last}`]);
  });

  it('after a crash flushes what it found before it counts as flushed, the older file first', () => {
    const store = new TestStore();
    while (store.end < 1500) store.send(0, 'a body of some length');
    store.disk.journal.length = 0;
    recover(store.disk, false);
    const order = store.disk.journal.filter((line) => line.includes('commitlog'));
    expect(order).toEqual(['fsync /store/commitlog', `fdatasync ${FIRST}`, `fdatasync ${SECOND}`]);
  });

  it('makes the rest of the last segment zero, so that an old record is never found behind a new one', () => {
    const store = new TestStore();
    const kept = store.send(0, 'kept');
    const torn = store.send(0, 'torn: a record whose body did not get to the disk');
    const stale = store.send(0, 'stale');
    store.disk.bytesOf(FIRST)[torn.end - 10]! ^= 1;
    const recovered = recover(store.disk, false);
    expect(recovered.logEnd).toBe(kept.end);
    const next = new TestStore(store.disk, recovered);
    next.send(0, 'fresh: it ends where the stale one begins'.padEnd(49));
    expect(next.end).toBe(stale.logOffset);
    expect(recover(store.disk, false).logEnd).toBe(next.end);
  });

  it('after a clean stop removes what an earlier crash of another broker has left behind the end', () => {
    const store = new TestStore();
    const kept = store.send(0, 'kept');
    store.disk.bytesOf(FIRST).fill(0xab, kept.end, kept.end + 64);
    expect(recover(store.disk, true).logEnd).toBe(kept.end);
    expect(
      store.disk
        .bytesOf(FIRST)
        .subarray(kept.end)
        .every((byte) => byte === 0),
    ).toBe(true);
  });

  it('removes segments behind the end, an empty one that was made ahead of time too', () => {
    const store = new TestStore();
    while (store.end < 2500) store.send(0, 'a body of some length');
    const victim = store.stored.find(({ logOffset }) => logOffset > 1100)!;
    store.disk.bytesOf(SECOND)[victim.end - 1024 - 10]! ^= 1;
    store.disk.put('/store/commitlog/00000000000000003072', Buffer.alloc(1024));
    vouchFor(store.disk, 0);
    expect(recover(store.disk, false).logEnd).toBe(victim.logOffset);
    expect(store.disk.list('/store/commitlog')).toEqual([FIRST, SECOND].map((path) => path.slice(-20)));
  });

  it('goes on in an empty segment behind a filler, and takes the filler back when there is none', () => {
    const store = new TestStore();
    const last = store.send(0, 'last of its segment');
    store.roll();
    const rolled = store.disk.copy();
    expect(recover(rolled, false).logEnd).toBe(1024);
    store.disk.unlink(SECOND);
    expect(recover(store.disk, false).logEnd).toBe(last.end);
    const filler = store.disk.bytesOf(FIRST).subarray(last.end, last.end + BLANK_HEAD_BYTES);
    expect(filler.every((byte) => byte === 0)).toBe(true);
  });

  it('finishes what a crash in the middle of making or cutting a file has left', () => {
    const store = new TestStore();
    store.send(0, 'kept');
    store.disk.put(FIRST, store.disk.bytesOf(FIRST).slice(0, store.end));
    store.disk.put(SECOND, '');
    store.disk.put('/store/consumequeue/T/0/00000000000000000000', entryBytes(store.disk).slice(0, 40));
    store.disk.put('/store/consumequeue/T/0/00000000000000000100', '');
    expect(recover(store.disk, false)).toMatchObject({ logEnd: store.end, queues: [{ next: 1 }] });
    expect(store.disk.stat(FIRST)?.size).toBe(1024);
    expect(store.disk.list('/store/commitlog').length).toBe(1);
  });

  it('refuses files that do not fit the settings or each other', () => {
    const store = new TestStore();
    while (store.end < 2500) store.send(0, 'a body of some length');
    checkpointAt(store.disk, store.timeMs + SLACK_MS);
    const short = store.disk.copy();
    short.put(FIRST, Buffer.alloc(1000));
    expect(() => recover(short, false)).toThrow(StoreDamagedError);
    expect(() => recover(short, false)).toThrow('has 1000 bytes, but mappedFileSizeCommitLog is 1024');
    store.disk.unlink(SECOND);
    expect(() => recover(store.disk, true)).toThrow('a file between them is missing');
  });

  it.each(TEARS)(
    'takes queue files away that nobody says were flushed when one before them is %s, and says so',
    (_, harm) => {
      const store = longStore();
      const first = recover(store.disk.copy(), false);
      harm(store.disk, '/store/consumequeue/T/0/00000000000000000100');
      expect(recover(store.disk, false)).toMatchObject({ logEnd: first.logEnd, queues: first.queues });
      expect(lines.at(-1)).toMatch(
        /consumequeue\/T\/0: \d+ files? from 0+[12]00 on, .* not known to have been flushed/,
      );
    },
  );

  it.each(TEARS)(
    'takes files of the log away that were never flushed when one before them is %s, and keeps them',
    (_, harm) => {
      const { disk } = longStore();
      vouchFor(disk, 0);
      const contents = disk.readWhole(THIRD);
      harm(disk, SECOND);
      expect(recover(disk, false).logEnd).toBeLessThanOrEqual(1024);
      expect(disk.stat(THIRD)).toBeNull();
      expect(disk.journal).toContain('fsync /store/commitlog');
      expect(lines.filter((line) => line.startsWith('/store/commitlog: 1 file from 0')).length).toBe(1);
      expect(disk.readWhole('/store/commitlog.cut/00000000000000002048')).toEqual(contents);
      expect(lines).toContainEqual(
        expect.stringMatching(/^1 file of the log from 0+2048 on, .* kept in \/store\/commitlog\.cut$/),
      );
    },
  );

  it('keeps what it takes off the log beside what it has kept before, and nothing that is empty', () => {
    const { disk } = longStore();
    vouchFor(disk, 0);
    disk.put('/store/commitlog.cut/00000000000000002048', 'kept before');
    disk.put('/store/commitlog/00000000000000003072', new Uint8Array(1024));
    disk.put('/store/commitlog/00000000000000004096', '');
    const contents = disk.readWhole(THIRD);
    disk.unlink(SECOND);
    recover(disk, false);
    expect(disk.list('/store/commitlog')).toEqual([FIRST.slice(-20)]);
    expect(disk.list('/store/commitlog.cut')).toEqual(['00000000000000002048', '00000000000000002048.1']);
    expect(disk.readWhole('/store/commitlog.cut/00000000000000002048.1')).toEqual(contents);
  });

  it.each<[what: string, code: string, refused: DiskOperation | null]>([
    ['has a file system of its own', 'EXDEV', null],
    ['has a part of one', 'EXDEV', 'rename'],
    ['lies in a folder that is read-only', 'EROFS', 'mkdir'],
    ["lies in somebody else's folder", 'EACCES', 'mkdir'],
    ['lies in a folder that takes no file', 'EPERM', 'rename'],
  ])('keeps what it takes off a log in its folder when that %s: %s', (_, code, refused) => {
    const { disk } = longStore();
    vouchFor(disk, 0);
    disk.unlink(SECOND);
    const contents = disk.readWhole(THIRD);
    let tries = 0;
    // The first try is beside it.
    disk.fault = (operation) => (operation === refused && tries++ === 0 ? code : null);
    if (refused === null)
      disk.deviceOf = (path) => (path.startsWith('/store/commitlog/') || path === '/store/commitlog' ? 1 : 0);
    recover(disk, false);
    expect(disk.readWhole('/store/commitlog/cut/00000000000000002048')).toEqual(contents);
    if (refused !== 'rename') expect(disk.stat('/store/commitlog.cut')).toBeNull();
    expect(recover(disk, false).logStart).toBe(0);
  });

  it('takes nothing off a log that it cannot keep', () => {
    const { disk } = longStore();
    vouchFor(disk, 0);
    disk.unlink(SECOND);
    disk.fault = (operation) => (operation === 'rename' ? 'EACCES' : null);
    expect(() => recover(disk, false)).toThrow('EACCES');
    expect(disk.stat(THIRD)).not.toBeNull();
  });

  it('flushes all that it has found, from the middle of a segment on as well', () => {
    const store = new TestStore();
    while (store.end < 1500) store.send(0, 'a body of some length');
    const place = store.stored[1]!.logOffset;
    vouchFor(store.disk, place);
    store.disk.journal.length = 0;
    expect(recover(store.disk, false)).toMatchObject({ lookFrom: place, logEnd: store.end });
    const synced = store.disk.journal.filter((line) => line.startsWith('fdatasync /store/commitlog'));
    expect(synced).toEqual([`fdatasync ${FIRST}`, `fdatasync ${SECOND}`]);
  });

  it('writes the log anew when an fdatasync has failed, until one has not', () => {
    const store = new TestStore();
    while (store.end < 1500) store.send(0, 'a body of some length');
    const { disk } = store;
    disk.fault = (operation, path) => (operation === 'fdatasync' && path === SECOND ? 'EIO' : null);
    expect(() => recover(disk, false)).toThrow('EIO');
    const written: string[] = [];
    disk.fault = (operation, path) => {
      if (operation === 'write' && path.includes('/commitlog/')) written.push(path);
      return null;
    };
    // Whatever the lock says.
    expect(recover(disk, true).logEnd).toBe(store.end);
    expect(written).toEqual([FIRST, SECOND]);
    recover(disk, false);
    expect(written.length).toBe(2);
  });

  it('refuses a queue that would have a gap, and says how to build it again', () => {
    const store = new TestStore();
    for (let i = 0; i < 8; i++) store.send(0, 'message');
    store.disk.bytesOf('/store/consumequeue/T/0/00000000000000000000').fill(0, 60);
    store.disk.unlink('/store/consumequeue/T/0/00000000000000000100');
    const shifted = store.disk.copy();
    expect(recover(store.disk, true)).toMatchObject({ queues: [{ max: 3, next: 8 }] });
    // The records in between are gone from the log too.
    const { logOffset } = store.stored[3]!;
    shifted.bytesOf(FIRST).set(otherRecord(logOffset, store.stored[4]!.end - logOffset), logOffset);
    expect(() => recover(shifted, true)).toThrow(
      /queue T\/0 has a gap: its files end at 3, the log goes on with 5\. `ringmq verify`/,
    );
  });

  it('leaves prepared and rolled back messages out of the queues', () => {
    const disk = new MemoryDisk();
    const log = new CommitLogWriter(disk, files, asLogOffset(0));
    for (const sysFlag of [0x4, 0x8, 0xc, 0]) {
      const record = { topic: 'T', queueId: 0, queueOffset: sysFlag === 0 ? 1 : 0, storeTimestamp: 1, sysFlag };
      const bytes = encodeTestRecord({ ...record, logOffset: log.end });
      log.write(bytes, 0, bytes.length);
    }
    const size = log.end / 4;
    const recovered = recover(disk, false);
    expect(recovered).toMatchObject({ dispatchFrom: size, queues: [{ min: 0, max: 0, next: 2 }] });
    expect(queuesAfterDispatch(disk, recovered).get(0)).toEqual([size, 3 * size]);
  });
});

/** A record of another topic that takes the place of others. */
function otherRecord(logOffset: number, size: number): Uint8Array {
  const body = 'x'.repeat(size - testRecordSize({ topic: 'U', body: '' }));
  return encodeTestRecord({ topic: 'U', queueId: 0, queueOffset: 0, storeTimestamp: 1, logOffset, body });
}

/** The bytes behind the topic of a test record, which are zero and so survive being zeroed. */
const ZEROS_AT_END = 2;

describe('any store that lost its tail', () => {
  const sends = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 300 }), fc.boolean()), {
    minLength: 1,
    maxLength: 40,
  });

  const share = fc.double({ min: 0, max: 1, noNaN: true });

  it('keeps every record before the cut, none behind it, and takes new ones', () => {
    fc.assert(
      fc.property(sends, share, share, fc.boolean(), (messages, where, vouched, isNoise) => {
        const store = new TestStore();
        // Once a queue lags, it stays behind, as dispatch files in order.
        let isFiled = true;
        let filed = 0;
        for (const [queueId, length, files] of messages) {
          isFiled &&= files;
          if (isFiled) filed++;
          store.send(queueId, 'b'.repeat(length), isFiled);
        }
        const vouchedFor = Math.floor(vouched * filed);
        checkpointAt(store.disk, store.timeOf(vouchedFor) + SLACK_MS);
        loseEntries(store.disk, store.stored.slice(vouchedFor, filed));
        // A log that has nothing but something else is refused.
        const cut = Math.max(isNoise ? BLANK_HEAD_BYTES : 0, Math.floor(where * store.end));
        damageFrom(store.disk, cut, isNoise);
        const kept = store.stored.filter(({ end }) => end - (isNoise ? 0 : ZEROS_AT_END) <= cut);

        const first = recover(store.disk, false);
        expect(first.logEnd - (kept.at(-1)?.end ?? 0)).toBeGreaterThanOrEqual(0);
        expect(first.logEnd).toBeLessThanOrEqual(fillerEnd(store, kept.length, cut) ?? cut + ZEROS_AT_END);
        expect(sorted(queuesAfterDispatch(store.disk, first))).toEqual(sorted(expectedQueues(kept)));

        const next = new TestStore(store.disk, first);
        for (let i = 0; i < 5; i++) next.send(i % 3, `new ${i}`);
        const again = recover(store.disk, true);
        expect(again.logEnd).toBe(next.end);
        expect(sorted(queuesAfterDispatch(store.disk, again))).toEqual(
          sorted(expectedQueues([...kept, ...next.stored])),
        );
      }),
    );
  });
});

/** Where the filler behind the first `kept` records ends, if there is one and its head is before the cut: it says nothing of its own. */
function fillerEnd({ stored }: TestStore, kept: number, cut: number): number | undefined {
  const start = stored[kept - 1]?.end ?? 0;
  const end = stored[kept]?.logOffset ?? start;
  return end > start && start + BLANK_HEAD_BYTES <= cut ? end : undefined;
}

/** Pages that were not flushed get to the disk in any order: every third entry of these messages is lost. */
function loseEntries(disk: MemoryDisk, stored: readonly Stored[]): void {
  for (const [i, { queueId, queueOffset }] of stored.entries()) {
    if (i % 3 === 0) entryBytesAt(disk, queueId, queueOffset).fill(0);
  }
}

/** Everything of the log from `cut` on is lost: zero, or the bytes of something else. */
function damageFrom(disk: MemoryDisk, cut: number, isNoise: boolean): void {
  for (const name of disk.list(paths.commitLog)) {
    const bytes = disk.bytesOf(`${paths.commitLog}/${name}`);
    const from = Math.max(0, cut - Number(name));
    if (from < bytes.length) bytes.fill(isNoise ? 0xa5 : 0, from);
  }
}
