/** Verify says of the files of a log what a start does with them, whatever files these are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../src/broker/read-settings.ts';
import { vouchAtStart } from '../../src/store/checkpoint.ts';
import { LogAtStart } from '../../src/store/log-at-start.ts';
import { planVerification, type VerifyPlan } from '../../src/store/verify-plan.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { SMALL_SIZES, smallPaths } from '../support/small-store.ts';

const SIZE = SMALL_SIZES.segmentSizeBytes;
const WHOLE: (number | null)[] = [SIZE, SIZE, SIZE, SIZE];

interface LogShape {
  /** Of the files at multiples of the size; null where there is none. */
  readonly sizes: readonly (number | 'folder' | null)[];
  /** Where a file begins that fits nowhere. */
  readonly stray?: number | null;
  readonly cleanStop: boolean;
  /** By RingMQ's own word; null without one. */
  readonly flushedTo: number | null;
}

function pathOf(start: number): string {
  return `${smallPaths.commitLog}/${String(start).padStart(20, '0')}`;
}

function diskOf({ sizes, stray = null, cleanStop, flushedTo }: LogShape): MemoryDisk {
  const disk = new MemoryDisk();
  disk.makeDirectory(smallPaths.commitLog);
  for (const [i, size] of sizes.entries()) {
    if (size === 'folder') disk.makeDirectory(pathOf(i * SIZE));
    else if (size !== null) disk.put(pathOf(i * SIZE), new Uint8Array(size));
  }
  if (stray !== null) disk.put(pathOf(stray), new Uint8Array(SIZE));
  const rest = { lookFrom: 0, indexEnd: -1, queueCount: 0, queueEntries: 0, logStart: 0 };
  const stoppedAt = cleanStop ? (flushedTo ?? 0) : -1;
  if (flushedTo !== null) vouchAtStart(disk, smallPaths.checkpoint, { filedTo: flushedTo, stoppedAt, ...rest });
  return disk;
}

function planOf(shape: LogShape): VerifyPlan {
  const state = shape.cleanStop ? 'clean' : 'crashed';
  const options = { sizes: SMALL_SIZES, state, wantsIndex: true, parseSettings: readSettings } as const;
  return planVerification(diskOf(shape), smallPaths, options);
}

function findingsOf(shape: LogShape): string[] {
  return planOf(shape).findings.kept.map(({ kind, matters, offset }) => `${kind}${matters ? '!' : ''} ${offset}`);
}

/** Starts of the files that a start goes by; null when it refuses them. */
function startedWith(shape: LogShape): readonly number[] | null {
  try {
    return new LogAtStart(diskOf(shape), smallPaths, { ...SMALL_SIZES, cleanStop: shape.cleanStop }).run.starts;
  } catch (error) {
    if (String(error).includes('has lost something')) return [];
    return null;
  }
}

describe('verify and a start', () => {
  it('refuse and take off the same files of a log', () => {
    const size = fc.constantFrom(null, 0, 1000, SIZE, SIZE, SIZE, SIZE, SIZE, 5000, 'folder' as const);
    const shape = fc.record({
      sizes: fc.array(size, { minLength: 1, maxLength: 5 }),
      stray: fc.constantFrom(null, null, null, null, 2048, 9000),
      cleanStop: fc.boolean(),
      flushedTo: fc.constantFrom(null, 0, 0, 1, SIZE, 6000, 5 * SIZE),
    });
    let refused = 0;
    const runs = 2000;
    fc.assert(
      fc.property(shape, (drawn) => {
        const plan = planOf(drawn);
        const starts = startedWith(drawn);
        if (starts === null) refused++;
        expect(plan.findings.matter > 0).toBe(starts === null);
        if (starts !== null) expect(plan.segments).toEqual(starts);
      }),
      { numRuns: runs },
    );
    expect(refused).toBeGreaterThan(runs / 10);
    expect(refused).toBeLessThan((runs * 9) / 10);
  });

  it('know what a loss of power leaves of files that were never flushed', () => {
    const crashed = { cleanStop: false, flushedTo: SIZE };
    const shapes: [LogShape['sizes'], string[]][] = [
      [WHOLE, []],
      [[SIZE, SIZE, 1000], ['segment-size 8192']],
      [[SIZE, SIZE, 0], []],
      [[SIZE, null, SIZE], ['segment-missing 8192']],
      [
        [SIZE, 0, SIZE, 1000],
        ['segment-size 4096', 'segment-missing 8192'],
      ],
      [[SIZE, null, null, SIZE], ['segment-missing 12288']],
    ];
    for (const [sizes, findings] of shapes) expect(findingsOf({ ...crashed, sizes })).toEqual(findings);
  });

  it('do not take anything else for that', () => {
    const sizes = [SIZE, null, SIZE];
    expect(findingsOf({ sizes, cleanStop: true, flushedTo: 0 })).toEqual(['segment-missing! 4096']);
    expect(findingsOf({ sizes, cleanStop: false, flushedTo: null })).toEqual(['segment-missing! 4096']);
    expect(findingsOf({ sizes, cleanStop: false, flushedTo: SIZE + 1 })).toEqual(['segment-missing! 4096']);
    expect(findingsOf({ sizes: [SIZE, 1000, SIZE], cleanStop: false, flushedTo: 6000 })).toEqual([
      'segment-size! 4096',
    ]);
    expect(findingsOf({ sizes: [5000, null, SIZE], cleanStop: false, flushedTo: 0 })).toEqual([
      'segment-size! 0',
      'segment-missing! 4096',
    ]);
    expect(findingsOf({ sizes: [SIZE, SIZE, 'folder'], cleanStop: false, flushedTo: 0 })).toEqual([
      'foreign-file! null',
    ]);
    expect(findingsOf({ sizes: WHOLE, stray: 6000, cleanStop: false, flushedTo: 0 })).toEqual(['segment-size! 6000']);
  });
});
