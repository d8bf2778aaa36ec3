/**
 * Builds the key index: puts each key of each record into the shared table, moves entries to the file in groups, and in every round of
 * queue-filing.ts brings the file's slots and header up to date (spec/store.md 9). Part of dispatch.
 *
 * The file is brought up to date so that upstream's broker may take it over after a kill at any moment. First the header counts the
 * entries, with the end of before; then slots are written; then the header gets its end. A slot in the file never names an entry beyond the
 * header's count: while slots are written, one that is about to change is written first. The checkpoint names the end after that.
 */
import type { Clock } from '../../base/clock.ts';
import { INDEX_TAIL_ENTRIES } from '../../base/limits.ts';
import { FIRST_INDEX_ENTRY, INDEX_SLOT_BYTES, type IndexHeader, indexSeconds } from '../../layout/index-file.ts';
import type { IndexedProperties } from '../../layout/message-properties.ts';
import type { RecordCursor } from '../../layout/message-record.ts';
import type { IndexTable } from '../../ring/index-table.ts';
import { type Disk, isShortage, makeDurableDirectory } from '../../store/disk.ts';
import { IndexFile } from '../../store/index-file.ts';
import {
  checkedIndexFileNames,
  type IndexFiles,
  indexFilePath,
  newestIndexed,
  newIndexFileName,
} from '../../store/index-files.ts';
import { RecordKeys } from '../../store/record-keys.ts';

/** Entries that wait before they are filed. */
const FILE_ENTRIES = 4096;
/** Slots of one page, which is written as a whole. */
const PAGE_SLOTS = 1024;
/** Pages that are written in one turn. */
const TURN_PAGES = 64;
const LOAD_SLOTS = 64 * 1024;

/** States of a page of slots: as in the file; changed; to be written as it is now, before it changes. */
const CLEAN = 0;
const CHANGED = 1;
const OWED = 2;

/** What an entry says of its record. */
type IndexedRecord = Pick<RecordCursor, 'physicalOffset' | 'storeTimestamp'>;

type MutableHeader = { -readonly [Field in keyof IndexHeader]: IndexHeader[Field] };

const EMPTY_HEAD: IndexHeader = {
  beginTimestamp: 0,
  endTimestamp: 0,
  beginLogOffset: 0,
  endLogOffset: 0,
  usedSlots: 0,
  nextEntry: FIRST_INDEX_ENTRY,
};

/** What a round has made durable once its files are flushed. */
export interface IndexRound {
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** Store time of the newest message that the headers name; 0 when the index is empty. */
  readonly storeTimestamp: number;
  /** Log offset of that message; -1 when the index is empty. */
  readonly countedTo: number;
  /** Log offset of the newest message before the round's limit that was in the index when it began; -1 without. */
  readonly logOffset: number;
}

/** A file being brought up to date. */
interface Update {
  /** What its header says in the end. */
  readonly head: IndexHeader;
  /** Pages before this one are written. */
  page: number;
}

export class IndexFiling {
  readonly #disk: Disk;
  readonly #files: IndexFiles;
  readonly #table: IndexTable;
  readonly #clock: Clock;
  readonly #pages: Uint8Array;
  #file: IndexFile | null = null;
  #name: string | null = null;
  #head: MutableHeader = { ...EMPTY_HEAD };
  /** What the file's header says. */
  #written: IndexHeader = EMPTY_HEAD;
  #filed = FIRST_INDEX_ENTRY;
  readonly #keys = new RecordKeys();
  /** The record whose keys are being put, and how many of them are: on a full disk it is tried again. */
  #record = -1;
  #keysPut = 0;
  /** Newest message with an entry before that record; -1 without. */
  #endBefore = -1;
  #indexedTo = -1;
  #update: Update | null = null;
  /** A round wants what is in the index up to this message. */
  #isBehind = false;
  #roundEnd = -1;
  #unsynced = new Set<string>();
  #hasNewName = false;

  constructor(disk: Disk, files: IndexFiles, table: IndexTable, clock: Clock) {
    this.#disk = disk;
    this.#files = files;
    this.#table = table;
    this.#clock = clock;
    this.#pages = new Uint8Array(Math.ceil(files.shape.slots / PAGE_SLOTS));
    this.#load();
  }

  /**
   * Puts the keys of a record whose topic and keys lie in `bytes`. False on a shortage: some may be in, and the same record has to come
   * again. Records that the index has are passed over.
   */
  add(record: RecordCursor, bytes: Uint8Array, keys: IndexedProperties): boolean {
    if (record.physicalOffset <= this.#indexedTo) return true;
    this.#keys.load(bytes, record, keys);
    return this.addHashes(record, this.#keys.hashes, 0, this.#keys.count);
  }

  /** The same for a record that the index does not have, whose keys are hashed: they are `count` of `hashes` from `first` on. */
  addHashes(record: IndexedRecord, hashes: Int32Array, first: number, count: number): boolean {
    if (record.physicalOffset !== this.#record) {
      this.#record = record.physicalOffset;
      this.#keysPut = 0;
      this.#endBefore = newestIndexed(this.#head);
    }
    try {
      for (; this.#keysPut < count; this.#keysPut++) this.#put(hashes[first + this.#keysPut]!, record);
    } catch (cause) {
      if (!isShortage(cause)) throw cause;
      return false;
    }
    this.#indexedTo = record.physicalOffset;
    return true;
  }

  #put(keyHash: number, { physicalOffset, storeTimestamp }: IndexedRecord): void {
    this.#makeRoom();
    const slot = keyHash % this.#files.shape.slots;
    const page = (slot / PAGE_SLOTS) | 0;
    if (this.#pages[page] === OWED) this.#writePages(page, 1);
    this.#pages[page] = CHANGED;
    const head = this.#head;
    if (head.nextEntry === FIRST_INDEX_ENTRY) {
      head.beginTimestamp = storeTimestamp;
      head.beginLogOffset = physicalOffset;
    }
    const seconds = indexSeconds(head.beginTimestamp, storeTimestamp);
    this.#table.put(slot, head.nextEntry, keyHash, physicalOffset, seconds);
    head.nextEntry++;
    head.endTimestamp = storeTimestamp;
    head.endLogOffset = physicalOffset;
  }

  /** Shows what was put to readers. */
  publish(): void {
    this.#head.usedSlots += this.#table.link();
    if (this.#table.nextEntry() !== this.#head.nextEntry) this.#table.publish(this.#head);
  }

  /** From here on a round brings the file up to date with what is in the index now, at least. Of records from `limit` on nothing is promised. */
  beginRound(limit: number): void {
    this.#isBehind = true;
    const end = newestIndexed(this.#head);
    // Dispatch may have put the keys of one more record, which waits for room in its queue.
    this.#roundEnd = end < limit ? end : this.#endBefore;
  }

  /** Does a piece of the round; null when there is more to do. On a shortage it throws, and may be called again later. */
  roundStep(): IndexRound | null {
    const file = this.#file;
    if (file !== null) {
      if (this.#update === null && this.#isBehind && !this.#isUpToDate) this.#beginUpdate(file);
      if (this.#update !== null) {
        if (!this.#bringUpToDate(file, this.#update)) return null;
        // What was begun for an earlier round, which a full disk has ended, may not be enough for this one.
        if (this.#isBehind && newestIndexed(this.#written) < this.#roundEnd) return null;
      }
    }
    this.#isBehind = false;
    const round = {
      files: [...this.#unsynced],
      folders: this.#hasNewName ? [this.#files.directory] : [],
      storeTimestamp: this.#written.endTimestamp,
      logOffset: this.#roundEnd,
      countedTo: newestIndexed(this.#written),
    };
    this.#unsynced.clear();
    this.#hasNewName = false;
    return round;
  }

  get #isUpToDate(): boolean {
    const { nextEntry, endLogOffset } = this.#written;
    return nextEntry === this.#head.nextEntry && endLogOffset === this.#head.endLogOffset;
  }

  /** The header counts the entries before the first slot that names one of them is written. */
  #beginUpdate(file: IndexFile): void {
    this.#fileEntries(file);
    const head = { ...this.#head };
    const { endTimestamp, endLogOffset } = this.#written;
    this.#writeHeader(file, { ...head, endTimestamp, endLogOffset });
    for (let page = 0; page < this.#pages.length; page++) if (this.#pages[page] === CHANGED) this.#pages[page] = OWED;
    this.#update = { head, page: 0 };
  }

  #bringUpToDate(file: IndexFile, update: Update): boolean {
    for (let written = 0; update.page < this.#pages.length; ) {
      if (written >= TURN_PAGES) return false;
      const count = this.#owedFrom(update.page, TURN_PAGES - written);
      if (count > 0) this.#writePages(update.page, count);
      written += count;
      update.page += Math.max(1, count);
    }
    this.#writeHeader(file, update.head);
    this.#update = null;
    return true;
  }

  /** How many pages from this one on are owed, up to `max`. */
  #owedFrom(page: number, max: number): number {
    let count = 0;
    while (count < max && this.#pages[page + count] === OWED) count++;
    return count;
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  /** The newest file, whose slots readers and this thread then take from memory. */
  #load(): void {
    const name = checkedIndexFileNames(this.#disk, this.#files).at(-1);
    if (name === undefined) return;
    const file = IndexFile.open(this.#disk, indexFilePath(this.#files, name), this.#files.shape, 'write');
    this.#file = file;
    this.#name = name;
    this.#written = file.readHeader();
    this.#head = { ...this.#written };
    this.#filed = this.#head.nextEntry;
    this.#indexedTo = newestIndexed(this.#head);
    this.#table.begin(BigInt(name), this.#head);
    const { slots } = this.#files.shape;
    const bytes = Buffer.alloc(LOAD_SLOTS * INDEX_SLOT_BYTES);
    for (let first = 0; first < slots; first += LOAD_SLOTS) {
      const count = Math.min(LOAD_SLOTS, slots - first);
      file.readSlots(first, count, bytes);
      this.#table.loadSlots(first, count, bytes);
    }
    this.#table.ready();
  }

  /** Makes room for one more entry, in the file and in the table; throws on a shortage that leaves none. */
  #makeRoom(): void {
    if (this.#file === null || this.#head.nextEntry >= this.#files.shape.entries) this.#roll();
    const waiting = this.#head.nextEntry - this.#filed;
    if (waiting < FILE_ENTRIES) return;
    try {
      this.#fileEntries(this.#file!);
    } catch (cause) {
      if (!isShortage(cause) || waiting >= INDEX_TAIL_ENTRIES) throw cause;
    }
  }

  /** The file is full, or there is none: completes it and makes the next (spec/store.md 9.2). */
  #roll(): void {
    if (this.#file !== null) this.#complete(this.#file);
    // It gives its descriptor back before the next one needs one.
    this.#file?.close();
    this.#file = null;
    const { endTimestamp, endLogOffset } = this.#head;
    const head = {
      ...EMPTY_HEAD,
      beginTimestamp: endTimestamp,
      endTimestamp,
      beginLogOffset: endLogOffset,
      endLogOffset,
    };
    const name = newIndexFileName(this.#clock.nowMs(), this.#name);
    const next = this.#create(name, head);
    this.#file = next;
    this.#name = name;
    this.#head = { ...head };
    this.#written = head;
    this.#filed = FIRST_INDEX_ENTRY;
    this.#pages.fill(CLEAN);
    this.#unsynced.add(next.path);
    this.#hasNewName = true;
    this.#table.begin(BigInt(name), head);
    this.#table.ready();
  }

  #create(name: string, head: IndexHeader): IndexFile {
    makeDurableDirectory(this.#disk, this.#files.directory);
    const path = indexFilePath(this.#files, name);
    const file = IndexFile.create(this.#disk, path, this.#files.shape);
    try {
      file.writeHeader(head);
      return file;
    } catch (error) {
      file.close();
      this.#disk.unlink(path);
      throw error;
    }
  }

  /** Writes all that the file lacks. After a shortage it goes on where it was. */
  #complete(file: IndexFile): void {
    while (this.#update !== null || !this.#isUpToDate) {
      if (this.#update === null) this.#beginUpdate(file);
      while (this.#update !== null) this.#bringUpToDate(file, this.#update);
    }
  }

  #fileEntries(file: IndexFile): void {
    const { nextEntry } = this.#head;
    this.publish();
    while (this.#filed < nextEntry) {
      const count = Math.min(nextEntry - this.#filed, this.#table.entriesToWrap(this.#filed));
      file.writeEntries(this.#filed, count, this.#table.bytes, this.#table.entryPosition(this.#filed));
      this.#filed += count;
      this.#table.setFiled(this.#filed);
    }
    this.#unsynced.add(file.path);
  }

  #writePages(page: number, count: number): void {
    const first = page * PAGE_SLOTS;
    const slots = Math.min(count * PAGE_SLOTS, this.#files.shape.slots - first);
    this.#file!.writeSlots(first, slots, this.#table.bytes, this.#table.slotPosition(first));
    this.#pages.fill(CLEAN, page, page + count);
  }

  #writeHeader(file: IndexFile, head: IndexHeader): void {
    file.writeHeader(head);
    this.#written = head;
    this.#unsynced.add(file.path);
  }
}
