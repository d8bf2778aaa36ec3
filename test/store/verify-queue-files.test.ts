/** Verify says of the files of queues what a start does with them, whatever files these are, and a repair that begins gets to its end. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QUEUE_ENTRY_BYTES, writeQueueEntry } from '../../src/layout/queue-entry.ts';
import { vouchAtStart } from '../../src/store/checkpoint.ts';
import type { Finding } from '../../src/store/findings.ts';
import { recoverStore } from '../../src/store/recovery.ts';
import { StoreDamagedError } from '../../src/store/store-errors.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import { type RepairedStore, repaired } from '../support/repaired.ts';
import { SMALL_SHAPE, SMALL_SIZES, smallPaths, smallStore } from '../support/small-store.ts';
import { verified } from '../support/verified.ts';

const COUNT = 100;
const SIZE = SMALL_SIZES.queueFileSizeBytes;
const OPTIONS = { sizes: SMALL_SIZES, shape: SMALL_SHAPE };
/** One that the log has, one of which it has nothing any more, and one of Apache's for light consumers. */
const QUEUES = ['T/0', 'Old/0', '%LMQ%L/0'] as const;

/** What becomes of a file. */
type Change = 'kept' | 'gone' | 'empty' | 'short' | 'long' | 'folder';

interface QueueShape {
  readonly queue: (typeof QUEUES)[number];
  /** Of its files, in order. */
  readonly changes: readonly Change[];
  /** Where a file begins that fits nowhere. */
  readonly stray?: number | null;
  readonly cleanStop: boolean;
  /** Number of the message up to which RingMQ says that all is filed; null when it says nothing. */
  readonly filed: number | null;
}

function pathOf(queue: string, start: number): string {
  return `${smallPaths.consumeQueue}/${queue}/${String(start).padStart(20, '0')}`;
}

const BASE = baseStore();

/** The first file of the log is gone, and there are all kinds of queues. */
function baseStore(): ReturnType<typeof smallStore> {
  const store = smallStore(COUNT);
  const { disk, records } = store;
  disk.unlink(`${smallPaths.commitLog}/00000000000000000000`);
  const old = new Uint8Array(3 * SIZE);
  const view = new DataView(old.buffer);
  for (let at = 0; at < 50 * QUEUE_ENTRY_BYTES; at += QUEUE_ENTRY_BYTES) writeQueueEntry(view, at, at, 100, 1);
  for (let start = 0; start < 3 * SIZE; start += SIZE) {
    disk.put(pathOf('Old/0', start), old.slice(start, start + SIZE));
    disk.put(pathOf('%LMQ%L/0', start), disk.readWhole(pathOf('T/0', start)));
  }
  disk.put('/store/config/topics.json', '{"topicConfigTable":{"T":{},"Old":{}}}');
  return { ...store, records };
}

function diskOf({ queue, changes, stray = null, cleanStop, filed }: QueueShape): MemoryDisk {
  const disk = BASE.disk.copy();
  for (const [i, change] of changes.entries()) alter(disk, pathOf(queue, i * SIZE), change);
  if (stray !== null) disk.put(pathOf(queue, stray), new Uint8Array(SIZE));
  const rest = {
    lookFrom: 0,
    indexEnd: -1,
    stoppedAt: cleanStop ? BASE.logEnd : -1,
    queueCount: 4,
    queueEntries: 200,
    logStart: SMALL_SIZES.segmentSizeBytes,
  };
  if (filed !== null) {
    const filedTo = cleanStop ? BASE.logEnd : BASE.records[filed]!.logOffset;
    vouchAtStart(disk, smallPaths.checkpoint, { ...rest, filedTo });
  }
  if (!cleanStop) disk.put(smallPaths.abort, '1');
  return disk;
}

function alter(disk: MemoryDisk, path: string, change: Change): void {
  const bytes = disk.stat(path) === null ? new Uint8Array(SIZE) : disk.readWhole(path);
  if (change === 'kept') return;
  if (disk.stat(path) !== null) disk.unlink(path);
  if (change === 'empty') disk.put(path, '');
  if (change === 'short') disk.put(path, bytes.slice(0, 100));
  if (change === 'long') disk.put(path, Buffer.concat([bytes, Buffer.alloc(56)]));
  if (change === 'folder') disk.makeDirectory(path);
}

/** What a start says; null for one that takes the store. */
function refusal(disk: MemoryDisk): string | null {
  const index = { directory: smallPaths.index, shape: SMALL_SHAPE };
  const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop: disk.stat(smallPaths.abort) === null, index };
  try {
    recoverStore(disk, smallPaths, settings, { info: () => {}, warn: () => {} });
    return null;
  } catch (error) {
    if (error instanceof StoreDamagedError) return error.message;
    throw error;
  }
}

const OF_FILES = /is a folder|mappedFileSizeConsumeQueue|a file between them is missing/;

function isOfQueueFiles({ kind, file }: Finding): boolean {
  return kind === 'queue-files' || (kind === 'foreign-file' && file.startsWith(smallPaths.consumeQueue));
}

async function saysRefused(disk: MemoryDisk): Promise<boolean> {
  const { findings } = await verified(disk, smallPaths, OPTIONS);
  return findings.some((finding) => isOfQueueFiles(finding) && finding.matters);
}

describe('verify and a start', () => {
  it('refuse and take off the same files of queues, and a repair leaves what a start takes', async () => {
    const change = fc.constantFrom<Change>('kept', 'kept', 'kept', 'kept', 'kept', 'gone', 'empty', 'short', 'long');
    const changes = fc.array(fc.oneof({ weight: 30, arbitrary: change }, fc.constant<Change>('folder')), {
      minLength: 3,
      maxLength: 4,
    });
    const shape = fc.record({
      queue: fc.constantFrom(...QUEUES),
      changes,
      stray: fc.constantFrom(null, null, null, null, null, 567, 9020),
      cleanStop: fc.boolean(),
      filed: fc.constantFrom(null, 35, 50, 80, 99),
    });
    let refused = 0;
    const ends = new Map<string, number>();
    const runs = 300;
    await fc.assert(
      fc.asyncProperty(shape, async (drawn) => {
        const disk = diskOf(drawn);
        const said = refusal(disk.copy());
        const isRefused = said !== null && OF_FILES.test(said);
        if (isRefused) refused++;
        expect(await saysRefused(disk), said ?? 'starts').toBe(isRefused);
        const before = disk.contents();
        const { end } = await repaired(disk, smallPaths, OPTIONS);
        ends.set(end, (ends.get(end) ?? 0) + 1);
        if (end === 'refused') expect(disk.contents()).toEqual(before);
        else expect(refusal(disk)).toBe(null);
      }),
      { numRuns: runs },
    );
    expect(refused).toBeGreaterThan(runs / 10);
    expect(refused).toBeLessThan((runs * 9) / 10);
    expect(ends.get('repaired')).toBeGreaterThan(runs / 10);
    expect(ends.get('refused')).toBeGreaterThan(runs / 20);
  }, 60_000);

  const clean = { queue: 'T/0', cleanStop: true, filed: 99 } as const;
  const crashed = { queue: 'T/0', cleanStop: false, filed: 50 } as const;
  it.each<[what: string, shape: QueueShape, says: string[], end: RepairedStore['end']]>([
    [
      'a young file that is too large, after a crash',
      { ...crashed, changes: ['kept', 'kept', 'long'] },
      ['queue-files! repair T/0/00000000000000000800: has 456 bytes, not 400: a broker refuses to start'],
      'repaired',
    ],
    [
      'a young file behind one that is missing, after a crash',
      { ...crashed, filed: 35, changes: ['kept', 'gone', 'kept'] },
      [
        'queue-files nothing T/0/00000000000000000800: 1 file from here on, behind one that is short or missing: not known to have been flushed, and the next start takes them away',
      ],
      'repaired',
    ],
    [
      'a last file without a byte, after a stop in order',
      { ...clean, changes: ['kept', 'kept', 'kept', 'empty'] },
      ['queue-files nothing T/0/00000000000000001200: has no bytes: the next start removes it'],
      'nothing to do',
    ],
    [
      'a last file that is short, after a crash',
      { ...crashed, changes: ['kept', 'kept', 'short'] },
      ['queue-files nothing T/0/00000000000000000800: has 100 bytes, not 400: the next start gives it its size'],
      'repaired',
    ],
    [
      'a file of a queue for light consumers that is too large',
      { ...clean, queue: '%LMQ%L/0', changes: ['kept', 'long'] },
      [
        'queue-files! move %LMQ%L/0/00000000000000000400: has 456 bytes, not 400: a broker refuses to start. Put a copy there, or move /store/consumequeue/%LMQ%L/0 away: nothing is built of such a queue',
      ],
      'refused',
    ],
    [
      'files of a queue that the log has nothing of',
      { ...clean, queue: 'Old/0', changes: ['long', 'short'] },
      [
        'queue-files! repair Old/0/00000000000000000000: has 456 bytes, not 400: a broker refuses to start',
        'queue-files! repair Old/0/00000000000000000400: has 100 bytes, not 400: a broker refuses to start',
      ],
      'repaired',
    ],
    [
      'a file that begins where none does',
      { ...clean, changes: [], stray: 567 },
      [
        'queue-files! move T/0/00000000000000000567: begins at 567, where no file of 400 bytes does: a broker refuses to start',
      ],
      'refused',
    ],
    [
      'a folder in place of a file',
      { ...crashed, changes: ['kept', 'kept', 'kept', 'folder'] },
      ['foreign-file! move T/0/00000000000000001200: is a folder, where a file is to be: a broker refuses to start'],
      'refused',
    ],
  ])('%s', async (_what, shape, says, end) => {
    const disk = diskOf(shape);
    const { findings } = await verified(disk, smallPaths, OPTIONS);
    const inFolder = (path: string): string => path.slice(smallPaths.consumeQueue.length + 1);
    expect(
      findings
        .filter(isOfQueueFiles)
        .map(
          ({ kind, matters, advice, file, what }) =>
            `${kind}${matters ? '!' : ''} ${advice} ${inFolder(file)}: ${what}`,
        ),
    ).toEqual(says);
    expect(refusal(disk.copy()) !== null).toBe(says.some((text) => text.includes('refuses to start')));
    const outcome = await repaired(disk, smallPaths, OPTIONS);
    expect(outcome.end).toBe(end);
    expect(outcome.plan.refusals.every((text) => text.endsWith('. Move it away first'))).toBe(true);
    if (end === 'repaired') expect(refusal(disk)).toBe(null);
  });
});

describe('verify counts the entries that are missing', () => {
  const shape = { queue: 'T/0', cleanStop: true, filed: 99 } as const;

  it.each<[what: string, changes: readonly Change[], says: string]>([
    ['before a file that is whole', ['kept', 'gone', 'kept'], 'has no entry for 20 records, the first is 20'],
    ['in a file that is short', ['kept', 'short', 'kept'], 'has no entry for 15 records, the first is 25'],
    ['behind a file that is whole', ['kept', 'folder', 'kept'], 'has no entry for 20 records, the first is 20'],
    ['in two files', ['kept', 'short', 'gone'], 'has no entry for its last 25 records, from 25 on'],
  ])('%s', async (_what, changes, says) => {
    const disk = diskOf({ ...shape, changes });
    const told = (kind: string): boolean => kind === 'queue-wrong' || kind === 'queue-behind';
    for (const sliceBytes of [SMALL_SIZES.segmentSizeBytes, 1000]) {
      const { findings } = await verified(disk, smallPaths, { ...OPTIONS, sliceBytes });
      expect(findings.filter(({ kind }) => told(kind)).map(({ what }) => what)).toEqual([says]);
    }
  });
});

describe('a repair', () => {
  it('leaves what is not of a queue in its folder', async () => {
    const disk = diskOf({ queue: 'T/0', changes: ['gone'], cleanStop: true, filed: 99 });
    const note = `${smallPaths.consumeQueue}/T/0/notes.txt`;
    disk.put(note, 'mine');
    const { end, done } = await repaired(disk, smallPaths, OPTIONS);
    expect([end, done.queuesBuilt]).toEqual(['repaired', 1]);
    expect(Buffer.from(disk.readWhole(note)).toString()).toBe('mine');
  });
});
