/** Queues and index of a log that is gone: a start takes them away, and nothing else that lies there. */
import { describe, expect, it } from 'vitest';
import { recoverStore } from '../../src/store/recovery.ts';
import type { MemoryDisk } from '../support/memory-disk.ts';
import { SMALL_SHAPE, SMALL_SIZES, smallPaths, smallStore } from '../support/small-store.ts';

function start(disk: MemoryDisk): string[] {
  const lines: string[] = [];
  const index = { directory: smallPaths.index, shape: SMALL_SHAPE };
  const settings = { ...SMALL_SIZES, checksBodies: true, cleanStop: true, index };
  const log = { info: () => {}, warn: (line: string) => lines.push(line) };
  const { queues, logEnd } = recoverStore(disk, smallPaths, settings, log);
  expect([queues.length, logEnd]).toEqual([0, 0]);
  return lines;
}

describe('a start without a log', () => {
  it('removes queues and index files, durably, and says so', () => {
    const { disk } = smallStore(120);
    disk.removeTree(smallPaths.commitLog);
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
    const { disk } = smallStore(40);
    disk.removeTree(smallPaths.commitLog);
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
    const { disk } = smallStore(40);
    disk.removeTree(smallPaths.commitLog);
    disk.put('/store/consumequeue/lost+found/x', 'x');
    disk.fault = (operation, path) => (operation === 'list' && path.endsWith('/lost+found') ? 'EACCES' : null);
    expect(start(disk)).toHaveLength(1);
  });
});
