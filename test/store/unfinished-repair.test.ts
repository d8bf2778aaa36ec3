/** A repair that is interrupted has taken away files that told the settings of the store: the next one goes by what the first has kept. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { encodeCheckpoint, NO_INDEX_KEPT } from '../../src/layout/checkpoint-file.ts';
import { EMPTY_CHECKPOINT, readVouched } from '../../src/store/checkpoint.ts';
import type { Disk } from '../../src/store/disk.ts';
import { isIndexShapeAssumed, knownSettings } from '../../src/store/known-settings.ts';
import { recoverStore } from '../../src/store/recovery.ts';
import { isUnfinishedRepair } from '../../src/store/unfinished-repair.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import { KEPT_FOLDER, type RepairedOptions, type RepairedStore, repaired } from '../support/repaired.ts';
import { CrashedError, type CrashMode, type SimDisk } from '../support/sim-disk.ts';
import { onSimDisk } from '../support/sim-store.ts';
import { SMALL_INDEX, SMALL_SHAPE, type SmallStore, smallPaths, smallStore } from '../support/small-store.ts';
import { verified } from '../support/verified.ts';

/** No power of two: one file of the log tells nothing. */
const SIZES = { segmentSizeBytes: 4000, queueFileSizeBytes: 400 };
const COUNT = 45;
const FILE = smallPaths.repairSettings;
const KEPT = {
  mappedFileSizeCommitLog: 4000,
  mappedFileSizeConsumeQueue: 400,
  maxHashSlotNum: 7,
  maxIndexNum: 1000,
  messageIndexEnable: true,
};

function kept(changes: object): string {
  return JSON.stringify({ ...KEPT, ...changes });
}

/** Nothing is given, as for somebody who only runs it again. */
function repair(disk: Disk, options: RepairedOptions = {}): Promise<RepairedStore> {
  const known = knownSettings(disk, smallPaths, options.shape === undefined ? {} : { indexShape: options.shape });
  const isAssumed = isIndexShapeAssumed(disk, smallPaths, known);
  return repaired(disk, smallPaths, { isIndexShapeAssumed: isAssumed, ...options });
}

function damagedStore(): SmallStore {
  const store = smallStore(COUNT, () => ({}), SIZES);
  // The lock has written it.
  store.disk.put(smallPaths.abort, '1');
  return store;
}

/** Where building begins. */
const before = (): never => {
  throw new Error('interrupted');
};

/** Queues and index are gone, and nothing was built. */
async function interrupted(): Promise<SmallStore> {
  const store = damagedStore();
  await expect(repair(store.disk, { all: true, before })).rejects.toThrow('interrupted');
  expect(store.disk.list(`${smallPaths.consumeQueue}/T/0`)).toEqual([]);
  return store;
}

async function said({ disk }: SmallStore, options: Parameters<typeof verified>[2] = {}): Promise<string[]> {
  const { findings } = await verified(disk, smallPaths, options);
  return findings.filter(({ kind }) => kind === 'repair-settings').map(({ what }) => what);
}

function start({ disk }: SmallStore): void {
  const index = { directory: smallPaths.index, shape: SMALL_SHAPE };
  const settings = { ...SIZES, checksBodies: true, cleanStop: false, index };
  recoverStore(disk, smallPaths, settings, { info: () => {}, warn: () => {} });
}

const WAYS: readonly (readonly [mode: CrashMode, kept: number])[] = [
  ['kill', 1],
  ['power', 0],
  ['power', 0.5],
];

/** Every repair that is ended at one of its calls from the first unlink on, followed by one without a setting. */
async function expectSameAgain(memory: MemoryDisk, options: RepairedOptions): Promise<number> {
  const random = seededRandom(11);
  const store = onSimDisk(memory, smallPaths.root);
  const whole = store.copy(random);
  let first = 0;
  whole.before = (call, operation) => {
    if (operation === 'unlink' && first === 0) first = call;
  };
  expect((await repair(whole, options)).end).toBe('repaired');
  const { calls } = whole;
  const expected = filesOf(whole);
  let unfinished = 0;
  for (let call = first; call <= calls; call++) {
    for (const [mode, kept] of WAYS) {
      const disk = store.copy(random);
      disk.crashAt = call;
      await expect(repair(disk, options)).rejects.toThrow(CrashedError);
      const next = disk.afterCrash(mode, random, kept);
      // What the files of a repair that is through tell is another thing.
      if (!isUnfinishedRepair(readVouched(next, smallPaths.checkpoint))) continue;
      unfinished++;
      next.removeTree(KEPT_FOLDER);
      const { end, plan } = await again(next, options);
      expect([end, plan.refusals], `call ${call}, ${mode}, ${kept}`).toEqual(['repaired', []]);
      next.removeTree(KEPT_FOLDER);
      expect(filesOf(next), `call ${call}, ${mode}, ${kept}`).toEqual(expected);
    }
  }
  return unfinished;
}

/** The cut may have been made. */
async function again(disk: SimDisk, { cutAt = null, ...options }: RepairedOptions): Promise<RepairedStore> {
  const outcome = await repair(disk, { ...options, cutAt });
  const isCut = outcome.plan.refusals.some((refusal) => refusal.startsWith('the log is not damaged at'));
  return isCut ? repair(disk, options) : outcome;
}

/** Contents of all files but what was kept. Those of the index are named by the clock. */
function filesOf(disk: Disk, folder = smallPaths.root): Record<string, string> {
  const files: Record<string, string> = {};
  for (const [i, name] of disk.list(folder).entries()) {
    const path = `${folder}/${name}`;
    const shown = folder === smallPaths.index ? `${folder}/${i}` : path;
    if (path === KEPT_FOLDER) continue;
    if (disk.stat(path)?.isDirectory === true) Object.assign(files, filesOf(disk, path));
    else files[shown] = Buffer.from(disk.readWhole(path)).toString('hex');
  }
  return files;
}

describe('the repair after one that was interrupted', () => {
  it('needs no settings and comes to the same bytes, wherever that was', async () => {
    expect(await expectSameAgain(damagedStore().disk, { all: true })).toBeGreaterThan(100);
  }, 60_000);

  it('needs none either where the log was cut to one file', async () => {
    const { disk, records } = damagedStore();
    const { logOffset: cutAt, size } = records[10]!;
    disk.bytesOf('/store/commitlog/00000000000000000000').fill(0, cutAt, cutAt + size);
    expect(await expectSameAgain(disk, { cutAt })).toBeGreaterThan(30);
  }, 60_000);

  it('knows that no index is to be built', async () => {
    const store = damagedStore();
    store.disk.unlink(smallPaths.abort);
    store.disk.unlink(SMALL_INDEX);
    const { logEnd } = store;
    const word = { filedTo: logEnd, lookFrom: 0, logStart: 0, stoppedAt: logEnd, queueCount: 2, queueEntries: COUNT };
    store.disk.put(smallPaths.checkpoint, encodeCheckpoint(EMPTY_CHECKPOINT, { ...word, indexEnd: NO_INDEX_KEPT }));
    await expect(repair(store.disk, { all: true, before })).rejects.toThrow('interrupted');
    const { end, ok, plan } = await repair(store.disk);
    expect([end, ok, plan.buildIndex]).toEqual(['repaired', true, false]);
  });

  it('is handed no guess, by which the first one has written nothing', async () => {
    const { disk } = smallStore(COUNT, () => ({ queueId: 0 }), { ...SIZES, queueFileSizeBytes: 1000 });
    disk.unlink(smallPaths.checkpoint);
    expect(knownSettings(disk, smallPaths).origins.queueFileSizeBytes).toBe('guessed');
    const checkOwner = (): void => {
      if (isUnfinishedRepair(readVouched(disk, smallPaths.checkpoint))) throw new Error('interrupted');
    };
    await expect(repair(disk, { checkOwner })).rejects.toThrow('interrupted');
    const { mappedFileSizeConsumeQueue: _, ...rest } = KEPT;
    expect(JSON.parse(Buffer.from(disk.readWhole(FILE)).toString())).toEqual(rest);
    expect(knownSettings(disk, smallPaths).origins.queueFileSizeBytes).toBe('guessed');
  });
});

describe('what an interrupted repair has kept', () => {
  it('is the settings that it went by', async () => {
    const store = await interrupted();
    expect(JSON.parse(Buffer.from(store.disk.readWhole(FILE)).toString())).toEqual(KEPT);
    const { sizes, origins, indexShape } = knownSettings(store.disk, smallPaths);
    const sure = { segmentSizeBytes: 'sure', queueFileSizeBytes: 'sure' };
    expect([sizes, origins, indexShape]).toEqual([SIZES, sure, SMALL_SHAPE]);
    expect(await said(store)).toEqual([]);
  });

  it('is gone when the repair is through, and when nobody has let it begin', async () => {
    const store = damagedStore();
    expect((await repair(store.disk, { all: true, agrees: false })).end).toBe('declined');
    expect(store.disk.list('/store')).not.toContain('repair-settings.json');
    expect((await repair(store.disk, { all: true })).end).toBe('repaired');
    expect(store.disk.list('/store').filter((name) => name.startsWith('repair'))).toEqual([]);
  });

  it('leaves a store as it was that has no room for it', async () => {
    const store = damagedStore();
    const found = store.disk.contents();
    store.disk.fault = (operation, path) => (operation === 'write' && path.startsWith(FILE) ? 'ENOSPC' : null);
    const left: boolean[] = [];
    const ended = ({ isHalfDone }: { isHalfDone: boolean }): void => void left.push(isHalfDone);
    await expect(repair(store.disk, { all: true, ended })).rejects.toThrow('disk full');
    expect([left, store.disk.contents()]).toEqual([[false], found]);
  });

  it('stays when the next repair has no room for its own', async () => {
    const store = await interrupted();
    store.disk.fault = (operation, path) => (operation === 'write' && path.startsWith(FILE) ? 'ENOSPC' : null);
    await expect(repair(store.disk)).rejects.toThrow('disk full');
    store.disk.fault = () => null;
    expect((await repair(store.disk)).end).toBe('repaired');
  });

  it('gives way to settings that are given, with a line that names both', async () => {
    const store = await interrupted();
    const sizes = { queueFileSizeBytes: 800 };
    expect(await said(store, { sizes, shape: { slots: 7, entries: 2000 } })).toEqual([
      'the repair that was interrupted went by mappedFileSizeConsumeQueue=400; 800 is given, and counts',
      'the repair that was interrupted went by maxIndexNum=1000; 2000 is given, and counts',
    ]);
    expect(await said(store, { sizes: SIZES, shape: SMALL_SHAPE })).toEqual([]);
    const { end, verified: after } = await repair(store.disk, { sizes });
    expect([end, after.report.counts.has('repair-settings')]).toEqual(['repaired', false]);
    expect(store.disk.stat('/store/consumequeue/T/0/00000000000000000000')?.size).toBe(800);
  });

  it.each<[what: string, contents: string, says: string]>([
    ['nothing', '', 'is empty'],
    ['no JSON', '{"mappedFile', 'is not what a repair writes (Unterminated string in JSON'],
    ['JSON of something else', '{"listenPort":1}', 'is not what a repair writes (messageIndexEnable is not in it)'],
    ['a list', '[]', 'is not what a repair writes (messageIndexEnable is not in it)'],
    ['a number', '3', 'is not what a repair writes (no object)'],
    ['a size that is none', kept({ mappedFileSizeCommitLog: -1 }), '(mappedFileSizeCommitLog is -1)'],
    ['a size as text', kept({ maxIndexNum: '7' }), '(maxIndexNum is "7")'],
    ['half an entry', kept({ mappedFileSizeConsumeQueue: 410 }), '(mappedFileSizeConsumeQueue is 410)'],
  ])('does not count where it is %s', async (_what, contents, says) => {
    const store = await interrupted();
    store.disk.put(FILE, contents);
    const [line, ...others] = await said(store);
    expect([line, others]).toEqual([expect.stringContaining(says), []]);
    expect(line).toMatch(/it does not count, and what the repair that was interrupted went by is not known any more$/);
    const { end, plan } = await repair(store.disk);
    expect([end, plan.refusals.join()]).toEqual(['refused', expect.stringContaining('mappedFileSizeConsumeQueue')]);
    expect((await repair(store.disk, { sizes: SIZES, shape: SMALL_SHAPE })).ok).toBe(true);
    expect(store.disk.stat(FILE)).toBeNull();
  });

  it('does not count where it is a folder, which a start leaves, and which is to be moved away before a repair', async () => {
    const store = await interrupted();
    store.disk.unlink(FILE);
    store.disk.makeDirectory(FILE);
    expect(await said(store)).toEqual([]);
    const { end, plan } = await repair(store.disk, { all: true });
    expect(end).toBe('refused');
    expect(plan.refusals).toContainEqual(
      expect.stringMatching(/repair-settings\.json is a folder, .* Move it away first/),
    );
    start(store);
    expect(store.disk.stat(FILE)?.isDirectory).toBe(true);
  });

  it('counts only while the checkpoint says that a repair is unfinished', async () => {
    const store = damagedStore();
    store.disk.put(FILE, JSON.stringify({ ...KEPT, mappedFileSizeConsumeQueue: 800 }));
    expect(knownSettings(store.disk, smallPaths).sizes).toEqual(SIZES);
    expect((await repair(store.disk, { all: true })).ok).toBe(true);
    expect(store.disk.stat('/store/consumequeue/T/0/00000000000000000000')?.size).toBe(400);
    expect(store.disk.stat(FILE)).toBeNull();
  });

  it('goes at the start of a broker, whose files may be of other settings, and durably', async () => {
    const store = await interrupted();
    store.disk.put(`${FILE}.tmp`, 'half');
    store.disk.journal.length = 0;
    start(store);
    expect(store.disk.list('/store').filter((name) => name.startsWith('repair'))).toEqual([]);
    expect(store.disk.journal.slice(0, 3)).toEqual([`unlink ${FILE}`, `unlink ${FILE}.tmp`, 'fsync /store']);
  });

  it('stays where a start is refused', async () => {
    const store = await interrupted();
    store.disk.unlink('/store/commitlog/00000000000000004000');
    expect(() => start(store)).toThrow(/has lost something/);
    expect(store.disk.stat(FILE)).not.toBeNull();
  });
});
