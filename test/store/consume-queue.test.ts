import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../src/base/assert.ts';
import { asQueueOffset } from '../../src/base/units.ts';
import { entryLogOffset, entrySize, QUEUE_ENTRY_BYTES, writeQueueEntry } from '../../src/layout/queue-entry.ts';
import { ConsumeQueueReader, ConsumeQueueWriter } from '../../src/store/consume-queue.ts';
import { findQueueEnd } from '../../src/store/queue-files.ts';
import { QueueSync } from '../../src/store/unsynced-queues.ts';
import { MemoryDisk } from '../support/memory-disk.ts';

const ENTRIES_PER_FILE = 5;
const FILE_SIZE = ENTRIES_PER_FILE * QUEUE_ENTRY_BYTES;
const at = asQueueOffset;

function writerOn(disk: MemoryDisk, handlesMax = 8): ConsumeQueueWriter {
  return new ConsumeQueueWriter(disk, '/cq', FILE_SIZE, handlesMax);
}

/** Entries of a queue from `first` on: the log offset of each is its own number times 100. */
function entries(first: number, count: number): Buffer {
  const bytes = Buffer.alloc(count * QUEUE_ENTRY_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let i = 0; i < count; i++) writeQueueEntry(view, i * QUEUE_ENTRY_BYTES, (first + i) * 100, 100, first + i);
  return bytes;
}

function append(writer: ConsumeQueueWriter, topic: string, queueId: number, first: number, count: number): void {
  writer.append(topic, queueId, at(first), entries(first, count), 0, count * QUEUE_ENTRY_BYTES);
}

function read(disk: MemoryDisk, topic: string, queueId: number, from: number, count: number): number[] {
  const reader = new ConsumeQueueReader(disk, '/cq', FILE_SIZE, 2);
  const into = Buffer.alloc(count * QUEUE_ENTRY_BYTES);
  const view = new DataView(into.buffer, into.byteOffset);
  const found = reader.read(topic, queueId, at(from), count, into, 0);
  reader.close();
  return Array.from({ length: found }, (_, i) => entryLogOffset(view, i * QUEUE_ENTRY_BYTES));
}

describe('when there are no descriptors left', () => {
  it.each(['list', 'open'] as const)('a queue that was there goes on at its end, after a failed %s', (call) => {
    const disk = new MemoryDisk();
    append(writerOn(disk), 'T', 0, 0, 3);
    const writer = writerOn(disk);
    disk.fault = (operation) => (operation === call ? 'EMFILE' : null);
    expect(() => append(writer, 'T', 0, 3, 1)).toThrow('EMFILE');
    disk.fault = () => null;
    append(writer, 'T', 0, 3, 1);
    expect(read(disk, 'T', 0, 0, 4)).toEqual([0, 100, 200, 300]);
  });

  it('the writer gives half of its own back', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    for (let queueId = 0; queueId < 4; queueId++) append(writer, 'T', queueId, 0, 1);
    disk.fault = (operation) => (operation === 'list' ? 'EMFILE' : null);
    expect(() => append(writer, 'T', 4, 0, 1)).toThrow('EMFILE');
    expect(disk.openFiles).toBeLessThanOrEqual(2);
  });
});

describe('the files of a queue', () => {
  it('are read back as they were filed, in any groups, and end where they end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 13 })), { maxLength: 20 }),
        fc.integer({ min: 1, max: 40 }),
        (groups, writeMax) => {
          const disk = new MemoryDisk();
          disk.writeMax = writeMax;
          const writer = writerOn(disk, 2);
          const ends = [0, 0, 0];
          for (const [queueId, count] of groups) {
            append(writer, 'T', queueId, ends[queueId]!, count);
            ends[queueId]! += count;
          }
          for (const [queueId, end] of ends.entries()) {
            expect(read(disk, 'T', queueId, 0, end)).toEqual(Array.from({ length: end }, (_, i) => i * 100));
            expect(findQueueEnd(disk, `/cq/T/${queueId}`, FILE_SIZE)).toBe(end);
          }
          expect(disk.openFiles).toBeLessThanOrEqual(2);
        },
      ),
    );
  });

  it('have their full size and the name of their first byte', () => {
    const disk = new MemoryDisk();
    append(writerOn(disk), 'T', 3, 0, 6);
    expect(disk.list('/cq/T/3')).toEqual(['00000000000000000000', '00000000000000000100']);
    expect(disk.stat('/cq/T/3/00000000000000000100')?.size).toBe(FILE_SIZE);
  });

  it('are never appended to over a gap', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    append(writer, 'T', 0, 0, 3);
    expect(() => append(writer, 'T', 0, 4, 1)).toThrow(InvariantError);
    expect(() => append(writer, 'T', 0, 4, 1)).toThrow('gap in queue T/0: entry 4 after 3');
    append(writer, 'T', 0, 3, 1);
    // Nor by a writer that has only the files to go by.
    expect(() => append(writerOn(disk), 'T', 0, 5, 1)).toThrow('gap in queue T/0: entry 5 after 4');
  });

  it('take entries again that they have, and keep those behind them', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    append(writer, 'T', 0, 0, 8);
    append(writer, 'T', 0, 2, 3);
    expect(writer.end('T', 0)).toBe(8);
    expect(read(disk, 'T', 0, 0, 8)).toEqual([0, 100, 200, 300, 400, 500, 600, 700]);
  });

  it('begin with filler up to the first message of a queue that does not start at 0', () => {
    const disk = new MemoryDisk();
    append(writerOn(disk), 'T', 0, 12, 2);
    expect(disk.list('/cq/T/0')).toEqual(['00000000000000000200']);
    expect(read(disk, 'T', 0, 10, 4)).toEqual([0, 0, 1200, 1300]);
    const bytes = disk.bytesOf('/cq/T/0/00000000000000000200');
    expect(entrySize(new DataView(bytes.buffer), QUEUE_ENTRY_BYTES)).toBe(0x7fffffff);
    expect(findQueueEnd(disk, '/cq/T/0', FILE_SIZE)).toBe(14);
  });

  it('end with the file before an empty one', () => {
    const disk = new MemoryDisk();
    append(writerOn(disk), 'T', 0, 0, 5);
    disk.put('/cq/T/0/00000000000000000100', Buffer.alloc(FILE_SIZE));
    expect(findQueueEnd(disk, '/cq/T/0', FILE_SIZE)).toBe(5);
    disk.put('/cq/T/1/00000000000000000100', Buffer.alloc(FILE_SIZE));
    expect(findQueueEnd(disk, '/cq/T/1', FILE_SIZE)).toBe(5);
  });

  it('do not move their end on a full disk', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    append(writer, 'T', 0, 0, 2);
    disk.roomBytes = 30;
    expect(() => append(writer, 'T', 0, 2, 5)).toThrow('disk full');
    expect(writer.end('T', 0)).toBe(2);
    disk.roomBytes = Number.POSITIVE_INFINITY;
    append(writer, 'T', 0, 2, 5);
    expect(read(disk, 'T', 0, 0, 7)).toEqual([0, 100, 200, 300, 400, 500, 600]);
  });

  it('have their full size or do not exist', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    disk.fault = (operation) => (operation === 'resize' ? 'ENOSPC' : null);
    expect(() => append(writer, 'T', 0, 0, 1)).toThrow('disk full');
    expect(disk.list('/cq/T/0')).toEqual([]);
    disk.fault = () => null;
    append(writer, 'T', 0, 0, 1);
    expect(disk.stat('/cq/T/0/00000000000000000000')?.size).toBe(FILE_SIZE);
  });

  it('give nothing where there is no file', () => {
    const disk = new MemoryDisk();
    append(writerOn(disk), 'T', 0, 12, 1);
    expect(read(disk, 'T', 0, 3, 4)).toEqual([]);
    expect(read(disk, 'T', 0, 14, 4)).toEqual([0]);
    expect(read(disk, 'U', 0, 0, 4)).toEqual([]);
  });
});

function makeDurable(disk: MemoryDisk, writer: ConsumeQueueWriter): void {
  const sync = new QueueSync(disk, writer.takeUnsynced());
  while (!sync.step());
}

describe('making queues durable', () => {
  const synced = (disk: MemoryDisk): string[] => disk.journal.filter((line) => /^f(data)?sync/.test(line)).sort();

  it('flushes every file that was written, also closed ones, and the folders of new files', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk, 1);
    append(writer, 'T', 0, 0, 6);
    append(writer, 'U', 1, 0, 1);
    makeDurable(disk, writer);
    expect(synced(disk)).toEqual([
      'fdatasync /cq/T/0/00000000000000000000',
      'fdatasync /cq/T/0/00000000000000000100',
      'fdatasync /cq/U/1/00000000000000000000',
      'fsync /',
      'fsync /cq',
      'fsync /cq/T',
      'fsync /cq/T/0',
      'fsync /cq/U',
      'fsync /cq/U/1',
    ]);
    disk.journal.length = 0;
    append(writer, 'T', 0, 6, 1);
    makeDurable(disk, writer);
    makeDurable(disk, writer);
    expect(synced(disk)).toEqual(['fdatasync /cq/T/0/00000000000000000100']);
  });

  it('is done file by file, and what is filed meanwhile is left for the next time', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    for (let queueId = 0; queueId < 3; queueId++) append(writer, 'T', queueId, 0, 1);
    const sync = new QueueSync(disk, writer.takeUnsynced());
    append(writer, 'T', 9, 0, 1);
    for (let files = 1; files <= 3; files++) {
      expect(sync.step()).toBe(false);
      expect(synced(disk)).toHaveLength(files);
      expect(synced(disk).every((line) => line.startsWith('fdatasync'))).toBe(true);
    }
    while (!sync.step());
    expect(synced(disk)).not.toContain('fdatasync /cq/T/9/00000000000000000000');
    makeDurable(disk, writer);
    expect(synced(disk)).toContain('fdatasync /cq/T/9/00000000000000000000');
  });

  it('passes over files that have gone', () => {
    const disk = new MemoryDisk();
    const writer = writerOn(disk);
    append(writer, 'T', 0, 0, 1);
    append(writer, 'T', 1, 0, 1);
    const sync = new QueueSync(disk, writer.takeUnsynced());
    disk.removeTree('/cq/T/0');
    while (!sync.step());
    expect(synced(disk)).toContain('fdatasync /cq/T/1/00000000000000000000');
  });
});
