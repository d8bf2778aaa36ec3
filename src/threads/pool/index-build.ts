/** Builds the whole key index from the log, by the broker's own writer, and makes it durable. Run by a worker of the store tools' pool. */
import { systemClock } from '../../base/clock.ts';
import { asLogOffset } from '../../base/units.ts';
import { IndexedProperties, scanIndexed } from '../../layout/message-properties.ts';
import { IndexTable } from '../../ring/index-table.ts';
import { type Disk, DiskFullError } from '../../store/disk.ts';
import type { IndexFiles } from '../../store/index-files.ts';
import { LogReader } from '../../store/log-reader.ts';
import { LogScanner, Scanned } from '../../store/log-scanner.ts';
import type { CommitLogFiles } from '../../store/segments.ts';
import { QueueSync } from '../../store/unsynced-queues.ts';
import { IndexFiling } from '../dispatch/index-filing.ts';

/** The log's records `[from, to)`, all of them whole. Returns the store time, in ms, of the newest message in the index; 0 without. */
export function buildIndex(disk: Disk, log: CommitLogFiles, files: IndexFiles, from: number, to: number): number {
  const reader = new LogReader(disk, log);
  const filing = new IndexFiling(disk, files, new IndexTable(IndexTable.allocate(files.shape.slots)), systemClock);
  try {
    fill(filing, reader, from, to);
    filing.publish();
    return complete(disk, filing);
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
