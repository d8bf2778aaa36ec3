/**
 * Compares the keys of a part of the log with the index. Both are in the order of the log, so the two are walked side by side and no chain
 * is followed. Where a start of Apache's broker has put messages a second time, the index goes back once and on over the same records: what
 * was compared before is passed over. Part of verify-slice.ts.
 */
import { partition } from '../base/partition.ts';
import {
  FIRST_INDEX_ENTRY,
  INDEX_ENTRY_BYTES,
  type IndexFileShape,
  type IndexHeader,
  indexEntryKeyHash,
  indexEntryLogOffset,
  indexEntryPosition,
  indexEntrySeconds,
  indexSeconds,
} from '../layout/index-file.ts';
import type { IndexedProperties } from '../layout/message-properties.ts';
import { type Disk, type DiskFile, openUnlessGone } from './disk.ts';
import type { LogScanner } from './log-scanner.ts';
import { RecordKeys } from './record-keys.ts';

/** An index file that can be read: in order, the oldest first. */
export interface IndexFileHead {
  readonly path: string;
  readonly header: IndexHeader;
  readonly shape: IndexFileShape;
}

export interface KeyFaults {
  readonly keys: number;
  /** Keys that the index does not have, and the log offset of the first one's record; -1 without. */
  readonly missing: number;
  readonly firstMissingLogOffset: number;
  readonly lastMissingLogOffset: number;
  /** Entries that no record of this part stands behind. */
  readonly wrong: number;
  readonly firstWrong: string;
  readonly firstWrongLogOffset: number;
}

export const NO_KEY_FAULTS: KeyFaults = {
  keys: 0,
  missing: 0,
  firstMissingLogOffset: -1,
  lastMissingLogOffset: -1,
  wrong: 0,
  firstWrong: '',
  firstWrongLogOffset: -1,
};

const CHUNK_ENTRIES = 4096;

/** Walks the entries of all files from one on. */
class IndexWalk {
  readonly #disk: Disk;
  readonly #files: readonly IndexFileHead[];
  readonly #bytes = new Uint8Array(CHUNK_ENTRIES * INDEX_ENTRY_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  #file: DiskFile | null = null;
  #at = 0;
  #head: IndexFileHead | undefined = undefined;
  #entry = FIRST_INDEX_ENTRY;
  /** Number behind the last entry of the file; 0 without a file. */
  #end = 0;
  /** Number of the first entry in memory, and how many there are. */
  #chunkFirst = 0;
  #chunkCount = 0;
  /** Number of the current entry, whose fields follow; -1 without. */
  #loaded = -1;
  keyHash = 0;
  logOffset = 0;
  seconds = 0;

  constructor(disk: Disk, files: readonly IndexFileHead[]) {
    this.#disk = disk;
    this.#files = files;
  }

  /** Sets out at the first entry of a record at `logOffset` or behind it. */
  seek(logOffset: number): void {
    this.#at = this.#files.findIndex(
      ({ header }) => header.endLogOffset >= logOffset && header.nextEntry > FIRST_INDEX_ENTRY,
    );
    if (this.#at < 0) this.#at = this.#files.length;
    this.#open();
    const head = this.#head;
    if (head === undefined) return;
    this.#entry = partition(FIRST_INDEX_ENTRY, head.header.nextEntry, (entry) => {
      this.#entry = entry;
      return this.#load() && this.logOffset < logOffset;
    });
  }

  /** Whether there is an entry; it is the current one then. Asked several times for each. */
  load(): boolean {
    if (this.#entry === this.#loaded) return true;
    while (this.#head !== undefined && this.#entry >= this.#end) {
      this.#at++;
      this.#entry = FIRST_INDEX_ENTRY;
      this.#open();
    }
    return this.#head !== undefined && this.#load();
  }

  skip(): void {
    this.#entry++;
  }

  /** A file of the index was deleted meanwhile: what it said is not known. */
  isGone = false;

  /** Of the file, which the seconds count from. */
  beginTimestamp = 0;

  get place(): string {
    return `entry ${this.#entry} of ${this.#head!.path}`;
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  #open(): void {
    this.close();
    this.#chunkCount = 0;
    this.#loaded = -1;
    const head = this.#files[this.#at];
    this.#head = head;
    this.#end = head?.header.nextEntry ?? 0;
    this.beginTimestamp = head?.header.beginTimestamp ?? 0;
    if (head === undefined) return;
    this.#file = openUnlessGone(this.#disk, head.path);
    this.isGone ||= this.#file === null;
  }

  #load(): boolean {
    if (this.#file === null) return false;
    if (this.#entry < this.#chunkFirst || this.#entry >= this.#chunkFirst + this.#chunkCount) {
      const position = indexEntryPosition(this.#head!.shape, this.#entry);
      const count = Math.min(CHUNK_ENTRIES, this.#end - this.#entry);
      const read = this.#file.read(this.#bytes, 0, count * INDEX_ENTRY_BYTES, position);
      this.#chunkFirst = this.#entry;
      this.#chunkCount = Math.floor(read / INDEX_ENTRY_BYTES);
      if (this.#chunkCount === 0) return false;
    }
    const at = (this.#entry - this.#chunkFirst) * INDEX_ENTRY_BYTES;
    this.keyHash = indexEntryKeyHash(this.#view, at);
    this.logOffset = indexEntryLogOffset(this.#view, at);
    this.seconds = indexEntrySeconds(this.#view, at);
    this.#loaded = this.#entry;
    return true;
  }
}

interface KeyContext {
  readonly indexFiles: readonly IndexFileHead[];
  readonly indexedTo: number;
}

export class KeyComparison {
  readonly #walk: IndexWalk | null;
  readonly #keys = new RecordKeys();
  readonly #indexedTo: number;
  #hasBegun = false;
  /** No record of this part lies here or before but those that were compared. */
  #comparedTo = 0;
  readonly faults = { ...NO_KEY_FAULTS };

  /** Without index files nothing is compared. */
  constructor(disk: Disk, { indexFiles, indexedTo }: KeyContext) {
    this.#walk = indexFiles.length === 0 ? null : new IndexWalk(disk, indexFiles);
    this.#indexedTo = indexedTo;
  }

  /** The scanner is on a record, behind those before, which has these properties. */
  add(scanner: LogScanner, properties: IndexedProperties): void {
    const walk = this.#walk;
    if (walk === null || walk.isGone) return;
    const { position, cursor, bytes } = scanner;
    this.#keys.load(bytes, cursor, properties);
    const { count } = this.#keys;
    this.#passTo(walk, position);
    this.faults.keys += count;
    let met = 0;
    for (; walk.load() && walk.logOffset === position; walk.skip()) {
      const key = this.#find(walk.keyHash, met);
      if (key >= met) {
        this.#swap(key, met++);
        if (walk.seconds !== indexSeconds(walk.beginTimestamp, cursor.storeTimestamp))
          this.#note('it was stored at another time', walk);
      } else if (key < 0) this.#note('the record there has no such key', walk);
      // Else it is put a second time, which a start after a crash does and which harms nobody.
    }
    this.#comparedTo = position;
    if (walk.isGone) return;
    if (met < count && position <= this.#indexedTo) this.#miss(count - met, position);
  }

  /** The scanner is on a record whose keys nobody knows any more: what the index says of it counts. */
  pass({ position }: LogScanner): void {
    const walk = this.#walk;
    if (walk === null || walk.isGone) return;
    this.#passTo(walk, position);
    while (walk.load() && walk.logOffset === position) walk.skip();
    this.#comparedTo = position;
  }

  /** To the entries of the record at `position`, or where they would be. */
  #passTo(walk: IndexWalk, position: number): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#comparedTo = position - 1;
      walk.seek(position);
    }
    this.#passStrays(walk, position);
  }

  /** Where the hash is among the record's, those from `met` on first; -1 when it is none of them. */
  #find(hash: number, met: number): number {
    const { hashes, count } = this.#keys;
    for (let key = met; key < count; key++) if (hashes[key] === hash) return key;
    for (let key = 0; key < met; key++) if (hashes[key] === hash) return key;
    return -1;
  }

  #swap(one: number, other: number): void {
    const { hashes } = this.#keys;
    const kept = hashes[one]!;
    hashes[one] = hashes[other]!;
    hashes[other] = kept;
  }

  /** The part's records end at `end`. */
  finish(end: number): void {
    if (this.#walk !== null && this.#hasBegun) this.#passStrays(this.#walk, end);
  }

  close(): void {
    this.#walk?.close();
  }

  /** Entries before `logOffset` that no record stands behind. */
  #passStrays(walk: IndexWalk, logOffset: number): void {
    while (walk.load() && walk.logOffset < logOffset) {
      if (walk.logOffset > this.#comparedTo) this.#note('no record lies there', walk);
      walk.skip();
    }
  }

  #miss(count: number, logOffset: number): void {
    if (this.faults.missing === 0) this.faults.firstMissingLogOffset = logOffset;
    this.faults.missing += count;
    this.faults.lastMissingLogOffset = logOffset;
  }

  #note(what: string, walk: IndexWalk): void {
    if (this.faults.wrong++ > 0) return;
    this.faults.firstWrong = `${walk.place} names ${walk.logOffset}: ${what}`;
    this.faults.firstWrongLogOffset = walk.logOffset;
  }
}
