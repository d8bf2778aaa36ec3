/** Starts that find something missing, and what the next one makes of the store when they end before they have built it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { INDEX_UNKNOWN, NO_INDEX_KEPT, type Vouched } from '../../src/layout/checkpoint-file.ts';
import { INDEX_ENTRY_BYTES, INDEX_HEADER_BYTES, indexEntryPosition } from '../../src/layout/index-file.ts';
import { entryLogOffset, entrySize, QUEUE_ENTRY_BYTES } from '../../src/layout/queue-entry.ts';
import { readVouched, vouchAtStart } from '../../src/store/checkpoint.ts';
import { isStoppedInOrder } from '../../src/store/log-at-start.ts';
import { type RecoveredStore, type RecoverySettings, recoverStore } from '../../src/store/recovery.ts';
import { fileQueues } from '../support/file-queues.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import {
  SMALL_INDEX,
  SMALL_SHAPE,
  SMALL_SIZES,
  type SmallStore,
  smallPaths,
  smallStore,
} from '../support/small-store.ts';

const MESSAGES = 100;
/** Queue 1 gets its share of the first of them only. */
const EARLY = 40;
const QUEUE_1 = '/store/consumequeue/T/1';
const QUEUE_1_FILE = `${QUEUE_1}/00000000000000000000`;
const INDEX = { directory: smallPaths.index, shape: SMALL_SHAPE };

let store: SmallStore;
let warnings: string[];
let infos: string[];

beforeEach(() => {
  store = smallStore(MESSAGES, (i) => ({ queueId: i < EARLY ? i % 2 : 0 }));
});

/** As control does it: the word is on the disk before anything is built. */
function start(cleanStop: boolean, settings: Partial<RecoverySettings> = {}): RecoveredStore {
  const { disk } = store;
  warnings = [];
  infos = [];
  const all = { ...SMALL_SIZES, checksBodies: true, cleanStop, index: INDEX, ...settings };
  const recovered = recoverStore(disk, smallPaths, all, {
    info: (line) => infos.push(line),
    warn: (line) => warnings.push(line),
  });
  if (recovered.word !== null) vouchAtStart(disk, smallPaths.checkpoint, recovered.word);
  return recovered;
}

/** RingMQ's word of a stop in order, or with `stoppedAt` -1 of a round. */
function vouch(fields: Partial<Vouched> = {}): void {
  const { disk, records, logEnd } = store;
  const newest = records.at(-1)!.logOffset;
  vouchAtStart(disk, smallPaths.checkpoint, {
    filedTo: logEnd,
    lookFrom: records[90]!.logOffset,
    indexEnd: newest,
    stoppedAt: logEnd,
    queueCount: 2,
    queueEntries: MESSAGES,
    logStart: 0,
    ...fields,
  });
}

/** Of queue 1, as dispatch leaves it when it has built what was missing. */
function entriesOf1(recovered: RecoveredStore): [logOffset: number, size: number][] {
  const queues = fileQueues(store.disk, smallPaths, SMALL_SIZES, recovered);
  const end = queues.end('T', 1);
  queues.close();
  return Array.from({ length: end }, (_, i) => entryAt(store.disk, i));
}

function entryAt(disk: MemoryDisk, offset: number): [logOffset: number, size: number] {
  const bytes = disk.bytesOf(QUEUE_1_FILE);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [entryLogOffset(view, offset * QUEUE_ENTRY_BYTES), entrySize(view, offset * QUEUE_ENTRY_BYTES)];
}

function expectQueue1(recovered: RecoveredStore): void {
  const records = store.records.filter(({ queueId }) => queueId === 1);
  expect(recovered.nextOffset('T', 1)).toBe(records.length);
  expect(entriesOf1(recovered)).toEqual(records.map(({ logOffset, size }) => [logOffset, size]));
}

describe('a start that ends before it has built what was missing', () => {
  it.each([
    ['a queue', QUEUE_1, 1],
    ['all queues', '/store/consumequeue', 0],
    ['the index', '/store/index', 0],
  ])('and had lost %s is followed by one that builds it', (_, lost, firstMissing) => {
    vouch();
    store.disk.removeTree(lost);
    const { logOffset } = store.records[firstMissing]!;
    expect(start(true).dispatchFrom).toBe(logOffset);
    expect(warnings.join()).toMatch(/(built|put in) again/);
    const next = start(false);
    expect(next.dispatchFrom).toBe(logOffset);
    expectQueue1(next);
  });

  it('says so before anything is built, and still for how far the log was on the disk', () => {
    vouch();
    store.disk.removeTree(QUEUE_1);
    start(true);
    const word = readVouched(store.disk, smallPaths.checkpoint)!;
    expect(word).toMatchObject({ filedTo: store.records[1]!.logOffset, stoppedAt: store.logEnd, queueCount: 0 });
  });

  it('and had lost only the index leaves the queues as they are', () => {
    vouch();
    store.disk.removeTree('/store/index');
    expect(start(true).dispatchFrom).toBe(0);
    const counts = { queueCount: 2, queueEntries: MESSAGES };
    const word = readVouched(store.disk, smallPaths.checkpoint);
    expect(word).toMatchObject({ filedTo: store.logEnd, indexEnd: INDEX_UNKNOWN, ...counts });
    const next = start(false);
    expect(next.dispatchFrom).toBe(0);
    expect(next.queues.map(({ max }) => max)).toEqual([MESSAGES - EARLY / 2, EARLY / 2]);
  });

  it('says nothing when nothing is missing', () => {
    vouch();
    expect(start(true).word).toBeNull();
    vouch({ stoppedAt: -1 });
    expect(start(false).word).toBeNull();
  });
});

describe('after a crash', () => {
  const round = (): Partial<Vouched> => {
    const { records } = store;
    const counts = { queueCount: 2, queueEntries: 80 };
    return { filedTo: records[80]!.logOffset, lookFrom: 0, indexEnd: records[79]!.logOffset, stoppedAt: -1, ...counts };
  };

  it.each<[string, (disk: MemoryDisk) => void]>([
    ['cut short', (disk) => disk.put(QUEUE_1_FILE, disk.readWhole(QUEUE_1_FILE).slice(0, 100))],
    ['zeros', (disk) => disk.bytesOf(QUEUE_1_FILE).fill(0)],
    ['gone', (disk) => disk.removeTree(QUEUE_1)],
  ])('a queue that gets no messages any more and whose file is %s is built again', (_, harm) => {
    vouch(round());
    harm(store.disk);
    const recovered = start(false);
    expect(warnings.join()).toContain('where there were 2 with 80: what is missing is built again');
    expectQueue1(recovered);
  });

  it('what the round has counted is there, and nothing is said', () => {
    vouch(round());
    expect(start(false).dispatchFrom).toBe(store.records[80]!.logOffset);
    expect(warnings).toEqual([]);
  });

  it('it is told that queues have got to the disk further than the log', () => {
    vouch(round());
    const { logOffset } = store.records[90]!;
    const segment = logOffset - (logOffset % SMALL_SIZES.segmentSizeBytes);
    store.disk
      .bytesOf(`${smallPaths.commitLog}/${String(segment).padStart(20, '0')}`)
      .fill(0, logOffset - segment, logOffset - segment + 100);
    expect(start(false).logEnd).toBe(logOffset);
    expect(warnings.join()).toContain(`T/0 names records up to ${store.logEnd}; the log ends at ${logOffset}`);
  });

  it('an abort that somebody has taken away does not make a stop in order of it', () => {
    vouch(round());
    expect(isStoppedInOrder(store.disk, smallPaths, true)).toBe(false);
    expect(start(true)).toMatchObject({ cleanStop: false, dispatchFrom: store.records[80]!.logOffset });
    vouch();
    expect(isStoppedInOrder(store.disk, smallPaths, true)).toBe(true);
    expect(isStoppedInOrder(store.disk, smallPaths, false)).toBe(false);
  });
});

describe('a damaged entry of a queue, after a stop in order', () => {
  it.each<[string, number, number]>([
    ['a place behind the log', 0, 7],
    ['a size that goes beyond the log', 8, 0x7ffffe],
  ])('that names %s is built again, and its offset is not given out twice', (_, at, value) => {
    vouch();
    const bytes = store.disk.bytesOf(QUEUE_1_FILE);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setInt32((EARLY / 2 - 1) * QUEUE_ENTRY_BYTES + at, value);
    const recovered = start(true);
    expect(warnings[0]).toContain('these entries are damaged, and built again');
    expectQueue1(recovered);
  });

  it('lets the look begin at its record, and not at the start of the log', () => {
    vouch();
    const { disk, records } = store;
    const at = (records.filter(({ queueId }) => queueId === 0).length - 1) * QUEUE_ENTRY_BYTES;
    const inFile = at % SMALL_SIZES.queueFileSizeBytes;
    const bytes = disk.bytesOf(`/store/consumequeue/T/0/${String(at - inFile).padStart(20, '0')}`);
    new DataView(bytes.buffer, bytes.byteOffset).setInt32(inFile, 7);
    const recovered = start(true);
    expect(recovered.dispatchFrom).toBe(records.at(-1)!.logOffset);
    expect(warnings).toHaveLength(1);
    expect(infos.join()).toContain(`looked through from ${records[90]!.logOffset},`);
  });

  it('is taken for one of records that are gone where RingMQ does not say that the log is whole', () => {
    const { disk, records } = store;
    const { logOffset } = records[95]!;
    const segment = logOffset - (logOffset % SMALL_SIZES.segmentSizeBytes);
    const file = disk.bytesOf(`${smallPaths.commitLog}/${String(segment).padStart(20, '0')}`);
    file.fill(0, logOffset - segment);
    expect(start(true)).toMatchObject({ logEnd: logOffset });
    expect(warnings.join()).toContain('it has lost what lies between. These entries go');
  });
});

describe('a queue whose oldest file is gone', () => {
  const SECOND_FILE = SMALL_SIZES.queueFileSizeBytes / QUEUE_ENTRY_BYTES;

  beforeEach(() => {
    vouch();
    store.disk.unlink('/store/consumequeue/T/0/00000000000000000000');
  });

  it('is named, because its messages are still in the log', () => {
    expect(start(true).queues.find(({ queueId }) => queueId === 0)?.min).toBe(SECOND_FILE);
    expect(warnings).toEqual([
      expect.stringContaining(`queue T/0 begins with offset ${SECOND_FILE}, of a message that`),
    ]);
  });

  it('is as retention leaves it when its messages are gone too', () => {
    const { disk, records } = store;
    const next = records.filter(({ queueId }) => queueId === 0)[SECOND_FILE]!.logOffset;
    for (const name of disk.list(smallPaths.commitLog))
      if (Number(name) <= next) disk.unlink(`${smallPaths.commitLog}/${name}`);
    vouch({ logStart: Number(disk.list(smallPaths.commitLog)[0]) });
    expect(start(true).logStart).toBeGreaterThan(next);
    expect(warnings).toEqual([]);
  });
});

describe('a log whose oldest files are gone', () => {
  const SECOND = SMALL_SIZES.segmentSizeBytes;
  const removeFirst = (): void => store.disk.unlink(`${smallPaths.commitLog}/00000000000000000000`);

  it('since a stop in order is named, and the start goes on without them', () => {
    vouch();
    removeFirst();
    expect(start(true)).toMatchObject({ logStart: SECOND, logEnd: store.logEnd, dispatchFrom: store.logEnd });
    expect(warnings).toEqual([
      `the log of ${smallPaths.commitLog} begins at ${SECOND}, and began at 0 when it was stopped in order: files before are missing: ` +
        'what they held is gone unless they are put back, with the broker stopped. This start goes on without them',
    ]);
  });

  it.each<[string, boolean, Partial<Vouched>]>([
    ['before the stop', true, { logStart: SECOND }],
    ['since a crash: retention may have taken them', false, { stoppedAt: -1 }],
  ])('%s is as it was', (_, cleanStop, word) => {
    vouch(word);
    removeFirst();
    expect(start(cleanStop).logStart).toBe(SECOND);
    expect(warnings).toEqual([]);
  });

  it('and are put back is as it was', () => {
    vouch({ logStart: SECOND });
    expect(start(true).logStart).toBe(0);
    expect(warnings).toEqual([]);
  });

  it('begins, in what a start says of it, where it does', () => {
    vouch();
    removeFirst();
    store.disk.removeTree(QUEUE_1);
    expect(start(true).word).toMatchObject({ logStart: SECOND });
  });
});

describe('the key index', () => {
  /** Of the newest file a page of entries did not get to the disk, although its header counts them. */
  function loseEntries(): void {
    const at = indexEntryPosition(SMALL_SHAPE, 30);
    store.disk.bytesOf(SMALL_INDEX).fill(0, at, at + 20 * INDEX_ENTRY_BYTES);
  }

  it('that was not kept for a while is looked through when it is kept again', () => {
    loseEntries();
    vouch({ indexEnd: NO_INDEX_KEPT });
    // Two keys a message: entries 1 to 29 are of messages 0 to 14.
    expect(start(true).dispatchFrom).toBe(store.records[15]!.logOffset);
    expect(infos[0]).toBe('the key index may lack messages: 1 file to be read whole');
  });

  it.each([true, false])(
    'is whole again where the header of its newest file has become zero, with a word: %s',
    (isSaid) => {
      const { disk, logEnd } = store;
      if (isSaid) vouch();
      const whole = disk.readWhole(SMALL_INDEX);
      disk.bytesOf(SMALL_INDEX).fill(0, 0, INDEX_HEADER_BYTES);
      expect(start(true).dispatchFrom).toBe(logEnd);
      expect(Buffer.from(disk.readWhole(SMALL_INDEX)).equals(whole)).toBe(true);
    },
  );

  it('without a word is believed no further than the checkpoint says, in any of its files', () => {
    loseEntries();
    const newer = '/store/index/20260101000000001';
    store.disk.put(newer, store.disk.readWhole(SMALL_INDEX));
    // As Apache's broker leaves it when it is killed before the index is flushed.
    const checkpoint = store.disk.bytesOf(smallPaths.checkpoint);
    new DataView(checkpoint.buffer, checkpoint.byteOffset).setBigInt64(16, 0n);
    expect(start(false).dispatchFrom).toBe(store.records[15]!.logOffset);
    expect(store.disk.stat(newer)).toBeNull();
  });
});

describe('a log of which nobody says how far it was flushed', () => {
  it('is not cut off in the middle: a damaged body in an old file is what a repair goes on over', () => {
    const { disk, records } = store;
    disk.unlink(smallPaths.checkpoint);
    const { logOffset } = records[10]!;
    disk.bytesOf(`${smallPaths.commitLog}/00000000000000000000`)[logOffset + 90]! ^= 1;
    expect(() => start(false)).toThrow(`the log is damaged at ${logOffset}`);
    expect(() => start(false)).toThrow('goes on in');
    expect(disk.list(`${smallPaths.commitLog}.cut`)).toEqual([]);
  });
});
