/**
 * The keys of a part of the log as the index wants them. The index is put together in the order of the log, by one thread; what takes long,
 * reading the records and hashing their keys, is done for several parts side by side. Gathered by build-queues.ts for a repair.
 */
import type { IndexedProperties } from '../layout/message-properties.ts';
import type { LogScanner } from './log-scanner.ts';
import { RecordKeys } from './record-keys.ts';

/** Records without a key are left out. All arrays but `hashes` have one element a record. */
export interface KeyBatch {
  readonly logOffsets: Float64Array;
  /** In ms. */
  readonly storeTimes: Float64Array;
  /** How many of the hashes are the record's. */
  readonly counts: Int32Array;
  readonly hashes: Int32Array;
}

const FIRST_ROOM = 4096;

export class KeyGatherer {
  readonly #keys = new RecordKeys();
  #logOffsets = new Float64Array(FIRST_ROOM);
  #storeTimes = new Float64Array(FIRST_ROOM);
  #counts = new Int32Array(FIRST_ROOM);
  #hashes = new Int32Array(FIRST_ROOM);
  #records = 0;
  #hashCount = 0;

  /** The scanner is on a record behind those before, which has these properties. */
  add({ bytes, cursor, position }: LogScanner, properties: IndexedProperties): void {
    this.#keys.load(bytes, cursor, properties);
    const { count, hashes } = this.#keys;
    if (count === 0) return;
    if (this.#records === this.#counts.length) this.#growRecords();
    while (this.#hashCount + count > this.#hashes.length) this.#growHashes();
    this.#logOffsets[this.#records] = position;
    this.#storeTimes[this.#records] = cursor.storeTimestamp;
    this.#counts[this.#records++] = count;
    for (let i = 0; i < count; i++) this.#hashes[this.#hashCount++] = hashes[i]!;
  }

  batch(): KeyBatch {
    return {
      logOffsets: this.#logOffsets.slice(0, this.#records),
      storeTimes: this.#storeTimes.slice(0, this.#records),
      counts: this.#counts.slice(0, this.#records),
      hashes: this.#hashes.slice(0, this.#hashCount),
    };
  }

  #growRecords(): void {
    this.#logOffsets = doubled(this.#logOffsets, Float64Array);
    this.#storeTimes = doubled(this.#storeTimes, Float64Array);
    this.#counts = doubled(this.#counts, Int32Array);
  }

  #growHashes(): void {
    this.#hashes = doubled(this.#hashes, Int32Array);
  }
}

function doubled<T extends Int32Array | Float64Array>(array: T, Kind: new (length: number) => T): T {
  const grown = new Kind(array.length * 2);
  grown.set(array);
  return grown;
}
