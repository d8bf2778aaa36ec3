/** Whole records behind a place that ends the log: a start counts and keeps them before it wipes the rest of the file. */
import { beforeEach, describe, expect, it } from 'vitest';
import { asLogOffset } from '../../src/base/units.ts';
import { CommitLogWriter } from '../../src/store/commit-log.ts';
import { DiskFullError } from '../../src/store/disk.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { findRecordsBehind } from '../../src/store/records-aside.ts';
import { recoverStore } from '../../src/store/recovery.ts';
import { logFilesOf } from '../../src/store/segments.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { encodeTestRecord, testRecordSize } from '../support/records.ts';
import { SMALL_SIZES, type SmallStore, smallPaths, smallStore } from '../support/small-store.ts';

const COUNT = 40;
/** In the newest file. */
const DAMAGED = COUNT - 7;
const KEPT = `${smallPaths.commitLog}.cut`;

let lines: string[];
beforeEach(() => {
  lines = [];
});

function recover(disk: MemoryDisk, cleanStop = false): number {
  const log = { info: () => {}, warn: (line: string) => lines.push(line) };
  return recoverStore(disk, smallPaths, { ...SMALL_SIZES, checksBodies: true, cleanStop }, log).logEnd;
}

interface DamagedStore extends SmallStore {
  readonly damagedAt: number;
  /** Of the newest file, to its last byte that is written. */
  readonly tail: () => Uint8Array;
}

/** `damage` is called with the bytes of one record, none of which is flushed. */
function damagedStore(damage: (bytes: Uint8Array) => void = (bytes) => bytes.fill(0)): DamagedStore {
  const store = smallStore(COUNT);
  const { logOffset: damagedAt, size } = store.records[DAMAGED]!;
  const path = `${smallPaths.commitLog}/00000000000000004096`;
  damage(store.disk.bytesOf(path).subarray(damagedAt - 4096, damagedAt - 4096 + size));
  const tail = (): Uint8Array => store.disk.readWhole(path).slice(damagedAt - 4096);
  return { ...store, damagedAt, tail };
}

describe('a start that ends the log in the middle of a file', () => {
  it.each<[what: string, damage: (bytes: Uint8Array) => void]>([
    ['nothing but zeros', (bytes) => bytes.fill(0)],
    ['other bytes', (bytes) => bytes.fill(0xab)],
    ['a record with a damaged body', (bytes) => bytes.fill(7, 90, 91)],
  ])('at %s keeps the whole records behind it, and says how many', (_what, damage) => {
    const { disk, damagedAt, logEnd, tail } = damagedStore(damage);
    const before = tail().slice(0, logEnd - damagedAt);
    expect(recover(disk)).toBe(damagedAt);
    const name = `bytes-from-${damagedAt}`;
    const start = before.findIndex((byte) => byte !== 0);
    expect(start).toBeGreaterThanOrEqual(0);
    expect(disk.readWhole(`${KEPT}/${name}`)).toEqual(before);
    expect(lines).toContain(
      `${COUNT - DAMAGED - 1} whole records behind the end of the log at ${damagedAt}, in its file and up to ${logEnd}: kept in ${KEPT}/${name}`,
    );
    expect(tail().every((byte) => byte === 0)).toBe(true);
    // Now there are none.
    recover(disk);
    expect(disk.list(KEPT)).toEqual([name]);
  });

  it('also after a stop in order of a broker that is not RingMQ', () => {
    const { disk, damagedAt } = damagedStore();
    expect(recover(disk, true)).toBe(damagedAt);
    expect(disk.list(KEPT)).toEqual([`bytes-from-${damagedAt}`]);
  });

  it('wipes records behind more zeros than it looks through for other bytes, after a stop in order too', () => {
    const disk = new MemoryDisk();
    const sizes = { ...SMALL_SIZES, segmentSizeBytes: 1024 * 1024 };
    const files = logFilesOf(smallPaths, sizes);
    const first = { topic: 'T', queueId: 0, queueOffset: 0, logOffset: 0, storeTimestamp: 1000 };
    const size = testRecordSize(first);
    for (const logOffset of [0, 500_000]) {
      const log = new CommitLogWriter(disk, files, asLogOffset(logOffset));
      log.write(encodeTestRecord({ ...first, logOffset }), 0, size);
      log.close();
    }
    const settings = { ...sizes, checksBodies: true, cleanStop: true };
    expect(recoverStore(disk, smallPaths, settings, { info: () => {}, warn: () => {} }).logEnd).toBe(size);
    expect(disk.list(KEPT)).toEqual([`bytes-from-${size}`]);
    const bytes = disk.readWhole(`${smallPaths.commitLog}/${'0'.repeat(20)}`);
    expect(bytes.subarray(size).every((byte) => byte === 0)).toBe(true);
  });

  it('keeps nothing of a record that was cut short', () => {
    const store = smallStore(COUNT);
    const { logOffset } = store.records.at(-1)!;
    store.disk.bytesOf(`${smallPaths.commitLog}/00000000000000004096`).fill(0xab, logOffset - 4096 + 40);
    expect(recover(store.disk)).toBe(logOffset);
    expect(store.disk.list(KEPT)).toEqual([]);
  });

  it('does not count records that are damaged themselves', () => {
    const { disk, records, damagedAt } = damagedStore();
    const bytes = disk.bytesOf(`${smallPaths.commitLog}/00000000000000004096`);
    bytes[records[DAMAGED + 2]!.logOffset - 4096 + 90]! ^= 1;
    recover(disk);
    expect(lines.find((line) => line.includes('whole records'))).toMatch(
      new RegExp(`^${COUNT - DAMAGED - 2} whole records behind the end of the log at ${damagedAt}`),
    );
  });

  it('leaves what it has kept before, and takes away what a start that was killed has not completed', () => {
    const { disk, damagedAt, logEnd, tail } = damagedStore();
    const name = `bytes-from-${damagedAt}`;
    const before = tail().slice(0, logEnd - damagedAt);
    disk.put(`${KEPT}/${name}`, new Uint8Array(before.length));
    disk.put(`${KEPT}/${name}.tmp`, 'half of it');
    recover(disk);
    expect(disk.list(KEPT)).toEqual([name, `${name}.1`]);
    expect(disk.readWhole(`${KEPT}/${name}.1`)).toEqual(before);
  });

  it('fails before it has wiped anything, and leaves no part, when there is no room for what it keeps', () => {
    const { disk, damagedAt, tail } = damagedStore();
    const before = tail();
    disk.roomBytes = 100;
    expect(() => recover(disk)).toThrow(DiskFullError);
    expect([tail(), disk.list(KEPT)]).toEqual([before, []]);
    expect(lines.at(-1)).toMatch(/no room for a copy of \d+ bytes\. Make room and start again: nothing was wiped$/);
    disk.roomBytes = Number.POSITIVE_INFINITY;
    expect(recover(disk)).toBe(damagedAt);
    expect(disk.list(KEPT)).toEqual([`bytes-from-${damagedAt}`]);
  });
});

describe('the search for records behind the end of the log', () => {
  const MIB = 1024 * 1024;

  it.each([
    ['finds them behind as many zeros as the largest record has', 5 * MIB, 3],
    ['gives up behind more', 17 * MIB, 0],
  ])('%s', (_what, zeros, count) => {
    const disk = new MemoryDisk();
    const files = logFilesOf(smallPaths, { segmentSizeBytes: 32 * MIB });
    const log = new CommitLogWriter(disk, files, asLogOffset(zeros));
    for (let i = 0; i < 3; i++) {
      const record = { topic: 'T', queueId: 0, queueOffset: i, logOffset: log.end, storeTimestamp: 1000 };
      log.write(encodeTestRecord(record), 0, testRecordSize(record));
    }
    const reader = new LogReader(disk, files);
    expect(findRecordsBehind(reader, 0)).toEqual({ count, dataEnd: count === 0 ? 0 : log.end });
    log.close();
    reader.close();
    expect(disk.openFiles).toBe(0);
  });
});
