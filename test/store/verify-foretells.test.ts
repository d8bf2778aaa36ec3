/** What `verify` says that the next start does with a damage is what the start does. */
import { describe, expect, it } from 'vitest';
import { indexEntryPosition, indexFileBytes } from '../../src/layout/index-file.ts';
import { CheckpointWriter } from '../../src/store/checkpoint.ts';
import type { FindingKind } from '../../src/store/findings.ts';
import { type RecoveredStore, recoverStore } from '../../src/store/recovery.ts';
import { StoreDamagedError } from '../../src/store/store-errors.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import { repaired } from '../support/repaired.ts';
import {
  SMALL_INDEX,
  SMALL_SHAPE,
  SMALL_SIZES,
  type SmallStore,
  smallPaths,
  smallStore,
} from '../support/small-store.ts';
import { verified } from '../support/verified.ts';

const COUNT = 40;
/** In the newest file of the log. */
const DAMAGED = COUNT - 3;

/** RingMQ's word that all of the log is on the disk, of a stop in order or of a round before a crash. */
function vouch({ disk, logEnd }: SmallStore, isClean: boolean, indexEnd = -1): void {
  const writer = new CheckpointWriter(disk, smallPaths.checkpoint);
  const stoppedAt = isClean ? logEnd : -1;
  const counts = { queueCount: 2, queueEntries: COUNT };
  writer.write({}, { filedTo: logEnd, lookFrom: 0, indexEnd, stoppedAt, ...counts });
  writer.close();
}

function crash({ disk }: SmallStore): void {
  disk.put(smallPaths.abort, '1');
}

function recordBytes({ disk, records }: SmallStore): Uint8Array {
  const { logOffset, size } = records[DAMAGED]!;
  const start = Math.floor(logOffset / SMALL_SIZES.segmentSizeBytes) * SMALL_SIZES.segmentSizeBytes;
  const bytes = disk.bytesOf(`${smallPaths.commitLog}/${String(start).padStart(20, '0')}`);
  return bytes.subarray(logOffset - start, logOffset - start + size);
}

function damageBody(store: SmallStore): void {
  recordBytes(store)[90]! ^= 1;
}

function recover(disk: MemoryDisk): RecoveredStore {
  const cleanStop = disk.stat(smallPaths.abort) === null;
  const index = { directory: smallPaths.index, shape: SMALL_SHAPE };
  const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop, index };
  return recoverStore(disk, smallPaths, settings, { info: () => {}, warn: () => {} });
}

/** Where the log ends after the start; null for one that refuses. */
function start(disk: MemoryDisk): number | null {
  try {
    return recover(disk).logEnd;
  } catch (error) {
    if (error instanceof StoreDamagedError) return null;
    throw error;
  }
}

async function said(disk: MemoryDisk, kind: FindingKind): Promise<string> {
  const { findings } = await verified(disk, smallPaths, { sizes: SMALL_SIZES, shape: SMALL_SHAPE });
  return findings.find((finding) => finding.kind === kind)!.what;
}

describe('what a start does with damage in the log', () => {
  it.each([true, false])(
    'it serves a damaged body that was on the disk whole, after a stop in order: %s',
    async (isClean) => {
      const store = smallStore(COUNT);
      vouch(store, isClean);
      if (!isClean) crash(store);
      damageBody(store);
      expect(await said(store.disk, 'record-damaged')).toMatch(/served as it is/);
      expect(start(store.disk.copy())).toBe(store.logEnd);
      // So it is nothing that a repair would have to stop at.
      store.disk.removeTree('/store/consumequeue/T/1');
      const { end, plan } = await repaired(store.disk, smallPaths, { sizes: SMALL_SIZES, shape: SMALL_SHAPE });
      expect([end, plan.build.map(({ queueId }) => queueId)]).toEqual(['repaired', [1]]);
      expect(start(store.disk)).toBe(store.logEnd);
    },
  );

  it('it ends the log at a damaged body of which nobody has said so', async () => {
    const store = smallStore(COUNT);
    crash(store);
    damageBody(store);
    expect(await said(store.disk, 'record-damaged')).toMatch(/the next start cuts them off/);
    expect((await repaired(store.disk, smallPaths, { sizes: SMALL_SIZES, shape: SMALL_SHAPE })).end).toBe('refused');
    expect(start(store.disk)).toBe(store.records[DAMAGED]!.logOffset);
  });

  it.each([true, false])('it refuses where a record was and is none, after a stop in order: %s', async (isClean) => {
    const store = smallStore(COUNT);
    vouch(store, isClean);
    if (!isClean) crash(store);
    recordBytes(store).fill(0);
    // Far behind the place where a start begins: it looks there for what a queue has lost.
    store.disk.removeTree('/store/consumequeue/T/1');
    expect(await said(store.disk, 'log-hole')).toMatch(/a start that looks there refuses/);
    expect(start(store.disk)).toBe(null);
  });
});

describe('what a start does without an index', () => {
  it.each([true, false])('it puts all keys in, after a stop in order: %s', async (isClean) => {
    const store = smallStore(COUNT);
    vouch(store, isClean, store.records.at(-1)!.logOffset);
    if (!isClean) crash(store);
    store.disk.removeTree(smallPaths.index);
    const { findings, matter } = await verified(store.disk, smallPaths, { sizes: SMALL_SIZES, shape: SMALL_SHAPE });
    expect(findings.map(({ kind, advice }) => `${kind} ${advice}`)).toEqual(['index-missing nothing']);
    expect([findings[0]!.what, matter]).toEqual([expect.stringMatching(/the next start puts the keys in/), 0]);
    expect(recover(store.disk).dispatchFrom).toBe(0);
  });
});

describe('what a start after a crash does with the newest index file', () => {
  const size = (disk: MemoryDisk): number => disk.stat(SMALL_INDEX)?.size ?? -1;

  it.each<[what: string, bytes: number, says: RegExp, after: number | null]>([
    ['that has no size yet', 0, /the next start removes it/, -1],
    [
      'whose entries were being cut off',
      indexEntryPosition(SMALL_SHAPE, 2 * COUNT + 1),
      /goes on with that/,
      indexFileBytes(SMALL_SHAPE),
    ],
    ['that has lost its end', indexEntryPosition(SMALL_SHAPE, 2 * COUNT), /a broker refuses to start/, null],
    ['that has lost its header', 20, /a broker refuses to start/, null],
  ])('%s', async (_what, bytes, says, after) => {
    const store = smallStore(COUNT);
    crash(store);
    store.disk.put(SMALL_INDEX, store.disk.readWhole(SMALL_INDEX).slice(0, bytes));
    expect(await said(store.disk, 'index-header')).toMatch(says);
    const end = start(store.disk);
    expect(end).toBe(after === null ? null : store.logEnd);
    if (after !== null) expect(size(store.disk)).toBe(after);
  });
});
