/** Queries through the shared index and its files, over what Apache's store holds and answers. */
import { beforeAll, describe, expect, it } from 'vitest';
import { asLogOffset } from '../../../src/base/units.ts';
import { indexKeyHashOf } from '../../../src/layout/index-file.ts';
import { readRecord } from '../../../src/layout/message-record.ts';
import { IndexTable } from '../../../src/ring/index-table.ts';
import { LogReader } from '../../../src/store/log-reader.ts';
import { MessageReads } from '../../../src/threads/control/message-reads.ts';
import { IndexFiling } from '../../../src/threads/dispatch/index-filing.ts';
import { GOLDEN_SEGMENT_BYTES, goldenPaths, goldenStore, goldenStoreIndex } from '../../support/golden-store.ts';
import { GOLDEN_INDEX, putRange, SteppingClock } from '../../support/index-builds.ts';
import type { MemoryDisk } from '../../support/memory-disk.ts';

const index = goldenStoreIndex('clean.index.json');
const logEnd = index.commitLog.maxOffset;
const logFiles = { directory: goldenPaths.commitLog, segmentSizeBytes: GOLDEN_SEGMENT_BYTES };

let disk: MemoryDisk;
let table: IndexTable;
let filing: IndexFiling;
let visible: number;
let reads: MessageReads;

/** The index is built up to `to`: its newest entries are in no file yet. */
function build(to: number): void {
  disk = goldenStore('clean');
  disk.removeTree(GOLDEN_INDEX.directory);
  table = new IndexTable(IndexTable.allocate(GOLDEN_INDEX.shape.slots));
  filing = new IndexFiling(disk, GOLDEN_INDEX, table, new SteppingClock());
  visible = to;
  const log = new LogReader(disk, logFiles);
  reads = new MessageReads({ disk, log, visible: () => visible, indexTable: table, indexFiles: GOLDEN_INDEX });
  putRange(filing, { disk, from: 0, to });
  filing.publish();
}

const offsetsOf = (records: readonly Uint8Array[]): number[] =>
  records.map((bytes) => readRecord(new DataView(bytes.buffer, bytes.byteOffset), bytes, 0)!.physicalOffset);

/** Two keys may have one hash: Apache leaves it to the client to tell them apart. */
function hasKey(physicalOffset: number, key: string): boolean {
  const message = index.messages.find((one) => one.physicalOffset === physicalOffset);
  const { UNIQ_KEY, KEYS = '' } = message!.properties;
  return UNIQ_KEY === key || KEYS.split(' ').includes(key);
}

describe('messages by key', () => {
  beforeAll(() => build(logEnd));

  it('are those that Apache finds', () => {
    let found = 0;
    for (const { physicalOffsets, maxNum: max, ...query } of index.keyQueries) {
      const { records } = reads.byKey({ ...query, max })!;
      expect(offsetsOf(records), query.key).toEqual(physicalOffsets.filter((offset) => hasKey(offset, query.key)));
      found += records.length;
    }
    expect(found).toBeGreaterThan(300);
  });

  it('come with the time and place of the newest message in the index', () => {
    const query = index.keyQueries.find(({ physicalOffsets }) => physicalOffsets.length > 0)!;
    const { indexedAt, indexedTo } = reads.byKey({ ...query, max: 1 })!;
    expect([indexedAt, indexedTo]).toEqual([query.indexLastUpdateTimestamp, query.indexLastUpdatePhyoffset]);
  });

  it('are found after another start, when all is in the files', () => {
    filing.beginRound(Number.MAX_SAFE_INTEGER);
    while (filing.roundStep() === null);
    filing.close();
    const again = new IndexTable(IndexTable.allocate(GOLDEN_INDEX.shape.slots));
    new IndexFiling(disk, GOLDEN_INDEX, again, new SteppingClock()).close();
    const log = new LogReader(disk, logFiles);
    const later = new MessageReads({ disk, log, visible: () => visible, indexTable: again, indexFiles: GOLDEN_INDEX });
    for (const { maxNum: max, ...query } of index.keyQueries) {
      const found = offsetsOf(later.byKey({ ...query, max })!.records);
      expect(found, query.key).toEqual(offsetsOf(reads.byKey({ ...query, max })!.records));
    }
  });

  it('are not found before they are published, nor when their place in the log is beyond what may be seen', () => {
    const newest = index.keyQueries.find(({ physicalOffsets }) => physicalOffsets.at(-1)! > logEnd * 0.9)!;
    const at = newest.physicalOffsets.at(-1)!;
    const { records } = reads.byKey({ ...newest, max: 32 })!;
    expect(offsetsOf(records)).toContain(at);
    visible = at;
    expect(offsetsOf(reads.byKey({ ...newest, max: 32 })!.records)).not.toContain(at);
    visible = logEnd;
  });

  it('are found although the newest file becomes full in the middle of the look', () => {
    const middle = index.messages[Math.floor(index.messages.length / 3)]!.physicalOffset;
    build(middle);
    const query = index.keyQueries.find(
      ({ physicalOffsets }) => physicalOffsets.length > 1 && physicalOffsets.at(-1)! < middle,
    )!;
    const expected = offsetsOf(reads.byKey({ ...query, max: 32 })!.records);
    expect(expected.length).toBeGreaterThan(1);
    let looks = 0;
    disk.before = () => {
      // The second call is the opening of the newest file.
      if (++looks !== 2) return;
      disk.before = () => {};
      putRange(filing, { disk, from: middle, to: logEnd });
      filing.publish();
    };
    expect(offsetsOf(reads.byKey({ ...query, max: 32 })!.records)).toEqual(expected);
    expect(looks).toBe(2);
  });

  it('are not others whose key has the same hash', () => {
    build(logEnd);
    const byKey = (key: string) =>
      reads.byKey({ topic: 'Keyed', key, max: 64, begin: 0, end: Number.MAX_SAFE_INTEGER })!;
    expect(indexKeyHashOf('Keyed', 'BB')).toBe(indexKeyHashOf('Keyed', 'Aa'));
    expect(byKey('Aa')!.records.length).toBeGreaterThan(0);
    expect(byKey('BB')!.records).toEqual([]);
  });

  it('are not looked for without an index', () => {
    const without = new MessageReads({
      disk,
      log: new LogReader(disk, logFiles),
      visible: () => visible,
      indexTable: null,
      indexFiles: null,
    });
    expect(without.areIndexed).toBe(false);
    expect(without.byKey({ topic: 'T', key: 'k', max: 1, begin: 0, end: 1 })!.records).toEqual([]);
  });
});

describe('a message by its offset', () => {
  beforeAll(() => build(logEnd));

  it('is the record that lies there', () => {
    for (const { physicalOffset, size } of index.messages) {
      const bytes = Buffer.alloc(size);
      new LogReader(disk, logFiles).read(asLogOffset(physicalOffset), size, bytes, 0);
      expect(Buffer.from(reads.at(physicalOffset)!).equals(bytes), String(physicalOffset)).toBe(true);
    }
  });

  it('is nothing where no record begins, whatever a client asks for', () => {
    for (const offset of [-1, 1, 0.5, Number.NaN, logEnd, logEnd - 1, 2 ** 60, index.messages[3]!.physicalOffset + 8]) {
      expect(reads.at(offset), String(offset)).toBeNull();
    }
  });
});
