/** Builds the whole key index from the log, by the broker's own writer, and makes it durable. Run by a worker of the store tools' pool. */
import { systemClock } from '../../base/clock.ts';
import { asLogOffset } from '../../base/units.ts';
import { IndexedProperties, scanIndexed } from '../../layout/message-properties.ts';
import { IndexTable } from '../../ring/index-table.ts';
import { type Disk, DiskFullError } from '../../store/disk.ts';
import { EntryAdder } from '../../store/entry-sum.ts';
import type { IndexFiles } from '../../store/index-files.ts';
import { LogReader } from '../../store/log-reader.ts';
import { LogScanner, Scanned } from '../../store/log-scanner.ts';
import type { BuiltIndex } from '../../store/repair-store.ts';
import type { CommitLogFiles } from '../../store/segments.ts';
import { QueueSync } from '../../store/unsynced-queues.ts';
import { IndexFiling } from '../dispatch/index-filing.ts';

/** Adds up the entries that are put. */
class SummedTable extends IndexTable {
  readonly sum = new EntryAdder();

  override put(slot: number, entry: number, keyHash: number, logOffset: number, seconds: number): number {
    this.sum.addIndexEntry(keyHash, logOffset, seconds);
    return super.put(slot, entry, keyHash, logOffset, seconds);
  }
}

/** The log's records `[from, to)`, all of them whole. */
export function buildIndex(disk: Disk, log: CommitLogFiles, files: IndexFiles, from: number, to: number): BuiltIndex {
  const reader = new LogReader(disk, log);
  const table = new SummedTable(IndexTable.allocate(files.shape.slots));
  const filing = new IndexFiling(disk, files, table, systemClock);
  try {
    fill(filing, reader, from, to);
    filing.publish();
    const newestStoreMs = complete(disk, filing);
    return { newestStoreMs, entries: { count: table.sum.count, sum: table.sum.sum } };
  } finally {
    filing.close();
    reader.close();
  }
}

function fill(filing: IndexFiling, reader: LogReader, from: number, to: number): void {
  const scanner = new LogScanner(reader, false);
  const properties = new IndexedProperties();
  scanner.begin(asLogOffset(from), asLogOffset(to));
  while (scanner.next() === Scanned.record) {
    const { cursor, bytes } = scanner;
    scanIndexed(bytes, cursor.propertiesStart, cursor.propertiesStart + cursor.propertiesLength, properties);
    if (!filing.add(cursor, bytes, properties)) throw new DiskFullError('the key index', 'build');
  }
}

/** Returns the store time of the newest message. */
function complete(disk: Disk, filing: IndexFiling): number {
  filing.beginRound(Number.POSITIVE_INFINITY);
  for (;;) {
    const round = filing.roundStep();
    if (round === null) continue;
    const sync = new QueueSync(disk, round);
    while (!sync.step());
    return round.storeTimestamp;
  }
}
