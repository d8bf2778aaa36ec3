import { describe, expect, it } from 'vitest';
import {
  decideRetention,
  levelOf,
  type RetainedLog,
  type RetentionLook,
  type RetentionSettings,
  usedPercent,
  worseLevel,
} from '../../src/store/retention.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = 1_700_000_000_000;
const SIZE = 1000;

const settings: RetentionSettings = {
  fileReservedTime: 72,
  deleteWhen: '04',
  deleteFileBatchMax: 10,
  diskMaxUsedSpaceRatio: 75,
  diskSpaceCleanForciblyRatio: 85,
  diskSpaceWarningLevelRatio: 90,
  cleanFileForciblyEnable: true,
};

const look: RetentionLook = { nowMs: NOW_MS, hour: 4, level: 'normal', manualRuns: 0 };

/** A log whose files were written to so many hours ago. */
function logOf(ages: readonly number[], deletable = ages.length): RetainedLog {
  return {
    starts: ages.map((_, i) => i * SIZE),
    modifiedMs: (start) => NOW_MS - ages[start / SIZE]! * HOUR_MS,
    mayGo: (start) => start / SIZE < deletable,
  };
}

interface Case {
  readonly title: string;
  readonly log: RetainedLog;
  readonly settings?: Partial<RetentionSettings>;
  readonly look?: Partial<RetentionLook>;
  /** Indexes of the files that go. */
  readonly gone: readonly number[] | null;
  readonly cause?: string;
  readonly isForced?: boolean;
}

const old = [100, 90, 80, 70, 60];

const cases: readonly Case[] = [
  { title: 'what has expired goes at its hour', log: logOf(old), gone: [0, 1, 2], cause: 'hour' },
  { title: 'nothing goes at another hour', log: logOf(old), look: { hour: 5 }, gone: null },
  {
    title: 'one of several hours',
    log: logOf(old),
    settings: { deleteWhen: '02;13;23' },
    look: { hour: 13 },
    gone: [0, 1, 2],
  },
  { title: 'hours without a zero in front', log: logOf(old), settings: { deleteWhen: '4;' }, gone: [0, 1, 2] },
  { title: 'a file that expires this very ms goes', log: logOf([72, 0]), gone: [0] },
  { title: 'a file one ms younger stays', log: logOf([72 - 1 / HOUR_MS, 0]), gone: [] },
  { title: 'the first that has not expired stops it, whatever is behind', log: logOf([100, 10, 100, 100]), gone: [0] },
  { title: 'the last file stays, however old it is', log: logOf([100, 100, 100]), gone: [0, 1] },
  { title: 'a single file stays', log: logOf([1000]), gone: [] },
  { title: 'an empty log', log: logOf([]), gone: [] },
  { title: 'at most a batch', log: logOf([9e3, 9e3, 9e3, 9e3]), settings: { deleteFileBatchMax: 2 }, gone: [0, 1] },
  {
    title: 'a reserved time of 0: every file but the last',
    log: logOf([0, 0, 0]),
    settings: { fileReservedTime: 0 },
    gone: [0, 1],
  },
  { title: 'what is not durable in the queues stays', log: logOf(old, 2), gone: [0, 1] },
  {
    title: 'even when forced',
    log: logOf([0, 0, 0, 0], 1),
    look: { level: 'refuse' },
    gone: [0],
    cause: 'space',
    isForced: true,
  },
  {
    title: 'warn: at any hour, what has expired',
    log: logOf(old),
    look: { hour: 5, level: 'warn' },
    gone: [0, 1, 2],
    cause: 'space',
  },
  {
    title: 'clean: whether it has expired or not',
    log: logOf([1, 1, 1]),
    look: { hour: 5, level: 'clean' },
    gone: [0, 1],
    cause: 'space',
    isForced: true,
  },
  {
    title: 'refuse: the same',
    log: logOf([1, 1, 1]),
    look: { hour: 5, level: 'refuse' },
    gone: [0, 1],
    cause: 'space',
    isForced: true,
  },
  {
    title: 'clean, not forcibly: what has expired',
    log: logOf([100, 1, 1]),
    settings: { cleanFileForciblyEnable: false },
    look: { hour: 5, level: 'clean' },
    gone: [0],
    cause: 'space',
    isForced: false,
  },
  {
    title: 'asked for: at any hour, what has expired',
    log: logOf(old),
    look: { hour: 5, manualRuns: 1 },
    gone: [0, 1, 2],
    cause: 'manual',
  },
];

describe('which segments go', () => {
  it.each(cases)('$title', ({ log, gone, cause, isForced, ...given }) => {
    const decision = decideRetention(log, { ...settings, ...given.settings }, { ...look, ...given.look });
    expect(decision === null ? null : decision.starts.map((start) => start / SIZE)).toEqual(gone);
    if (cause !== undefined) expect(decision!.cause).toBe(cause);
    if (isForced !== undefined) expect(decision!.isForced).toBe(isForced);
  });

  it('looks at no more files than may go', () => {
    const looked: number[] = [];
    const log = { ...logOf(old), modifiedMs: (start: number) => looked.push(start) };
    decideRetention(log, { ...settings, deleteFileBatchMax: 2 }, look);
    expect(looked).toEqual([0, SIZE]);
  });
});

describe('how full a disk is', () => {
  it('counts what is used of what this process could use, rounded up', () => {
    expect(usedPercent({ total: 1000, free: 250, usable: 250 })).toBe(75);
    expect(usedPercent({ total: 1000, free: 249, usable: 249 })).toBe(76);
    // What the system keeps for itself is neither used nor free.
    expect(usedPercent({ total: 1000, free: 550, usable: 450 })).toBe(50);
    expect(usedPercent({ total: 0, free: 0, usable: 0 })).toBe(-1);
    expect(usedPercent(null)).toBe(-1);
  });

  it('has a level beyond each ratio, not at it', () => {
    const levels = [0, 75, 76, 85, 86, 90, 91, 100].map((percent) => levelOf(percent, settings));
    expect(levels).toEqual(['normal', 'normal', 'warn', 'warn', 'clean', 'clean', 'refuse', 'refuse']);
    // Nobody knows.
    expect(levelOf(-1, settings)).toBe('normal');
    expect(worseLevel('warn', 'clean')).toBe('clean');
    expect(worseLevel('refuse', 'normal')).toBe('refuse');
  });
});
