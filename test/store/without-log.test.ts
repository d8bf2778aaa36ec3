/** A start that finds no log: it refuses where the checkpoint tells of one, else it takes queues and index away, and nothing else. */
import { describe, expect, it } from 'vitest';
import { encodeCheckpoint } from '../../src/layout/checkpoint-file.ts';
import { EMPTY_CHECKPOINT } from '../../src/store/checkpoint.ts';
import { recoverStore } from '../../src/store/recovery.ts';
import { StoreDamagedError } from '../../src/store/store-errors.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import { repaired } from '../support/repaired.ts';
import { SMALL_SHAPE, SMALL_SIZES, smallPaths, smallStore } from '../support/small-store.ts';
import { kindsOf, verified } from '../support/verified.ts';

const OPTIONS = { sizes: SMALL_SIZES, shape: SMALL_SHAPE };

function start(disk: MemoryDisk, cleanStop = true): string[] {
  const lines: string[] = [];
  const index = { directory: smallPaths.index, shape: SMALL_SHAPE };
  const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop, index, nowMs: Date.now() };
  const log = { info: () => {}, warn: (line: string) => lines.push(line) };
  const { queues, logEnd } = recoverStore(disk, smallPaths, settings, log);
  expect([queues.length, logEnd]).toEqual([0, 0]);
  return lines;
}

/** Times of Apache's fields of the checkpoint; null: there is no checkpoint. */
function without(count: number, logTimestamp: number | null): MemoryDisk {
  const { disk } = smallStore(count);
  disk.removeTree(smallPaths.commitLog);
  if (logTimestamp === null) disk.unlink(smallPaths.checkpoint);
  else disk.put(smallPaths.checkpoint, encodeCheckpoint({ ...EMPTY_CHECKPOINT, logTimestamp }, null));
  return disk;
}

describe('a start without a log, of which the checkpoint names times', () => {
  const STORED_MS = 1_700_000_000_000;
  const YEARS_MS = 1e12;

  it.each<[string, number, boolean, string]>([
    ['after a stop in order', STORED_MS, true, `says that records up to store time ${STORED_MS} have been on the disk`],
    ['after a crash', STORED_MS, false, `says that records up to store time ${STORED_MS} have been on the disk`],
    ['that are to come', STORED_MS + YEARS_MS, true, 'which is damaged, names times of one'],
  ])('%s is refused, changes nothing, and verify and repair say so', async (_, logTimestamp, cleanStop, says) => {
    const disk = without(40, logTimestamp);
    if (!cleanStop) disk.put(smallPaths.abort, '1');
    const before = disk.contents();
    expect(() => start(disk, cleanStop)).toThrow(StoreDamagedError);
    expect(() => start(disk, cleanStop)).toThrow(`there is no file of it, but the checkpoint`);
    expect(() => start(disk, cleanStop)).toThrow(
      `${says}. Put it back, or set storePathCommitLog where it lies elsewhere. To begin with an empty log, move ${smallPaths.checkpoint} away`,
    );
    const report = await verified(disk, smallPaths, { ...OPTIONS, nowMs: Date.now() });
    expect(kindsOf(report)).toContain('log-missing! restore');
    expect(report.findings.find(({ kind }) => kind === 'log-missing')!.what).toContain(`${says}: a start refuses`);
    expect((await repaired(disk, smallPaths, OPTIONS)).end).toBe('refused');
    expect(disk.contents()).toEqual(before);
    disk.unlink(smallPaths.checkpoint);
    expect(start(disk)).toHaveLength(1);
  });
});

describe('a start without a log, of which nobody tells', () => {
  it('removes queues and index files, durably, and says so', () => {
    const disk = without(120, 0);
    disk.journal.length = 0;
    expect(start(disk)).toEqual([
      '/store/commitlog holds no log: 2 queues and 1 index file name nothing, and are removed',
    ]);
    expect(disk.list('/store/consumequeue/T')).toEqual([]);
    expect(disk.list('/store/index')).toEqual([]);
    expect(disk.journal.slice(-2)).toEqual(['fsync /store/consumequeue/T', 'fsync /store/index']);
    expect(start(disk)).toEqual([]);
  });

  it('leaves the folders and what others have put there: each may be a mount, with a folder of its file system', () => {
    const disk = without(40, null);
    const others = [
      '/store/consumequeue/lost+found/x',
      '/store/consumequeue/T/notes',
      '/store/index/lost+found/x',
      '/store/index/notes',
    ];
    for (const path of others) disk.put(path, 'x');
    expect(start(disk)).toHaveLength(1);
    const left = Object.keys(disk.contents()).filter((path) => /consumequeue|index/.test(path));
    expect(left).toEqual(others.sort());
    // As a file system with nothing but that.
    expect(start(disk)).toEqual([]);
  });

  it('needs no look into lost+found, which is closed to all but root', () => {
    const disk = without(40, null);
    disk.put('/store/consumequeue/lost+found/x', 'x');
    disk.fault = (operation, path) => (operation === 'list' && path.endsWith('/lost+found') ? 'EACCES' : null);
    expect(start(disk)).toHaveLength(1);
  });
});
