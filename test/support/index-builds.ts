/** Builds the key index out of a log as dispatch does, and asks it what Apache's store was asked. */
import type { Clock } from '../../src/base/clock.ts';
import { asLogOffset } from '../../src/base/units.ts';
import { type IndexFileShape, indexKeyHashOf } from '../../src/layout/index-file.ts';
import { IndexedProperties, scanIndexed } from '../../src/layout/message-properties.ts';
import { SysFlag } from '../../src/layout/message-record.ts';
import { IndexTable } from '../../src/ring/index-table.ts';
import type { Disk } from '../../src/store/disk.ts';
import { IndexFile } from '../../src/store/index-file.ts';
import { type IndexFiles, indexFileNames, indexFilePath } from '../../src/store/index-files.ts';
import { searchIndex } from '../../src/store/index-search.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { LogScanner, Scanned } from '../../src/store/log-scanner.ts';
import { IndexFiling } from '../../src/threads/dispatch/index-filing.ts';
import { GOLDEN_SEGMENT_BYTES, goldenPaths, goldenStore, goldenStoreIndex } from './golden-store.ts';
import type { MemoryDisk } from './memory-disk.ts';

export const GOLDEN_INDEX: IndexFiles = { directory: goldenPaths.index, shape: { slots: 300, entries: 800 } };

/** So small that the keys of a golden store fill several files. */
export const SEVERAL_FILES: IndexFiles = { directory: goldenPaths.index, shape: { slots: 100, entries: 300 } };

/** The clean golden store with its index in several files. */
export function storeWithSeveralIndexFiles(): MemoryDisk {
  const disk = goldenStore('clean');
  disk.removeTree(SEVERAL_FILES.directory);
  const filing = openFiling(disk, SEVERAL_FILES);
  putRange(filing, { disk, from: 0, to: goldenStoreIndex('clean.index.json').commitLog.maxOffset });
  finish(filing);
  return disk;
}

/** Each look at it is a second later, so that files get names in their order. */
export class SteppingClock implements Clock {
  #ms = 1_700_000_000_000;

  nowMs(): number {
    this.#ms += 1000;
    return this.#ms;
  }

  monotonicUs(): number {
    return this.#ms * 1000;
  }
}

export function openFiling(disk: Disk, files: IndexFiles = GOLDEN_INDEX): IndexFiling {
  return new IndexFiling(disk, files, new IndexTable(IndexTable.allocate(files.shape.slots)), new SteppingClock());
}

export interface LogRange {
  readonly disk: Disk;
  readonly from: number;
  readonly to: number;
}

/** Puts the messages of a golden store's log; `each` is called behind every record. False when one was refused. */
export function putRange(
  filing: IndexFiling,
  { disk, from, to }: LogRange,
  each: (end: number) => void = () => {},
): boolean {
  const files = { directory: goldenPaths.commitLog, segmentSizeBytes: GOLDEN_SEGMENT_BYTES };
  const reader = new LogReader(disk, files);
  const scanner = new LogScanner(reader, false);
  const keys = new IndexedProperties();
  scanner.begin(asLogOffset(from), asLogOffset(to));
  let isIn = true;
  while (isIn && scanner.next() === Scanned.record) {
    const { cursor, bytes } = scanner;
    scanIndexed(bytes, cursor.propertiesStart, cursor.propertiesStart + cursor.propertiesLength, keys);
    const isRolledBack = (cursor.sysFlag & SysFlag.transactionRollback) === SysFlag.transactionRollback;
    isIn = isRolledBack || filing.add(cursor, bytes, keys);
    if (isIn) each(scanner.nextPosition);
  }
  reader.close();
  return isIn;
}

/** Brings the files up to date and closes them. */
export function finish(filing: IndexFiling): void {
  filing.beginRound(Number.MAX_SAFE_INTEGER);
  while (filing.roundStep() === null);
  filing.close();
}

/** The files of the index, oldest first. */
export function indexBytes(disk: Disk, files: IndexFiles = GOLDEN_INDEX): Uint8Array[] {
  return indexFileNames(disk, files).map((name) => Uint8Array.from(disk.readWhole(indexFilePath(files, name))));
}

export interface KeyQuery {
  readonly topic: string;
  readonly key: string;
  readonly maxNum: number;
  readonly begin: number;
  readonly end: number;
}

/** What upstream's index answers (spec/store.md 9.4), out of the files. */
export function queryFiles(disk: Disk, query: KeyQuery, files: IndexFiles = GOLDEN_INDEX): number[] {
  const found: number[] = [];
  for (const name of indexFileNames(disk, files).reverse()) {
    const file = IndexFile.open(disk, indexFilePath(files, name), files.shape, 'read');
    const header = file.readHeader();
    const { begin, end, maxNum: max } = query;
    const isMatched = begin <= header.endTimestamp && end >= header.beginTimestamp;
    const keyHash = indexKeyHashOf(query.topic, query.key);
    if (isMatched)
      searchIndex(searched(file, header, files.shape), { keyHash, begin, end, max, looks: { left: 1e6 } }, found);
    file.close();
    if (header.beginTimestamp < begin || found.length >= max) break;
  }
  return found;
}

function searched(file: IndexFile, header: ReturnType<IndexFile['readHeader']>, { slots }: IndexFileShape) {
  return {
    ...header,
    slots,
    slot: (slot: number) => file.readSlot(slot),
    readEntry: (entry: number, into: Uint8Array) => file.readEntries(entry, 1, into),
  };
}
