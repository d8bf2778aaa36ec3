/**
 * One open file of the key index: header, slots and entries by number. Dispatch writes the newest one, control reads for queries, recovery
 * and the tools do both.
 */
import {
  encodeIndexHeader,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  INDEX_SLOT_BYTES,
  type IndexFileShape,
  type IndexHeader,
  indexEntryPosition,
  indexFileBytes,
  indexSlotPosition,
  readIndexHeader,
  readIndexSlot,
} from '../layout/index-file.ts';
import { type Disk, DiskFailedError, type DiskFile, type OpenMode, writeFully } from './disk.ts';

/** For a header or a slot: each thread has one of its own. */
const SMALL = new Uint8Array(INDEX_HEADER_BYTES);
const SMALL_VIEW = new DataView(SMALL.buffer);

export class IndexFile {
  readonly shape: IndexFileShape;
  readonly #file: DiskFile;

  /** Of a file that is open, which stays the caller's to close. */
  constructor(file: DiskFile, shape: IndexFileShape) {
    this.#file = file;
    this.shape = shape;
  }

  static open(disk: Disk, path: string, shape: IndexFileShape, mode: OpenMode): IndexFile {
    return new IndexFile(disk.open(path, mode), shape);
  }

  /** Makes the file, sparse and of its full size. */
  static create(disk: Disk, path: string, shape: IndexFileShape): IndexFile {
    const file = disk.open(path, 'exclusive');
    try {
      file.resize(indexFileBytes(shape));
    } catch (error) {
      file.close();
      disk.unlink(path);
      throw error;
    }
    return new IndexFile(file, shape);
  }

  get path(): string {
    return this.#file.path;
  }

  readHeader(): IndexHeader {
    this.#read(SMALL, INDEX_HEADER_BYTES, 0);
    return readIndexHeader(SMALL_VIEW);
  }

  writeHeader(header: IndexHeader): void {
    writeFully(this.#file, encodeIndexHeader(header), 0, INDEX_HEADER_BYTES, 0);
  }

  /** The number of a slot's newest entry, 0 without one. */
  readSlot(slot: number): number {
    this.#read(SMALL, INDEX_SLOT_BYTES, indexSlotPosition(slot));
    return readIndexSlot(SMALL_VIEW, 0);
  }

  /** Slots as the file holds them, big-endian. */
  readSlots(first: number, count: number, into: Uint8Array): void {
    this.#read(into, count * INDEX_SLOT_BYTES, indexSlotPosition(first));
  }

  /** Writes slots from `from[at...]`, which may be shared memory. */
  writeSlots(first: number, count: number, from: Uint8Array, at: number): void {
    writeFully(this.#file, from, at, count * INDEX_SLOT_BYTES, indexSlotPosition(first));
  }

  readEntries(first: number, count: number, into: Uint8Array): void {
    this.#read(into, count * INDEX_ENTRY_BYTES, indexEntryPosition(this.shape, first));
  }

  /** Writes entries from `from[at...]`, which may be shared memory. */
  writeEntries(first: number, count: number, from: Uint8Array, at: number): void {
    writeFully(this.#file, from, at, count * INDEX_ENTRY_BYTES, indexEntryPosition(this.shape, first));
  }

  /**
   * Makes everything from entry `first` on zero, in no time: the entries are cut off and come back as a hole. Flushes twice: the header,
   * which must count no entry from there on, is on the disk before the file may be found short: that tells such a file from one that was
   * made by other settings (isHalfWiped of index-files.ts).
   */
  wipeEntriesFrom(first: number): void {
    this.#file.sync();
    this.#file.resize(indexEntryPosition(this.shape, first));
    this.grow();
    this.#file.sync();
  }

  /** Makes the file as long as it is to be. */
  grow(): void {
    this.#file.resize(indexFileBytes(this.shape));
  }

  close(): void {
    this.#file.close();
  }

  #read(into: Uint8Array, length: number, at: number): void {
    let done = 0;
    while (done < length) {
      const read = this.#file.read(into, done, length - done, at + done);
      if (read === 0) throw new DiskFailedError(this.path, 'read', 'the file is too short');
      done += read;
    }
  }
}
