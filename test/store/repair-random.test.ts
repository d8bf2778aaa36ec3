/**
 * Damages small stores at random, a few times each, and looks at what verify and repair make of them: neither ever fails on what it meets,
 * a store that repair calls fine is one that verify calls fine and a broker can open, and the good records before the end of the log are the
 * bytes that they were. A failure prints its seed; RINGMQ_SEED runs it alone,
 * RINGMQ_SEEDS so many of them.
 */
import { expect, it } from 'vitest';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { recoverStore } from '../../src/store/recovery.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import { KEPT_FOLDER, type RepairedStore, repaired } from '../support/repaired.ts';
import { SMALL_SHAPE, SMALL_SIZES, type SmallStore, smallPaths, smallStore } from '../support/small-store.ts';
import { verified } from '../support/verified.ts';

const SEEDS = Number(process.env.RINGMQ_SEEDS ?? 150);
const COUNT = 60;

function filesBelow(disk: MemoryDisk, directory: string): string[] {
  return disk.list(directory).flatMap((name) => {
    const path = `${directory}/${name}`;
    return disk.stat(path)!.isDirectory ? filesBelow(disk, path) : [path];
  });
}

function damage(disk: MemoryDisk, random: Random): string {
  const files = filesBelow(disk, '/store');
  const path = files[random.below(files.length)]!;
  const bytes = disk.readWhole(path);
  const at = random.below(Math.max(1, bytes.length));
  switch (random.below(8)) {
    case 0:
      disk.unlink(path);
      return `unlink ${path}`;
    case 1:
      disk.put(path, bytes.slice(0, at));
      return `cut ${path} at ${at}`;
    case 2: {
      const length = 1 + random.below(300);
      disk.bytesOf(path).fill(0, at, at + length);
      return `zero ${path} at ${at}, ${length}`;
    }
    case 3:
      disk.put(path, Buffer.concat([bytes, Buffer.alloc(1 + random.below(64), 7)]));
      return `lengthen ${path}`;
    case 4:
      disk.put(path, '');
      return `empty ${path}`;
    case 5: {
      const [, folder, name] = /^(.*)\/(\d{20})$/.exec(path) ?? [];
      if (folder === undefined) return 'nothing';
      const step = path.startsWith(smallPaths.commitLog)
        ? SMALL_SIZES.segmentSizeBytes
        : SMALL_SIZES.queueFileSizeBytes;
      const start = Number(name) + (random.below(2) === 0 ? step * (1 + random.below(4)) : 1 + random.below(399));
      disk.put(`${folder}/${String(start).padStart(20, '0')}`, bytes);
      return `copy ${path} to ${start}`;
    }
    default:
      if (bytes.length > 0) disk.bytesOf(path)[at]! ^= 1 << random.below(8);
      return `flip ${path} at ${at}`;
  }
}

/** The bytes of the records that nothing was done to. */
function goodRecords(
  { disk, records }: SmallStore,
  original: MemoryDisk,
): { readonly at: number; readonly bytes: Buffer }[] {
  return records.flatMap(({ logOffset, size }) => {
    const before = recordBytes(original, logOffset, size);
    const now = recordBytes(disk, logOffset, size);
    return now !== null && before !== null && now.equals(before) ? [{ at: logOffset, bytes: now }] : [];
  });
}

function recordBytes(disk: MemoryDisk, logOffset: number, size: number): Buffer | null {
  const start = Math.floor(logOffset / SMALL_SIZES.segmentSizeBytes) * SMALL_SIZES.segmentSizeBytes;
  const path = `${smallPaths.commitLog}/${String(start).padStart(20, '0')}`;
  if (disk.stat(path) === null) return null;
  const bytes = Buffer.from(disk.bytesOf(path).subarray(logOffset - start, logOffset - start + size));
  return bytes.length === size ? bytes : null;
}

async function run(seed: number): Promise<string> {
  const random = seededRandom(seed);
  const store = smallStore(COUNT, (i) => ({ topic: i % 7 === 0 ? 'U' : 'T' }));
  const { disk } = store;
  const original = disk.copy();
  if (random.below(2) === 0) disk.put('/store/abort', 'gone');
  const done = Array.from({ length: 1 + random.below(3) }, () => damage(disk, random)).join('; ');
  const good = goodRecords(store, original);
  await verified(disk, smallPaths, { sizes: SMALL_SIZES, sliceBytes: 200 + random.below(4000) });
  const all = random.below(4) === 0;
  const options = { sizes: SMALL_SIZES, shape: SMALL_SHAPE, all };
  let outcome = await repaired(disk, smallPaths, options);
  if (outcome.end !== 'repaired') expectKept(disk, good, Number.POSITIVE_INFINITY, done);
  const first = outcome.end;
  // The operator accepts what is lost, damage by damage.
  for (let cutAt = placeToCut(outcome); cutAt !== null; cutAt = placeToCut(outcome)) {
    const before = disk.copy();
    outcome = await repaired(disk, smallPaths, { ...options, cutAt });
    expectKept(disk, goodIn(before, good), cutAt, `${done}; --cut-at ${cutAt}`);
    disk.removeTree(KEPT_FOLDER);
  }
  expectKept(disk, first === 'repaired' ? good : [], Number.POSITIVE_INFINITY, done);
  expect(disk.openFiles, done).toBe(0);
  if (outcome.ok && outcome.end === 'repaired') await expectFine(store, outcome.verified.report.log.end, done);
  return first;
}

interface GoodRecord {
  readonly at: number;
  readonly bytes: Buffer;
}

function goodIn(disk: MemoryDisk, good: readonly GoodRecord[]): GoodRecord[] {
  return good.filter(({ at, bytes }) => recordBytes(disk, at, bytes.length)?.equals(bytes) === true);
}

/** Those before `limit` are in the log as they were. */
function expectKept(disk: MemoryDisk, good: readonly GoodRecord[], limit: number, done: string): void {
  const before = good.filter(({ at, bytes }) => at + bytes.length <= limit);
  expect(goodIn(disk, before).length, `${done}: good records are touched`).toBe(before.length);
}

/** Where a refusal says that the log may be cut. */
function placeToCut({ end, plan }: RepairedStore): number | null {
  if (end !== 'refused') return null;
  const place = plan.refusals.map((refusal) => /--cut-at (\d+)/.exec(refusal)?.[1]).find((text) => text !== undefined);
  return place === undefined ? null : Number(place);
}

/** Verify finds nothing that matters, and a broker that starts has nothing left to do. */
async function expectFine({ disk, records }: SmallStore, logEnd: number, done: string): Promise<void> {
  const again = await verified(disk, smallPaths, { sizes: SMALL_SIZES, shape: SMALL_SHAPE });
  expect(
    again.findings.filter(({ matters }) => matters),
    done,
  ).toEqual([]);
  const index = { directory: smallPaths.index, shape: SMALL_SHAPE };
  const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop: true, index };
  const started = recoverStore(disk, smallPaths, settings, { info: () => {}, warn: () => {} });
  // A start takes a filler away that no file follows.
  const last = records.findLast(({ logOffset }) => logOffset < logEnd);
  expect([logEnd, last === undefined ? 0 : last.logOffset + last.size], done).toContain(started.logEnd);
  expect(started.dispatchFrom, `${done}: something is left to be built`).toBe(started.logEnd);
}

it('whatever was damaged, verify names it, and repair puts it right or says why not', async () => {
  const only = process.env.RINGMQ_SEED;
  const seeds = only === undefined ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [Number(only)];
  const ends = new Map<string, number>();
  for (const seed of seeds) {
    const end = await run(seed).catch((cause: unknown) => {
      throw new Error(`RINGMQ_SEED=${seed}: ${(cause as Error).message}`, { cause });
    });
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  if (only !== undefined) return;
  expect(ends.get('repaired')).toBeGreaterThan(SEEDS / 4);
  expect(ends.get('refused')).toBeGreaterThan(SEEDS / 20);
}, 600_000);
