/** Queries through the shared index and its files, over what Apache's store holds and answers. */
import { beforeAll, describe, expect, it } from 'vitest';
import { asLogOffset } from '../../../src/base/units.ts';
import {
  indexEntryPosition,
  indexKeyHashOf,
  indexSlotPosition,
  writeIndexEntryPrevious,
} from '../../../src/layout/index-file.ts';
import { readRecord } from '../../../src/layout/message-record.ts';
import { IndexTable } from '../../../src/ring/index-table.ts';
import { IndexFile } from '../../../src/store/index-file.ts';
import { indexFileNames, indexFilePath } from '../../../src/store/index-files.ts';
import { IndexReader } from '../../../src/store/index-reader.ts';
import { LogReader } from '../../../src/store/log-reader.ts';
import { MessageReads } from '../../../src/threads/control/message-reads.ts';
import { IndexFiling } from '../../../src/threads/dispatch/index-filing.ts';
import { GOLDEN_SEGMENT_BYTES, goldenPaths, goldenStore, goldenStoreIndex } from '../../support/golden-store.ts';
import { GOLDEN_INDEX, putRange, SEVERAL_FILES, SteppingClock } from '../../support/index-builds.ts';
import type { MemoryDisk } from '../../support/memory-disk.ts';

const index = goldenStoreIndex('clean.index.json');
const logEnd = index.commitLog.maxOffset;
const logFiles = { directory: goldenPaths.commitLog, segmentSizeBytes: GOLDEN_SEGMENT_BYTES };

/** Put into the index at once while it grows. */
const MESSAGES = 50;

let disk: MemoryDisk;
let table: IndexTable;
let filing: IndexFiling;
let visible: number;
let reads: MessageReads;
let indexReader: IndexReader;

/** The index is built up to `to`: its newest entries are in no file yet. */
function build(to: number, files = GOLDEN_INDEX): void {
  disk = goldenStore('clean');
  disk.removeTree(files.directory);
  table = new IndexTable(IndexTable.allocate(files.shape.slots));
  filing = new IndexFiling(disk, files, table, new SteppingClock());
  visible = to;
  reads = newReads(table, files);
  putRange(filing, { disk, from: 0, to });
  filing.publish();
}

/** Knows no file yet. */
function newReads(indexTable: IndexTable, files = GOLDEN_INDEX): MessageReads {
  indexReader = new IndexReader(disk, files, 64);
  return new MessageReads({ log: new LogReader(disk, logFiles), visible: () => visible, indexTable, indexReader });
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
    const later = newReads(again);
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
    reads = newReads(table);
    let looks = 0;
    disk.before = () => {
      // The first call is the list of the files, the second the opening of the newest one.
      if (++looks !== 2) return;
      disk.before = () => {};
      putRange(filing, { disk, from: middle, to: logEnd });
      filing.publish();
    };
    expect(offsetsOf(reads.byKey({ ...query, max: 32 })!.records)).toEqual(expected);
    expect(looks).toBe(2);
  });

  it('are found while the index grows over several files and loses the oldest', () => {
    const files = SEVERAL_FILES;
    build(0, files);
    const starts = index.messages.map(({ physicalOffset }) => physicalOffset).filter((_, i) => i % MESSAGES === 0);
    for (const [step, from] of starts.entries()) {
      const to = starts[step + 1] ?? logEnd;
      putRange(filing, { disk, from, to });
      filing.publish();
      visible = to;
      for (const { maxNum: max, physicalOffsets, ...query } of index.keyQueries) {
        if (physicalOffsets.length === 0 || physicalOffsets.at(-1)! >= to) continue;
        const expected = physicalOffsets.filter((offset) => hasKey(offset, query.key));
        expect(offsetsOf(reads.byKey({ ...query, max })!.records), query.key).toEqual(expected);
      }
    }
    const names = indexFileNames(disk, files);
    expect(names.length).toBeGreaterThan(4);
    expect(disk.openFiles).toBeGreaterThan(names.length);
    const oldest = IndexFile.open(disk, indexFilePath(files, names[0]!), files.shape, 'read');
    const { endLogOffset } = oldest.readHeader();
    oldest.close();
    const { key, topic } = index.keyQueries.find(({ physicalOffsets }) => physicalOffsets.at(-1)! < endLogOffset)!;
    const find = () => reads.byKey({ topic, key, max: 1, begin: 0, end: Number.MAX_SAFE_INTEGER })!.records.length;
    expect(find()).toBe(1);
    indexReader.dropBelow(endLogOffset + 1);
    expect(find()).toBe(0);
    disk.unlink(indexFilePath(files, names[0]!));
    expect(find()).toBe(0);
  });

  it('are looked for no further than a damaged chain leads', () => {
    build(logEnd);
    const name = indexFileNames(disk, GOLDEN_INDEX)[0]!;
    const { shape } = GOLDEN_INDEX;
    const bytes = disk.bytesOf(indexFilePath(GOLDEN_INDEX, name));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const found = (): number =>
      index.keyQueries.filter(({ maxNum: max, ...query }) => reads.byKey({ ...query, max })!.records.length > 0).length;
    const whole = found();
    // Each entry leads to itself, forward, or out of the file: chains end there.
    for (const damage of [(entry: number) => entry, (entry: number) => entry + 1, () => 0x7fffffff, () => -1]) {
      for (let entry = 1; entry < shape.entries; entry++) {
        writeIndexEntryPrevious(view, indexEntryPosition(shape, entry), damage(entry));
      }
      const left = found();
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThan(whole);
    }
    // Slots lead out of the file.
    for (let slot = 0; slot < shape.slots; slot++) view.setInt32(indexSlotPosition(slot), 0x7fffffff);
    expect(found()).toBeLessThan(whole);
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
      log: new LogReader(disk, logFiles),
      visible: () => visible,
      indexTable: null,
      indexReader: null,
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
