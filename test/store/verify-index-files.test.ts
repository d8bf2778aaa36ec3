/** Verify says of the files of the key index what a start does with them, whatever files these are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../src/broker/read-settings.ts';
import { NO_INDEX_KEPT } from '../../src/layout/checkpoint-file.ts';
import { encodeIndexHeader, indexEntryPosition, indexFileBytes } from '../../src/layout/index-file.ts';
import { vouchAtStart } from '../../src/store/checkpoint.ts';
import { openSized } from '../../src/store/disk.ts';
import type { Finding } from '../../src/store/findings.ts';
import { judgeIndexFiles } from '../../src/store/index-recovery.ts';
import { DEFAULT_INDEX_SHAPE } from '../../src/store/index-shape.ts';
import { recoverStore } from '../../src/store/recovery.ts';
import { StoreDamagedError } from '../../src/store/store-errors.ts';
import { DEFAULT_STORE_SIZES } from '../../src/store/store-sizes.ts';
import { planVerification } from '../../src/store/verify-plan.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { repaired } from '../support/repaired.ts';
import { SMALL_INDEX, SMALL_SHAPE, SMALL_SIZES, smallPaths, smallStore } from '../support/small-store.ts';
import { verified } from '../support/verified.ts';

const COUNT = 40;
const BASE = smallStore(COUNT);
const WHOLE = BASE.disk.readWhole(SMALL_INDEX);
const NEWER = '/store/index/20260101000000001';

/** What lies there under the name of a file. A number: so many bytes of a whole one; `zeros`: a file that was made ahead of time. */
type Content = number | 'whole' | 'long' | 'zeros' | 'folder' | null;

function put(disk: MemoryDisk, path: string, content: Content): void {
  if (disk.stat(path) !== null) disk.unlink(path);
  if (content === 'folder') disk.makeDirectory(path);
  else if (typeof content === 'number') disk.put(path, WHOLE.slice(0, content));
  else if (content === 'whole') disk.put(path, WHOLE);
  else if (content === 'long') disk.put(path, Buffer.concat([WHOLE, Buffer.alloc(8)]));
  else if (content === 'zeros') disk.put(path, new Uint8Array(WHOLE.length));
}

/** `isKept`: by RingMQ's own word the last broker has kept the index. */
function diskOf(contents: readonly [Content, Content], cleanStop: boolean, isKept = true): MemoryDisk {
  const disk = BASE.disk.copy();
  const stop = { filedTo: BASE.logEnd, lookFrom: 0, stoppedAt: cleanStop ? BASE.logEnd : -1 };
  const indexEnd = isKept ? BASE.records.at(-1)!.logOffset : NO_INDEX_KEPT;
  vouchAtStart(disk, smallPaths.checkpoint, { ...stop, indexEnd, queueCount: 2, queueEntries: COUNT, logStart: 0 });
  for (const [i, path] of [SMALL_INDEX, NEWER].entries()) put(disk, path, contents[i]!);
  if (!cleanStop) disk.put(smallPaths.abort, '1');
  return disk;
}

/** What a start says; null for one that takes the store. */
function refusal(disk: MemoryDisk, keepsIndex = true): string | null {
  const index = keepsIndex ? { directory: smallPaths.index, shape: SMALL_SHAPE } : null;
  const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop: disk.stat(smallPaths.abort) === null, index };
  try {
    recoverStore(disk, smallPaths, settings, { info: () => {}, warn: () => {} });
    return null;
  } catch (error) {
    if (error instanceof StoreDamagedError) return error.message;
    throw error;
  }
}

function ofFiles(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ file, what }) => file.startsWith(smallPaths.index) && what.includes('refuses to start'));
}

describe('verify and a start', () => {
  it('refuse the same files of the index, and a repair leaves what a start takes', async () => {
    const halfWiped = indexEntryPosition(SMALL_SHAPE, 2 * COUNT + 1);
    const content = fc.constantFrom<Content>('whole', 'whole', 'zeros', 'long', null, 0, 20, 1000, halfWiped);
    const contents = fc.oneof({ weight: 15, arbitrary: content }, fc.constant<Content>('folder'));
    const shape = fc.record({
      contents: fc.tuple(contents, contents),
      cleanStop: fc.boolean(),
      isKept: fc.boolean(),
      isGiven: fc.boolean(),
    });
    let refused = 0;
    const runs = 200;
    await fc.assert(
      fc.asyncProperty(shape, async (drawn) => {
        const disk = diskOf(drawn.contents, drawn.cleanStop, drawn.isKept);
        const said = refusal(disk.copy());
        if (said !== null) refused++;
        const options = { sizes: SMALL_SIZES, ...(drawn.isGiven ? { shape: SMALL_SHAPE } : {}) };
        const told = ofFiles((await verified(disk, smallPaths, options)).findings);
        // Where neither settings nor a file tell it, the size may be the right one; of a file that is full it looks so.
        const isKnown = drawn.isGiven || drawn.contents.includes('whole');
        const looksFull = drawn.contents.includes(halfWiped);
        if (isKnown)
          expect(
            told.some(({ matters }) => matters),
            said ?? 'starts',
          ).toBe(said !== null);
        else if (said !== null && !looksFull) expect(told).not.toEqual([]);
        const before = disk.contents();
        const { end, plan } = await repaired(disk, smallPaths, { ...options, shape: SMALL_SHAPE, wantsIndex: true });
        if (end === 'refused')
          expect([plan.refusals[0], disk.contents()]).toEqual([
            expect.stringContaining('. Move it away first'),
            before,
          ]);
        else expect(refusal(disk)).toBe(null);
      }),
      { numRuns: runs },
    );
    expect(refused).toBeGreaterThan(runs / 10);
    expect(refused).toBeLessThan((runs * 9) / 10);
  }, 60_000);
});

it.each([20, 1000])(
  'a repair takes away an index file of %d bytes that a start refuses, of a log without a record too',
  async (sizeBytes) => {
    const { disk } = smallStore(0);
    disk.put(`${smallPaths.commitLog}/00000000000000000000`, new Uint8Array(SMALL_SIZES.segmentSizeBytes));
    disk.put(SMALL_INDEX, new Uint8Array(sizeBytes));
    expect(refusal(disk.copy())).not.toBe(null);
    const { end, ok } = await repaired(disk, smallPaths, { sizes: SMALL_SIZES, shape: SMALL_SHAPE });
    expect([end, ok, refusal(disk)]).toEqual(['repaired', true, null]);
  },
);

describe('without a log', () => {
  const lost = (): MemoryDisk => {
    const { disk } = smallStore(0);
    disk.removeTree(smallPaths.commitLog);
    disk.unlink(smallPaths.checkpoint);
    disk.put(SMALL_INDEX, new Uint8Array(20));
    return disk;
  };

  it('a start removes index files, whatever they are, and nothing is said of them', async () => {
    const disk = lost();
    expect((await verified(disk, smallPaths, { sizes: SMALL_SIZES, shape: SMALL_SHAPE })).findings).toEqual([]);
    expect(refusal(disk)).toBe(null);
    expect(disk.list(smallPaths.index)).toEqual([]);
  });

  it.each([true, false])('it refuses a folder in their place, whether it keeps an index: %s', async (wantsIndex) => {
    const disk = lost();
    disk.makeDirectory(NEWER);
    const { findings } = await verified(disk, smallPaths, { sizes: SMALL_SIZES, shape: SMALL_SHAPE, wantsIndex });
    expect(findings.map(({ file, advice }) => `${file} ${advice}`)).toEqual([`${NEWER} move`]);
    const before = disk.contents();
    expect(refusal(disk, wantsIndex)).toBe(`${NEWER} is a folder, where a file is to be: move it away`);
    expect(disk.contents()).toEqual(before);
  });
});

describe('verify without the settings of the index', () => {
  it('goes by the whole file where another has lost its end and looks full', async () => {
    const disk = diskOf([indexEntryPosition(SMALL_SHAPE, 2 * COUNT + 1), 'whole'], true);
    const { findings } = await verified(disk, smallPaths, { sizes: SMALL_SIZES });
    expect(ofFiles(findings).map(({ file }) => file)).toEqual([SMALL_INDEX]);
  });

  const DIRECTORY = smallPaths.index;

  /** Findings of a file of the index, whatever the log, and whether a broker with the default settings takes it. */
  function found(disk: MemoryDisk, segmentSizeBytes: number): { said: string[]; isRefused: boolean } {
    const sizes = { ...DEFAULT_STORE_SIZES, segmentSizeBytes };
    const options = { sizes, state: 'clean', wantsIndex: true, parseSettings: readSettings } as const;
    const { findings } = planVerification(disk, smallPaths, options);
    const ofIndex = findings.kept.filter(({ file }) => file.startsWith(DIRECTORY));
    const said = ofIndex.map(({ kind, matters, advice }) => `${kind}${matters ? '!' : ''} ${advice}`);
    const { refused } = judgeIndexFiles(disk, { directory: DIRECTORY, shape: DEFAULT_INDEX_SHAPE }, true);
    return { said, isRefused: refused.length > 0 };
  }

  function diskWith(sizeBytes: number, nextEntry: number): MemoryDisk {
    const disk = new MemoryDisk();
    disk.makeDirectory(DIRECTORY);
    disk.put(`${smallPaths.commitLog}/00000000000000000000`, 'x');
    const file = openSized(disk, SMALL_INDEX, 'create', sizeBytes);
    const header = {
      beginTimestamp: 1,
      endTimestamp: 2,
      beginLogOffset: 0,
      endLogOffset: 100,
      usedSlots: 1,
      nextEntry,
    };
    if (nextEntry > 0) file.write(encodeIndexHeader(header), 0, 40, 0);
    file.close();
    return disk;
  }

  const MB = 1_000_000;
  it.each<[what: string, sizeBytes: number, nextEntry: number, ofDefaultLog: string, ofOther: string]>([
    [
      'a file with entries that is too large to be looked through',
      100 * MB,
      3,
      'index-shape! settings',
      'index-shape settings',
    ],
    ['a file with entries that nothing fits', 5 * MB, 3, 'index-header! repair', 'index-header! repair'],
    ['a file without entries', MB, 0, 'index-header! repair', 'index-shape settings'],
    ['a small file without entries', 1000, 0, 'index-header! repair', 'index-shape settings'],
    ['a file without entries that no settings make', 1001, 0, 'index-header! repair', 'index-header! repair'],
    ['a file that is no more than the beginning of a header', 20, 0, 'index-header! repair', 'index-header! repair'],
  ])('%s', (_what, sizeBytes, nextEntry, ofDefaultLog, ofOther) => {
    const disk = diskWith(sizeBytes, nextEntry);
    expect(found(disk, DEFAULT_STORE_SIZES.segmentSizeBytes)).toEqual({ said: [ofDefaultLog], isRefused: true });
    expect(found(disk, 4096).said).toEqual([ofOther]);
  });

  it('is content with a file of the default size', () => {
    expect(indexFileBytes(DEFAULT_INDEX_SHAPE)).toBe(420_000_040);
    const disk = new MemoryDisk();
    disk.put(SMALL_INDEX, '');
    disk.put(`${smallPaths.commitLog}/00000000000000000000`, 'x');
    disk.stat = (path) => ({ size: 420_000_040, modifiedMs: 0, isDirectory: path === DIRECTORY, device: 0, inode: 0 });
    expect(found(disk, DEFAULT_STORE_SIZES.segmentSizeBytes)).toEqual({ said: [], isRefused: false });
  });
});
