/** What `verify` says that the next start does with a damage is what the start does. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCheckpoint, NO_INDEX_KEPT, type Vouched } from '../../src/layout/checkpoint-file.ts';
import { indexEntryPosition, indexFileBytes } from '../../src/layout/index-file.ts';
import { CheckpointWriter, EMPTY_CHECKPOINT, readVouched } from '../../src/store/checkpoint.ts';
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
import { kindsOf, verified } from '../support/verified.ts';

const COUNT = 40;
/** In the newest file of the log. */
const DAMAGED = COUNT - 3;

/** RingMQ's word that all of the log is on the disk, of a stop in order or of a round before a crash. */
function vouch({ disk, logEnd }: SmallStore, isClean: boolean, word: Partial<Vouched> = {}): void {
  const writer = new CheckpointWriter(disk, smallPaths.checkpoint);
  const stoppedAt = isClean ? logEnd : -1;
  const counts = { queueCount: 2, queueEntries: COUNT, logStart: 0 };
  writer.write({}, { filedTo: logEnd, lookFrom: 0, indexEnd: -1, stoppedAt, ...counts, ...word });
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

/** What the start says that refuses. */
function refusal(disk: MemoryDisk): string {
  const cleanStop = disk.stat(smallPaths.abort) === null;
  try {
    const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop };
    recoverStore(disk, smallPaths, settings, { info: () => {}, warn: () => {} });
    return '';
  } catch (error) {
    return String(error);
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

  it.each<[what: string, kind: FindingKind, damage: (bytes: Uint8Array) => void]>([
    ['a damaged body', 'record-damaged', (bytes) => bytes.fill(0, 90, 91)],
    ['a hole', 'log-hole', (bytes) => bytes.fill(0)],
  ])('it refuses at %s of which nobody has said so, where a later file goes on', async (_what, kind, damage) => {
    const store = smallStore(100);
    crash(store);
    store.disk.unlink(smallPaths.checkpoint);
    const { logOffset, size } = store.records[5]!;
    damage(store.disk.bytesOf(`${smallPaths.commitLog}/${'0'.repeat(20)}`).subarray(logOffset, logOffset + size));
    expect(start(store.disk.copy())).toBe(null);
    expect(await said(store.disk, kind)).toMatch(/the next start refuses, because the log goes on in 0+4096/);
    expect(await said(store.disk, 'checkpoint-missing')).toMatch(/it refuses at the first damage/);
    // Without another file it is the end of the log.
    for (const name of store.disk.list(smallPaths.commitLog).slice(1))
      store.disk.unlink(`${smallPaths.commitLog}/${name}`);
    expect(await said(store.disk, kind)).toMatch(/the next start cuts them off/);
    expect(await said(store.disk, 'checkpoint-missing')).toMatch(/it ends it at the first damage/);
    expect(start(store.disk)).toBe(logOffset);
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
    vouch(store, isClean, { indexEnd: store.records.at(-1)!.logOffset });
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

describe('what a start does with what the checkpoint says of the log', () => {
  const options = { sizes: SMALL_SIZES, shape: SMALL_SHAPE };
  const kinds = async (disk: MemoryDisk): Promise<string[]> => kindsOf(await verified(disk, smallPaths, options));
  const removeLog = ({ disk }: SmallStore, keeps = 0): void => {
    for (const name of disk.list(smallPaths.commitLog).toReversed().slice(keeps))
      disk.unlink(`${smallPaths.commitLog}/${name}`);
  };

  it.each([true, false])(
    'it refuses where no file is left of a log, also without queues, after a stop in order: %s',
    async (isClean) => {
      const store = smallStore(COUNT);
      const { disk } = store;
      vouch(store, isClean);
      if (!isClean) crash(store);
      removeLog(store);
      for (const what of ['queues', 'no queues']) {
        expect(start(disk.copy()), what).toBe(null);
        expect(await kinds(disk), what).toEqual(['log-missing! restore']);
        expect(await said(disk, 'log-missing'), what).toMatch(/a start refuses/);
        expect((await repaired(disk, smallPaths, options)).end, what).toBe('refused');
        disk.removeTree(smallPaths.consumeQueue);
      }
      expect(refusal(disk)).toMatch(/there is no file of it/);
      expect(refusal(disk), 'repair has nothing to repair').not.toMatch(/ringmq repair/);
    },
  );

  it('it removes queues without a log where nothing tells of one', async () => {
    const store = smallStore(COUNT);
    removeLog(store);
    store.disk.unlink(smallPaths.checkpoint);
    expect(await kinds(store.disk)).toEqual(['log-missing! restore']);
    expect(await said(store.disk, 'log-missing')).toMatch(/a start removes the queues/);
    expect(start(store.disk)).toBe(0);
    expect(store.disk.list(`${smallPaths.consumeQueue}/T`)).toEqual([]);
  });

  it('it refuses without a log that the checkpoint names times of, also without queues', async () => {
    const store = smallStore(COUNT);
    removeLog(store);
    for (const what of ['queues', 'no queues']) {
      expect(start(store.disk.copy()), what).toBe(null);
      expect(await kinds(store.disk), what).toEqual(['log-missing! restore']);
      expect(await said(store.disk, 'log-missing'), what).toMatch(/a start refuses/);
      store.disk.removeTree(smallPaths.consumeQueue);
    }
  });

  it.each([true, false])('it refuses that of another store, after a stop in order: %s', async (isClean) => {
    const other = smallStore(33, (i) => ({ body: `another body ${i}` }));
    vouch(other, isClean, { lookFrom: other.records[20]!.logOffset });
    const store = smallStore(COUNT);
    if (!isClean) crash(store);
    store.disk.put(smallPaths.checkpoint, other.disk.readWhole(smallPaths.checkpoint));
    const saysWhere = `no record lies at ${other.records[20]!.logOffset}`;
    expect(refusal(store.disk.copy())).toContain(saysWhere);
    expect(await kinds(store.disk)).toEqual(['checkpoint-ahead! repair']);
    expect(await said(store.disk, 'checkpoint-ahead')).toContain(saysWhere);
    expect((await repaired(store.disk, smallPaths, options)).ok).toBe(true);
    expect(start(store.disk)).toBe(store.logEnd);
  });

  it('it refuses that of a log whose oldest files are gone, the place of the checkpoint with them', async () => {
    const store = smallStore(100);
    const filedTo = store.records[5]!.logOffset;
    vouch(store, false, { filedTo });
    crash(store);
    removeLog(store, 2);
    expect(refusal(store.disk.copy())).toMatch(new RegExp(`it begins at \\d+, .* ${filedTo}`));
    expect(await said(store.disk, 'checkpoint-ahead')).toMatch(/a start refuses/);
    expect((await repaired(store.disk, smallPaths, options)).ok).toBe(true);
    expect(start(store.disk)).toBe(store.logEnd);
  });

  it('it goes on without the oldest files of a log that are gone since a stop in order, and says so', async () => {
    const store = smallStore(COUNT);
    const first = `${smallPaths.commitLog}/00000000000000000000`;
    vouch(store, true, { lookFrom: store.records.at(-1)!.logOffset, indexEnd: store.records.at(-1)!.logOffset });
    store.disk.unlink(first);
    expect(await kinds(store.disk)).toEqual(['queue-deleted nothing', 'segments-gone! restore']);
    const [finding] = (await verified(store.disk, smallPaths, options)).findings.filter(
      ({ kind }) => kind === 'segments-gone',
    );
    expect(finding).toMatchObject({ file: first, offset: 0 });
    expect(finding!.what).toBe(
      'the log begins at 4096, and began at 0 when it was stopped in order: files before are missing, with what they held. The next start goes on without them',
    );
    for (const state of ['crashed', 'running'] as const)
      expect(kindsOf(await verified(store.disk, smallPaths, { ...options, state })), state).not.toContain(
        'segments-gone! restore',
      );
    const { end, ok, plan } = await repaired(store.disk, smallPaths, options);
    expect([end, ok]).toEqual(['nothing to do', false]);
    expect(plan.left).toEqual([`the oldest files of the log, from ${first} on, stay missing`]);
    expect(start(store.disk)).toBe(store.logEnd);
  });

  it('a repair says where the log begins that it leaves, before and after', async () => {
    const store = smallStore(COUNT);
    vouch(store, true);
    store.disk.unlink(`${smallPaths.commitLog}/00000000000000000000`);
    store.disk.removeTree(`${smallPaths.consumeQueue}/T/1`);
    const said = (): number | undefined => readVouched(store.disk, smallPaths.checkpoint)?.logStart;
    const interrupt = (): never => {
      throw new Error('interrupted');
    };
    await expect(repaired(store.disk, smallPaths, { ...options, before: interrupt })).rejects.toThrow('interrupted');
    expect(said()).toBe(4096);
    store.disk.unlink(smallPaths.checkpoint);
    expect((await repaired(store.disk, smallPaths, options)).end).toBe('repaired');
    expect(said()).toBe(4096);
  });

  it('it goes by the word of a broker that was killed before its first round, so nothing is missing', async () => {
    const store = smallStore(COUNT);
    crash(store);
    damageBody(store);
    const word = {
      filedTo: 0,
      lookFrom: 0,
      indexEnd: NO_INDEX_KEPT,
      stoppedAt: -1,
      queueCount: 0,
      queueEntries: 0,
      logStart: 0,
    };
    store.disk.put(smallPaths.checkpoint, encodeCheckpoint(EMPTY_CHECKPOINT, word));
    expect(await kinds(store.disk)).toEqual(['record-damaged! restore']);
    store.disk.put(smallPaths.checkpoint, encodeCheckpoint(EMPTY_CHECKPOINT, null));
    expect(await kinds(store.disk)).toEqual(['checkpoint-missing repair', 'record-damaged! restore']);
  });

  it('it builds what a repair spares, where that was interrupted: it has to be run again', async () => {
    const store = smallStore(COUNT);
    store.disk.removeTree(`${smallPaths.consumeQueue}/T/1`);
    const interrupt = (): never => {
      throw new Error('interrupted');
    };
    await expect(repaired(store.disk, smallPaths, { ...options, before: interrupt })).rejects.toThrow('interrupted');
    // A start goes by it.
    expect(start(store.disk.copy())).toBe(store.logEnd);
    for (const state of ['clean', 'crashed'] as const) {
      const report = await verified(store.disk, smallPaths, { ...options, state });
      expect(kindsOf(report), state).toContain('repair-unfinished! repair');
    }
    expect(kindsOf(await verified(store.disk, smallPaths, { ...options, state: 'running' }))).not.toContain(
      'repair-unfinished! repair',
    );
    expect((await repaired(store.disk, smallPaths, options)).ok).toBe(true);
    expect(await kinds(store.disk)).toEqual([]);
  });

  it('it names the place that lies behind the files, not one before it where a record is', () => {
    const store = smallStore(COUNT);
    vouch(store, false, { filedTo: 100_000 });
    crash(store);
    expect(refusal(store.disk)).toMatch(/its files end at \d+, but all records up to 100000 have been on the disk/);
  });

  it('names no way that loses records, for a log that has lost some', async () => {
    const store = smallStore(COUNT);
    vouch(store, false, { filedTo: 100_000 });
    crash(store);
    expect(refusal(store.disk)).toMatch(/`ringmq repair`/);
    expect(refusal(store.disk)).not.toMatch(/away/);
  });

  it('verify refuses what a start refuses, whatever it says and whichever old files are gone', async () => {
    const { records, logEnd } = smallStore(70);
    const places = [...records.map(({ logOffset }) => logOffset), logEnd, logEnd + 1, 100_000];
    const place = fc.oneof(fc.constantFrom(...places), fc.nat(logEnd));
    const word = fc.record({
      at: fc
        .tuple(place, place)
        .map(([one, other]) => [Math.min(one, other), Math.max(one, other)] as const)
        // Both are one only where a record begins, or at the end.
        .filter(([from, to]) => from < to || places.slice(0, -2).includes(to)),
      isStopped: fc.boolean(),
    });
    let refused = 0;
    const runs = 40;
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.option(word), fc.constantFrom(9, 9, 2, 1, 0), async (isClean, drawn, keeps) => {
        const store = smallStore(70);
        if (!isClean) crash(store);
        if (drawn !== null) {
          const { at, isStopped } = drawn;
          // Counts that no queues have: those of a place inside a record would say that its queue has it.
          const counts = { queueCount: 2, queueEntries: 1 };
          vouch(store, isClean, { lookFrom: at[0], filedTo: at[1], stoppedAt: isStopped ? at[1] : -1, ...counts });
        }
        removeLog(store, keeps);
        const { findings, matter } = await verified(store.disk, smallPaths, options);
        const isRefused = start(store.disk.copy()) === null;
        if (isRefused) refused++;
        expect(findings.some(({ matters, what }) => matters && /a start refuses/.test(what))).toBe(isRefused);
        if (isRefused) expect(matter).toBeGreaterThan(0);
        const { end } = await repaired(store.disk, smallPaths, options);
        if (end !== 'refused') expect(start(store.disk)).toBe(logEnd);
        else expect(keeps).toBe(0);
      }),
      { numRuns: runs },
    );
    expect(refused).toBeGreaterThan(runs / 10);
    expect(refused).toBeLessThan((runs * 9) / 10);
  });
});
