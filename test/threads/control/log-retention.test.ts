import { beforeEach, describe, expect, it } from 'vitest';
import { assignmentsOfObject } from '../../../src/config/assignment.ts';
import type { BrokerOptions } from '../../../src/config/broker-schema.ts';
import { resolveBroker } from '../../../src/config/resolve.ts';
import { segmentPath } from '../../../src/store/segments.ts';
import { LogRetention } from '../../../src/threads/control/log-retention.ts';
import { allocateBrokerMemory, type ControlEnds, controlEnds } from '../../../src/threads/topology.ts';
import { MemoryDisk } from '../../support/memory-disk.ts';
import { TestClock } from '../test-net.ts';

const SIZE = 1000;
const FILES = { directory: '/store/commitlog', segmentSizeBytes: SIZE };
const HOUR_MS = 3_600_000;

let disk: MemoryDisk;
let clock: TestClock;
let ends: ControlEnds;
let lines: string[];
/** Store time of the first record of each segment; -1 for none. */
let firstTimes: number[];
let wakes: number;
/** What the checkpoint says. */
let filedTo: number | null;

/** A log of segments that were written to so many hours ago, all of it durable in its queues. */
beforeEach(() => {
  disk = new MemoryDisk();
  clock = new TestClock();
  lines = [];
  wakes = 0;
  filedTo = null;
  const ages = [100, 90, 80, 10, 0];
  firstTimes = ages.map((_, i) => 100 + i);
  for (const [i, age] of ages.entries()) {
    disk.nowMs = clock.wallMs - age * HOUR_MS;
    disk.put(segmentPath(FILES, i * SIZE), new Uint8Array(SIZE));
  }
  ends = controlEnds(allocateBrokerMemory('full', 1), false);
  ends.flushed.advance(5 * SIZE);
  ends.queuesSyncedAt.advance(1000);
  ends.queuesSyncedTo.advance(ends.flushed.read());
});

function retention(options: Partial<BrokerOptions> = {}): LogRetention {
  const deleteWhen = String((new Date(clock.nowMs()).getHours() + 12) % 24);
  const given = assignmentsOfObject({ deleteWhen, storePathRootDir: '/store', ...options }, 'test');
  const say = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  return new LogRetention({
    ends,
    disk,
    files: FILES,
    queuesFolder: '/store/consumequeue',
    root: '/store',
    settings: resolveBroker(given).settings,
    clock,
    log: { info: say('info'), warn: say('warn'), error: say('error') },
    filedTo: () => filedTo,
    storeTime: (logOffset) => firstTimes[logOffset / SIZE] ?? -1,
    wake: () => wakes++,
  });
}

/** Starts of the files that are left, in segments. */
function left(): number[] {
  return disk.list(FILES.directory).map((name) => Number(name) / SIZE);
}

function run(one: LogRetention): void {
  while (one.doWork() > 0);
}

/** Percent used of both file systems. */
function fill(percent: number): void {
  disk.usageOf = () => ({ total: 100, free: 100 - percent, usable: 100 - percent });
}

describe('the first look', () => {
  it('comes after a minute, then one at every interval', () => {
    const one = retention({ fileReservedTime: 0, deleteFileBatchMax: 1 });
    fill(80);
    clock.passMs(59_999);
    run(one);
    expect(left()).toHaveLength(5);
    expect(one.dueInMs()).toBe(1);
    clock.passMs(1);
    run(one);
    expect(left()).toHaveLength(4);
    clock.passMs(9_999);
    run(one);
    expect(left()).toHaveLength(4);
    clock.passMs(1);
    run(one);
    expect(left()).toHaveLength(3);
  });

  it('deletes nothing at another hour than deleteWhen', () => {
    const one = retention({ fileReservedTime: 0 });
    clock.passMs(60_000);
    run(one);
    expect(left()).toHaveLength(5);
    expect(lines).toEqual([]);
  });

  it('deletes what has expired at deleteWhen', () => {
    clock.passMs(60_000);
    const one = retention({ deleteWhen: String(new Date(clock.nowMs()).getHours()), deleteCommitLogFilesInterval: 0 });
    clock.passMs(60_000);
    run(one);
    expect(left()).toEqual([3, 4]);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(
      /^info deleted 0{20} of the log, 1000 bytes \(written 100 h ago, kept for fileReservedTime = 72 h, deleteWhen = \d+\): the log begins at 1000$/,
    );
  });
});

describe('a request to delete', () => {
  it('is obeyed at once and for twenty looks, whatever the hour', () => {
    const one = retention({ deleteCommitLogFilesInterval: 0, deleteFileBatchMax: 1 });
    one.deleteNow();
    run(one);
    expect(left()).toEqual([1, 2, 3, 4]);
    for (let look = 0; look < 19; look++) {
      clock.passMs(10_000);
      run(one);
    }
    expect(left()).toEqual([3, 4]);
    // The last one is old enough now, but nobody has asked any more.
    disk.nowMs = clock.wallMs - 100 * HOUR_MS;
    disk.put(segmentPath(FILES, 3 * SIZE), new Uint8Array(SIZE));
    clock.passMs(10_000);
    run(one);
    expect(left()).toEqual([3, 4]);
    one.deleteNow();
    run(one);
    expect(left()).toEqual([4]);
  });

  it('deletes one file after the other, at their interval', () => {
    const one = retention({ deleteCommitLogFilesInterval: 100 });
    one.deleteNow();
    run(one);
    expect(left()).toHaveLength(4);
    expect(one.dueInMs()).toBe(100);
    clock.passMs(99);
    run(one);
    expect(left()).toHaveLength(4);
    clock.passMs(1);
    run(one);
    expect(left()).toHaveLength(3);
  });
});

describe('a deletion', () => {
  it('moves the start of the log first, and makes each file’s end durable before the next one goes', () => {
    const one = retention({ deleteCommitLogFilesInterval: 0 });
    const starts: number[] = [];
    disk.fault = (operation) => {
      if (operation === 'unlink') starts.push(ends.logStart.read());
      return null;
    };
    one.deleteNow();
    run(one);
    // Where the log began at each unlink.
    expect(starts).toEqual([1000, 2000, 3000]);
    expect(disk.journal).toEqual(
      [0, 1, 2].flatMap((i) => [`unlink ${segmentPath(FILES, i * SIZE)}`, `fsync ${FILES.directory}`]),
    );
    expect(ends.page.status.counter('segmentsDeleted')).toBe(3);
  });

  it('does not hold up its thread, and nothing else goes meanwhile', async () => {
    disk.holdsUnlinks = true;
    const one = retention({ deleteCommitLogFilesInterval: 0 });
    one.deleteNow();
    run(one);
    expect(left()).toHaveLength(5);
    expect(ends.logStart.read()).toBe(SIZE);
    clock.passMs(60_000);
    run(one);
    let isFinished = false;
    void one.finish().then(() => {
      isFinished = true;
    });
    await Promise.resolve();
    expect(isFinished).toBe(false);
    disk.unlinkHeld();
    expect(wakes).toBe(1);
    await Promise.resolve();
    expect(isFinished).toBe(true);
    run(one);
    expect(left()).toEqual([1, 2, 3, 4]);
  });

  it('that the disk refuses is tried again, and what lies behind it waits', () => {
    const one = retention({ deleteCommitLogFilesInterval: 0 });
    disk.fault = (operation, path) => (operation === 'unlink' && path === segmentPath(FILES, SIZE) ? 'EBUSY' : null);
    one.deleteNow();
    run(one);
    expect(left()).toEqual([1, 2, 3, 4]);
    expect(ends.logStart.read()).toBe(2 * SIZE);
    expect(lines.at(-1)).toMatch(
      /^warn 0{16}1000 of the log could not be deleted and will be tried again: unlink .*EBUSY$/,
    );
    disk.fault = () => null;
    clock.passMs(10_000);
    run(one);
    expect(left()).toEqual([3, 4]);
    expect(lines.some((line) => line.includes('it could not be deleted before'))).toBe(true);
  });

  it('of a file that somebody else has taken is done', () => {
    const one = retention({ deleteCommitLogFilesInterval: 0 });
    disk.holdsUnlinks = true;
    one.deleteNow();
    run(one);
    disk.unlink(segmentPath(FILES, 0));
    disk.unlinkHeld();
    disk.holdsUnlinks = false;
    run(one);
    expect(left()).toEqual([3, 4]);
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });
});

describe('what may not go', () => {
  it('a segment that is not flushed', () => {
    ends = controlEnds(allocateBrokerMemory('full', 1), false);
    ends.flushed.advance(2 * SIZE + 1);
    ends.queuesSyncedAt.advance(1000);
    ends.queuesSyncedTo.advance(2 * SIZE + 1);
    const one = retention({ deleteCommitLogFilesInterval: 0 });
    one.deleteNow();
    run(one);
    expect(left()).toEqual([2, 3, 4]);
  });

  it.each([
    ['of the time up to which they are durable', 102],
    ['later than that', 101],
  ])('a segment whose successor begins with a record %s: some of its entries may be in no file', (_what, syncedAt) => {
    ends = controlEnds(allocateBrokerMemory('full', 1), false);
    ends.flushed.advance(5 * SIZE);
    ends.queuesSyncedAt.advance(syncedAt);
    ends.queuesSyncedTo.advance(5 * SIZE);
    const one = retention({ deleteCommitLogFilesInterval: 0 });
    one.deleteNow();
    run(one);
    expect(left()).toEqual(syncedAt === 102 ? [1, 2, 3, 4] : [0, 1, 2, 3, 4]);
  });

  it('a segment with entries that are not synced, whatever a clock that was set back has said of the time', () => {
    ends = controlEnds(allocateBrokerMemory('full', 1), false);
    ends.flushed.advance(5 * SIZE);
    ends.queuesSyncedAt.advance(1000);
    ends.queuesSyncedTo.advance(2 * SIZE - 1);
    const one = retention({ deleteCommitLogFilesInterval: 0 });
    one.deleteNow();
    run(one);
    expect(left()).toEqual([1, 2, 3, 4]);
  });

  it.each([
    ['beyond what the checkpoint vouches for', 2 * SIZE - 1, [1, 2, 3, 4]],
    ['within it', 2 * SIZE, [2, 3, 4]],
    ['of a log that begins behind what it vouches for: it is another’s', -1, [3, 4]],
  ])('a segment that ends %s', (_what, vouchedTo, expected) => {
    filedTo = vouchedTo;
    const one = retention({ deleteCommitLogFilesInterval: 0 });
    one.deleteNow();
    run(one);
    expect(left()).toEqual(expected);
  });

  it('a segment that none with a record follows: the log would be without one', () => {
    firstTimes = [100, 101, -1, -1, -1];
    const one = retention({ deleteCommitLogFilesInterval: 0 });
    one.deleteNow();
    run(one);
    expect(left()).toEqual([1, 2, 3, 4]);
  });
});

describe('a disk that fills up', () => {
  it('is told of at each change of its level, and refuses sends above the warning level only', () => {
    const one = retention({ cleanFileForciblyEnable: false, fileReservedTime: 1000 });
    const levels: (string | null)[] = [];
    for (const percent of [50, 76, 86, 91, 92, 90, 50]) {
      fill(percent);
      clock.passMs(60_000);
      run(one);
      levels.push(`${one.level} ${JSON.stringify(ends.page.status.diskFull())}`);
    }
    expect(levels).toEqual([
      'normal null',
      'warn null',
      'clean null',
      'refuse {"log":91,"queues":91}',
      'refuse {"log":92,"queues":92}',
      'clean null',
      'normal null',
    ]);
    const changes = lines.filter((line) => line.includes('% full under'));
    expect(changes.map((line) => line.split(' ')[0])).toEqual(['warn', 'warn', 'warn', 'info', 'info']);
    expect(changes[2]).toContain('sends are refused');
    expect(lines.filter((line) => line.includes('no file of the log can be deleted'))).toHaveLength(1);
  });

  it('loses its oldest files before they expire', () => {
    const one = retention({ fileReservedTime: 1000, deleteCommitLogFilesInterval: 0 });
    fill(86);
    clock.passMs(60_000);
    run(one);
    expect(left()).toEqual([4]);
    expect(lines).toContainEqual(
      expect.stringContaining('the disk is 86 % full, more than diskSpaceCleanForciblyRatio = 85'),
    );
  });

  it('counts where the queues are as well', () => {
    disk.makeDirectory('/store/consumequeue');
    disk.usageOf = (path) => {
      const used = path === '/store/consumequeue' ? 95 : 5;
      return { total: 100, free: 100 - used, usable: 100 - used };
    };
    const one = retention();
    one.deleteNow();
    run(one);
    expect(ends.page.status.diskFull()).toEqual({ log: 5, queues: 95 });
  });

  it('that does not answer is asked again, and its level stays', () => {
    const one = retention({ fileReservedTime: 1000, cleanFileForciblyEnable: false });
    fill(91);
    one.deleteNow();
    run(one);
    expect(one.level).toBe('refuse');
    disk.fault = (operation) => (operation === 'list' ? 'EIO' : null);
    clock.passMs(10_000);
    run(one);
    expect(lines.at(-1)).toMatch(/^warn the log was not looked through for files to delete: list .*EIO$/);
    expect(ends.page.status.diskFull()).not.toBeNull();
  });
});
