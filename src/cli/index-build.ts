/**
 * Builds the whole key index from the keys of the log, by the broker's own writer, and makes it durable. Called by a repair, on the thread
 * of the command line, which gives it what the workers have gathered in the order of the log.
 */
import { systemClock } from '../base/clock.ts';
import { IndexTable } from '../ring/index-table.ts';
import { type Disk, DiskFullError } from '../store/disk.ts';
import { EntryAdder } from '../store/entry-sum.ts';
import type { IndexFiles } from '../store/index-files.ts';
import type { KeyBatch } from '../store/key-batch.ts';
import type { BuiltIndex, IndexBuilder } from '../store/repair-store.ts';
import { QueueSync } from '../store/unsynced-queues.ts';
import { IndexFiling } from '../threads/dispatch/index-filing.ts';

/** Adds up the entries that are put. */
class SummedTable extends IndexTable {
  readonly sum = new EntryAdder();

  override put(slot: number, entry: number, keyHash: number, logOffset: number, seconds: number): void {
    this.sum.addIndexEntry(keyHash, logOffset, seconds);
    super.put(slot, entry, keyHash, logOffset, seconds);
  }
}

export class IndexBuild implements IndexBuilder {
  readonly #disk: Disk;
  readonly #table: SummedTable;
  readonly #filing: IndexFiling;

  constructor(disk: Disk, files: IndexFiles) {
    this.#disk = disk;
    this.#table = new SummedTable(IndexTable.allocate(files.shape.slots));
    this.#filing = new IndexFiling(disk, files, this.#table, systemClock);
  }

  add({ logOffsets, storeTimes, counts, hashes }: KeyBatch): void {
    const record = { physicalOffset: 0, storeTimestamp: 0 };
    let first = 0;
    for (let i = 0; i < counts.length; i++) {
      record.physicalOffset = logOffsets[i]!;
      record.storeTimestamp = storeTimes[i]!;
      const isIn = this.#filing.addHashes(record, hashes, first, counts[i]!);
      if (!isIn) throw new DiskFullError('the key index', 'build');
      first += counts[i]!;
    }
  }

  complete(): BuiltIndex {
    this.#filing.publish();
    this.#filing.beginRound(Number.POSITIVE_INFINITY);
    for (;;) {
      const round = this.#filing.roundStep();
      if (round === null) continue;
      const sync = new QueueSync(this.#disk, round);
      while (!sync.step());
      const { count, sum } = this.#table.sum;
      return { newestStoreMs: round.storeTimestamp, entries: { count, sum } };
    }
  }

  close(): void {
    this.#filing.close();
  }
}
