import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asLogOffset } from '../../src/base/units.ts';
import { BLANK_MAGIC } from '../../src/layout/message-record.ts';
import { CommitLogWriter } from '../../src/store/commit-log.ts';
import { DiskFailedError } from '../../src/store/disk.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { MemoryDisk } from '../support/memory-disk.ts';

const files = { directory: '/log', segmentSizeBytes: 256 };
const FIRST = '/log/00000000000000000000';
const SECOND = '/log/00000000000000000256';

function writerOn(disk: MemoryDisk, end = 0): CommitLogWriter {
  return new CommitLogWriter(disk, files, asLogOffset(end));
}

describe('the writer of the log', () => {
  it('makes the first segment at its full size', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    expect(disk.list('/log')).toEqual(['00000000000000000000']);
    expect(disk.stat(FIRST)?.size).toBe(256);
    expect(writer.roomInSegment()).toBe(248);
  });

  it('makes its folder and those above it durable, before it takes anything', () => {
    const disk = new MemoryDisk();
    const deep = { directory: '/data/broker/log', segmentSizeBytes: 256 };
    const first = new CommitLogWriter(disk, deep, asLogOffset(0));
    expect(disk.journal).toEqual(['fsync /', 'fsync /data', 'fsync /data/broker']);
    first.close();
    disk.journal.length = 0;
    // An earlier process that made it may have been killed before it was durable.
    new CommitLogWriter(disk, deep, asLogOffset(0));
    expect(disk.journal).toEqual(['fsync /data/broker']);
  });

  it.each(['EACCES', 'EPERM', 'EINVAL', 'EROFS'])('takes a folder whose parent cannot be synced: %s', (code) => {
    const disk = new MemoryDisk();
    disk.makeDirectory('/theirs/log');
    disk.fault = (operation) => (operation === 'fsync' ? code : null);
    const theirs = { directory: '/theirs/log', segmentSizeBytes: 256 };
    expect(new CommitLogWriter(disk, theirs, asLogOffset(0)).end).toBe(0);
  });

  it('writes runs one behind the other, whole in spite of short writes', () => {
    const disk = new MemoryDisk();
    disk.writeMax = 7;
    const writer = writerOn(disk);
    writer.write(Buffer.from('--first run--'), 2, 9);
    writer.write(Buffer.from(' and the second'), 0, 15);
    expect(writer.end).toBe(24);
    expect(Buffer.from(disk.bytesOf(FIRST)).toString('latin1', 0, 26)).toBe('first run and the second\0\0');
  });

  it('goes on at the end it is told, also at the start of a segment that is not there', () => {
    const disk = new MemoryDisk();
    writerOn(disk).write(Buffer.from('abcdef'), 0, 6);
    const writer = writerOn(disk, 4);
    writer.write(Buffer.from('XY'), 0, 2);
    expect(Buffer.from(disk.bytesOf(FIRST)).toString('latin1', 0, 7)).toBe('abcdXY\0');
    expect(writerOn(disk, 256).end).toBe(256);
    expect(disk.stat(SECOND)?.size).toBe(256);
  });

  it('fills a segment up with a blank before it rolls', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    writer.write(Buffer.alloc(200, 'r'), 0, 200);
    writer.roll();
    expect(writer.end).toBe(256);
    const bytes = Buffer.from(disk.bytesOf(FIRST));
    expect(bytes.readInt32BE(200)).toBe(56);
    expect(bytes.readInt32BE(204)).toBe(BLANK_MAGIC);
    writer.write(Buffer.from('next'), 0, 4);
    expect(Buffer.from(disk.bytesOf(SECOND)).toString('latin1', 0, 4)).toBe('next');
    expect(writer.unpreparedSegments).toBe(1);
    expect(disk.openFiles).toBe(1);
  });

  it('takes a segment that flush has made', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    disk.put(SECOND, Buffer.alloc(256));
    writer.roll();
    expect(writer.unpreparedSegments).toBe(0);
  });

  it('keeps room for the blank behind every run', () => {
    const writer = writerOn(new MemoryDisk());
    expect(() => writer.write(Buffer.alloc(249), 0, 249)).toThrow('room for the filler');
    writer.write(Buffer.alloc(248, 1), 0, 248);
    expect(writer.roomInSegment()).toBe(0);
    writer.roll();
    expect(writer.end).toBe(256);
  });

  it('does not move its end on a full disk and leaves nothing of the run', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    writer.write(Buffer.from('kept'), 0, 4);
    // The disk takes ten bytes and then no more; what overwrites them needs no room on a real one.
    disk.writeMax = 10;
    let writes = 0;
    disk.fault = (operation) => (operation === 'write' && ++writes === 2 ? 'ENOSPC' : null);
    expect(() => writer.write(Buffer.alloc(60, 'r'), 0, 60)).toThrow('disk full');
    expect(writer.end).toBe(4);
    expect(Buffer.from(disk.bytesOf(FIRST)).toString('latin1', 0, 16)).toBe(`kept${'\0'.repeat(12)}`);
    writer.write(Buffer.from('more'), 0, 4);
    expect(Buffer.from(disk.bytesOf(FIRST)).toString('latin1', 0, 9)).toBe('keptmore\0');
  });

  it('fails when a full disk does not even take back what it has: the run would be found behind a shorter one', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    disk.writeMax = 10;
    let writes = 0;
    disk.fault = (operation) => (operation === 'write' && ++writes > 1 ? 'ENOSPC' : null);
    expect(() => writer.write(Buffer.alloc(60, 'r'), 0, 60)).toThrow(DiskFailedError);
  });

  it('does not try for ever where a write takes nothing', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    let writes = 0;
    disk.fault = (operation) => {
      if (operation === 'write' && ++writes > 3) throw new Error('tried again');
      return null;
    };
    disk.writeMax = 0;
    expect(() => writer.write(Buffer.alloc(60, 'r'), 0, 60)).toThrow('wrote 0 bytes');
  });

  it('does not roll on a full disk, and can still take a smaller run', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    disk.fault = (operation) => (operation === 'resize' ? 'ENOSPC' : null);
    expect(() => writer.roll()).toThrow('disk full');
    expect(writer.end).toBe(0);
    expect(Buffer.from(disk.bytesOf(FIRST)).every((byte) => byte === 0)).toBe(true);
    writer.write(Buffer.from('small'), 0, 5);
    expect(writer.end).toBe(5);
    expect(disk.openFiles).toBe(1);
  });

  it('lets a failing disk through as it is', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    disk.fault = (operation) => (operation === 'write' ? 'EIO' : null);
    expect(() => writer.write(Buffer.from('a'), 0, 1)).toThrow('write /log/00000000000000000000: EIO');
    expect(writer.end).toBe(0);
  });
});

describe('the reader of the log', () => {
  it('reads back any runs, in any pieces, across segments', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 248 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 50 }),
        (runs, piece) => {
          const disk = new MemoryDisk();
          disk.writeMax = piece;
          const writer = writerOn(disk);
          const starts = runs.map((run) => {
            if (run.length > writer.roomInSegment()) writer.roll();
            const start = writer.end;
            writer.write(run, 0, run.length);
            return start;
          });
          const reader = new LogReader(disk, files);
          for (const [i, run] of runs.entries()) {
            const into = Buffer.alloc(run.length);
            for (let at = 0; at < run.length; at += piece) {
              const wanted = Math.min(piece, run.length - at);
              expect(reader.read(asLogOffset(starts[i]! + at), wanted, into, at)).toBe(wanted);
            }
            expect(Uint8Array.from(into)).toEqual(run);
          }
        },
      ),
    );
  });

  it('stops at the end of a segment and finds nothing in one that is not there', () => {
    const disk = new MemoryDisk();
    writerOn(disk);
    const reader = new LogReader(disk, files);
    const into = Buffer.alloc(100);
    expect(reader.read(asLogOffset(200), 100, into, 0)).toBe(56);
    expect(reader.read(asLogOffset(256), 100, into, 0)).toBe(0);
    writerOn(disk, 256);
    expect(reader.read(asLogOffset(256), 100, into, 0)).toBe(100);
  });

  it('closes deleted segments when it is told where the log starts', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    writer.roll();
    writer.close();
    const reader = new LogReader(disk, files);
    const into = Buffer.alloc(8);
    expect(reader.read(asLogOffset(0), 8, into, 0)).toBe(8);
    expect(reader.read(asLogOffset(256), 8, into, 0)).toBe(8);
    expect(disk.openFiles).toBe(2);
    disk.unlink(FIRST);
    reader.dropBelow(asLogOffset(256));
    expect(disk.openFiles).toBe(1);
    expect(reader.read(asLogOffset(0), 8, into, 0)).toBe(0);
    expect(reader.read(asLogOffset(256), 8, into, 0)).toBe(8);
    reader.close();
    expect(disk.openFiles).toBe(0);
  });
});
