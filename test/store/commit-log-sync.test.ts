import { describe, expect, it } from 'vitest';
import { asLogOffset } from '../../src/base/units.ts';
import { CommitLogWriter } from '../../src/store/commit-log.ts';
import { CommitLogSync } from '../../src/store/commit-log-sync.ts';
import { DiskFailedError } from '../../src/store/disk.ts';
import { type DiskOperation, MemoryDisk } from '../support/memory-disk.ts';

const files = { directory: '/log', segmentSizeBytes: 256, failedSyncMark: '/sync-failed' };
const FIRST = '/log/00000000000000000000';
const SECOND = '/log/00000000000000000256';
const at = asLogOffset;

function start(): { disk: MemoryDisk; writer: CommitLogWriter; sync: CommitLogSync } {
  const disk = new MemoryDisk();
  const writer = new CommitLogWriter(disk, files, at(0));
  disk.journal.length = 0;
  return { disk, writer, sync: new CommitLogSync(disk, files) };
}

describe('the flushing end of the log', () => {
  it('makes the name of a segment durable once, and its bytes every time', () => {
    const { disk, writer, sync } = start();
    writer.write(Buffer.from('abcdef'), 0, 6);
    sync.sync(at(0), at(3));
    sync.sync(at(3), at(6));
    sync.sync(at(6), at(6));
    expect(disk.journal).toEqual(['fsync /log', `fdatasync ${FIRST}`, `fdatasync ${FIRST}`]);
  });

  it('flushes the older file first when a flush spans two', () => {
    const { disk, writer, sync } = start();
    writer.write(Buffer.from('old'), 0, 3);
    writer.roll();
    writer.write(Buffer.from('new'), 0, 3);
    sync.sync(at(0), writer.end);
    expect(disk.journal.filter((line) => line.startsWith('fdatasync'))).toEqual([
      `fdatasync ${FIRST}`,
      `fdatasync ${SECOND}`,
    ]);
  });

  it('does not touch the next file when the flush ends with a segment', () => {
    const { disk, writer, sync } = start();
    writer.roll();
    sync.sync(at(0), at(256));
    expect(disk.journal).toEqual(['fsync /log', `fdatasync ${FIRST}`]);
  });

  it('closes segments that it has left behind', () => {
    const { disk, writer, sync } = start();
    for (let i = 0; i < 5; i++) {
      sync.sync(at(Math.max(0, writer.end - 256)), at(writer.end + 1));
      writer.roll();
    }
    expect(disk.openFiles).toBe(2);
    sync.close();
    writer.close();
    expect(disk.openFiles).toBe(0);
  });

  it('opens a segment again when there was no descriptor for it or for its folder', () => {
    for (const operation of ['open', 'fsync']) {
      const { disk, writer, sync } = start();
      writer.write(Buffer.from('abc'), 0, 3);
      disk.fault = (call) => (call === operation ? 'EMFILE' : null);
      expect(() => sync.sync(at(0), at(3))).toThrow('EMFILE');
      disk.fault = () => null;
      sync.sync(at(0), at(3));
      expect(disk.journal).toEqual(['fsync /log', `fdatasync ${FIRST}`]);
      expect(disk.openFiles).toBe(2);
    }
  });

  it('does not hide a failed flush', () => {
    const { disk, sync } = start();
    disk.fault = (operation) => (operation === 'fdatasync' ? 'EIO' : null);
    expect(() => sync.sync(at(0), at(1))).toThrow('EIO');
  });
});

describe('preparing the next segment', () => {
  it('gives it its place in the log only when it is complete', () => {
    const disk = new MemoryDisk();
    const big = { ...files, segmentSizeBytes: 640 * 1024 };
    const writer = new CommitLogWriter(disk, big, at(0));
    const sync = new CommitLogSync(disk, big);
    sync.beginPreparing(at(big.segmentSizeBytes), true);
    let steps = 0;
    while (!sync.prepareStep()) {
      steps++;
      expect(disk.list('/log')).toEqual(['00000000000000000000']);
    }
    expect(steps).toBe(3);
    expect(disk.list('/log')).toEqual(['00000000000000000000', '00000000000000655360']);
    expect(disk.list('/')).toEqual(['log']);
    expect(disk.journal.at(-1)).toBe('fsync /log');
    writer.roll();
    expect(writer.unpreparedSegments).toBe(0);
  });

  it('never overwrites a segment that append could not wait for', () => {
    const { disk, writer, sync } = start();
    sync.beginPreparing(at(256), true);
    expect(sync.prepareStep()).toBe(false);
    writer.roll();
    writer.write(Buffer.from('precious'), 0, 8);
    while (!sync.prepareStep());
    expect(Buffer.from(disk.bytesOf(SECOND)).toString('latin1', 0, 8)).toBe('precious');
    expect(writer.unpreparedSegments).toBe(1);
    expect(disk.list('/')).toEqual(['log']);
  });

  it('takes over what a killed process has left', () => {
    const { disk, sync } = start();
    disk.put('/log.preparing', Buffer.alloc(1000, 'x'));
    sync.prepareSegment(at(256), false);
    expect(disk.stat(SECOND)?.size).toBe(256);
    expect(disk.bytesOf(SECOND).every((byte) => byte === 0)).toBe(true);
  });

  it('leaves a segment alone whose second name a crash has left', () => {
    const { disk, writer } = start();
    disk.link(FIRST, '/log.preparing');
    writer.write(Buffer.from('precious'), 0, 8);
    new CommitLogSync(disk, files).prepareSegment(at(256), true);
    expect(Buffer.from(disk.bytesOf(FIRST)).toString('latin1', 0, 8)).toBe('precious');
    expect(disk.bytesOf(SECOND).every((byte) => byte === 0)).toBe(true);
    expect(disk.list('/')).toEqual(['log']);
  });

  it.each(['ENOSPC', 'EDQUOT'])('gives up when the disk turns out to be full in the flush of its zeros: %s', (code) => {
    const { disk, writer, sync } = start();
    disk.fault = (operation, path) => {
      // As from the system: a failed fdatasync, whatever the reason.
      if (operation === 'fdatasync') throw new DiskFailedError(path, operation, code);
      return null;
    };
    sync.prepareSegment(at(256), true);
    expect(disk.list('/')).toEqual(['log']);
    expect(sync.isPreparing).toBe(false);
    writer.close();
    expect(disk.openFiles).toBe(0);
  });

  it.each(['EPERM', 'EXDEV'])(
    'makes a sparse one where a file cannot have a name in the log and one outside, and writes no zeros again: %s',
    (code) => {
      const { disk, sync } = start();
      let writes = 0;
      disk.fault = (operation) => {
        if (operation === 'write') writes++;
        return operation === 'link' ? code : null;
      };
      sync.prepareSegment(at(256), true);
      expect([disk.stat(SECOND)?.size, writes]).toEqual([256, 1]);
      sync.prepareSegment(at(512), true);
      expect(writes).toBe(1);
      expect(disk.list('/log')).toHaveLength(3);
      expect(disk.list('/')).toEqual(['log']);
    },
  );

  it.each<[code: string, at: DiskOperation]>([
    ['EROFS', 'unlink'],
    ['EROFS', 'open'],
    ['EACCES', 'open'],
    ['EPERM', 'open'],
  ])('makes a sparse one where the folder above the log cannot be written to: %s of %s', (code, refused) => {
    const { disk, sync } = start();
    let tries = 0;
    disk.fault = (operation, path) => {
      if (operation !== refused || path.startsWith('/log/')) return null;
      tries++;
      return code;
    };
    sync.prepareSegment(at(256), true);
    sync.prepareSegment(at(512), true);
    expect([disk.list('/log').length, disk.stat(SECOND)?.size, tries]).toEqual([3, 256, 1]);
  });

  it('writes nothing to another file system', () => {
    const { disk, sync } = start();
    disk.deviceOf = (path) => (path.startsWith('/log') ? 1 : 0);
    const outside: string[] = [];
    disk.fault = (_, path) => {
      if (!/^\/log(\/|$)/.test(path)) outside.push(path);
      return null;
    };
    sync.prepareSegment(at(256), true);
    expect([disk.stat(SECOND)?.size, outside]).toEqual([256, []]);
  });

  it('leaves its file where it is no longer let to remove it', () => {
    const { disk, sync } = start();
    sync.beginPreparing(at(256), true);
    disk.fault = (operation, path) => (operation === 'unlink' && path === '/log.preparing' ? 'EACCES' : null);
    while (!sync.prepareStep());
    expect(disk.stat(SECOND)?.size).toBe(256);
  });

  it.each([
    ['at its beginning', 'resize'],
    ['while it is written', 'write'],
    ['at its end', 'link'],
  ])('gives up on a full disk %s and takes its room back', (_, call) => {
    const { disk, writer, sync } = start();
    disk.fault = (operation) => (operation === call ? 'ENOSPC' : null);
    sync.prepareSegment(at(256), true);
    expect(disk.list('/')).toEqual(['log']);
    expect(disk.list('/log').length).toBe(1);
    expect(sync.isPreparing).toBe(false);
    expect(disk.openFiles).toBe(1);
    writer.close();
  });

  it('gives up when there is no descriptor for it', () => {
    const { disk, sync } = start();
    disk.fault = (operation) => (operation === 'open' ? 'ENFILE' : null);
    sync.prepareSegment(at(256), true);
    expect(sync.isPreparing).toBe(false);
  });

  it('does not hide a failing disk', () => {
    const { disk, sync } = start();
    disk.fault = (operation) => (operation === 'write' ? 'EIO' : null);
    expect(() => sync.prepareSegment(at(256), true)).toThrow('EIO');
  });
});
