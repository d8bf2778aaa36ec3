import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asLogOffset } from '../../src/base/units.ts';
import { RecordAt } from '../../src/layout/message-record.ts';
import { CommitLogWriter } from '../../src/store/commit-log.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { LogScanner, Scanned } from '../../src/store/log-scanner.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { encodeTestRecord, testRecordSize } from '../support/records.ts';

const files = { directory: '/log', segmentSizeBytes: 1024 };
const FIRST = '/log/00000000000000000000';

/** Writes records with these bodies, rolling where they do not fit. */
function logOf(disk: MemoryDisk, bodies: readonly string[]): { starts: number[]; end: number } {
  const writer = new CommitLogWriter(disk, files, asLogOffset(0));
  const starts = bodies.map((body, i) => {
    const size = testRecordSize({ topic: 'T', body });
    if (size > writer.roomInSegment()) writer.roll();
    const start = writer.end;
    const bytes = encodeTestRecord({
      topic: 'T',
      queueId: 1,
      queueOffset: i,
      logOffset: start,
      storeTimestamp: 1000 + i,
      body,
    });
    writer.write(bytes, 0, bytes.length);
    return start;
  });
  return { starts, end: writer.end };
}

/** Walks a range; the texts of the bodies and how the walk ended, and where. */
function walk(disk: MemoryDisk, from: number, to: number, checksBodies = true, windowBytes = 200) {
  const scanner = new LogScanner(new LogReader(disk, files), checksBodies, windowBytes);
  scanner.begin(asLogOffset(from), asLogOffset(to));
  const bodies: string[] = [];
  for (;;) {
    const found = scanner.next();
    if (found !== Scanned.record) return { bodies, found, position: scanner.position as number };
    const { bodyStart, bodyLength } = scanner.cursor;
    expect(scanner.view.getInt32(scanner.recordAt)).toBe(scanner.nextPosition - scanner.position);
    bodies.push(scanner.bytes.toString('latin1', bodyStart, bodyStart + bodyLength));
  }
}

/** Walks the second segment, which begins with these bytes. */
function walkOf(bytes: Buffer) {
  const disk = new MemoryDisk();
  const writer = new CommitLogWriter(disk, files, asLogOffset(1024));
  writer.write(bytes, 0, bytes.length);
  return walk(disk, 1024, writer.end);
}

describe('the scanner of the log', () => {
  it('finds any records again, with any window, across the fillers of segments', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 0, maxLength: 700, unit: 'grapheme-ascii' }), { maxLength: 12 }),
        fc.integer({ min: 8, max: 3000 }),
        (bodies, windowBytes) => {
          const disk = new MemoryDisk();
          const { end } = logOf(disk, bodies);
          expect(walk(disk, 0, end, true, windowBytes)).toEqual({ bodies, found: Scanned.end, position: end });
        },
      ),
    );
  });

  it('starts at any record and stops before one that goes beyond the range', () => {
    const disk = new MemoryDisk();
    const { starts, end } = logOf(disk, ['a', 'b', 'c']);
    expect(walk(disk, starts[1]!, end)).toMatchObject({ bodies: ['b', 'c'] });
    expect(walk(disk, 0, end - 1)).toEqual({ bodies: ['a', 'b'], found: Scanned.end, position: starts[2] });
    expect(walk(disk, 0, starts[2]! + 4)).toEqual({ bodies: ['a', 'b'], found: Scanned.end, position: starts[2] });
  });

  it('goes on where the log has grown since', () => {
    const disk = new MemoryDisk();
    const { end } = logOf(disk, ['a']);
    const scanner = new LogScanner(new LogReader(disk, files), false);
    scanner.begin(asLogOffset(0), asLogOffset(end));
    expect([scanner.next(), scanner.next()]).toEqual([Scanned.record, Scanned.end]);
    const later = logOf(disk, ['a', 'b']);
    scanner.begin(asLogOffset(end), asLogOffset(later.end));
    expect([scanner.next(), scanner.next()]).toEqual([Scanned.record, Scanned.end]);
    expect(scanner.position).toBe(later.end);
  });

  it('ends where nothing has been written', () => {
    const disk = new MemoryDisk();
    const { end } = logOf(disk, ['a']);
    expect(walk(disk, 0, 1024)).toEqual({ bodies: ['a'], found: Scanned.bad, position: end });
    expect(walk(disk, 1024, 2048)).toEqual({ bodies: [], found: Scanned.bad, position: 1024 });
  });

  it('sees a changed body by its checksum, and not without', () => {
    const disk = new MemoryDisk();
    const { starts, end } = logOf(disk, ['first', 'second']);
    const at = starts[1]! + testRecordSize({ topic: 'T', body: '' }) - 4;
    disk.bytesOf(FIRST)[at]! ^= 1;
    expect(walk(disk, 0, end, true)).toMatchObject({ bodies: ['first'], found: Scanned.bad, position: starts[1] });
    expect(walk(disk, 0, end, false).bodies.length).toBe(2);
  });

  it('sees a topic that did not get to the disk', () => {
    const disk = new MemoryDisk();
    const { starts, end } = logOf(disk, ['first', 'second']);
    disk.bytesOf(FIRST)[end - 3] = 0;
    expect(walk(disk, 0, end, true)).toMatchObject({ bodies: ['first'], found: Scanned.bad, position: starts[1] });
  });

  it('sees properties that did not get to the disk, by the sector, and takes zero bytes that are theirs', () => {
    const sector = 512;
    const size = (properties: string) => testRecordSize({ topic: 'T', body: 'b', properties });
    const text = 'UNIQ_KEY\u0001a\u0000b\u0002'.padEnd(900, 'x');
    // From a segment's start on: the properties lie in its first two sectors.
    const record = { topic: 'T', queueId: 0, queueOffset: 0, logOffset: 1024, storeTimestamp: 1, body: 'b' };
    const segment = encodeTestRecord({ ...record, properties: text });
    const whole = walkOf(segment);
    expect(whole).toMatchObject({ bodies: ['b'], position: 1024 + size(text) });
    const torn = Buffer.from(segment).fill(0, sector);
    expect(walkOf(torn)).toEqual({ bodies: [], found: Scanned.bad, position: 1024 });
    // One byte of the last sector says that it is there.
    torn[torn.length - 1] = 0x02;
    expect(walkOf(torn)).toMatchObject({ bodies: ['b'] });
    const short = encodeTestRecord({ ...record, properties: text.slice(0, sector + 1 - size('')) });
    expect(short.length).toBe(sector + 1);
    short[sector] = 0;
    expect(walkOf(short)).toMatchObject({ bodies: [], found: Scanned.bad });
  });

  it('refuses a record that says it lies somewhere else', () => {
    const disk = new MemoryDisk();
    const { starts, end } = logOf(disk, ['first', 'second']);
    const bytes = disk.bytesOf(FIRST);
    new DataView(bytes.buffer).setInt32(starts[1]! + RecordAt.physicalOffset + 4, 0);
    expect(walk(disk, 0, end)).toMatchObject({ bodies: ['first'], found: Scanned.bad });
  });

  it('survives any damage to one byte: what it reports was written, in order', () => {
    const bodies = ['one', 'two', 'three'];
    const clean = new MemoryDisk();
    const { end } = logOf(clean, bodies);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: end - 1 }), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const disk = clean.copy();
        disk.bytesOf(FIRST)[at]! ^= mask;
        const found = walk(disk, 0, end).bodies;
        expect(bodies.slice(0, found.length)).toEqual(found);
      }),
      { numRuns: 500 },
    );
  });
});
