/**
 * The flushing end of the CommitLog, called by the flush thread only: makes what append has written survive a loss of power, and makes
 * the next segment ahead of time. It has descriptors of its own, opened by path; fdatasync through any of them flushes the file.
 */
import { assert } from '../base/assert.ts';
import { asLogOffset, type LogOffset } from '../base/units.ts';
import { type Disk, type DiskFile, isShortage } from './disk.ts';
import { syncSegment } from './failed-sync.ts';
import { SegmentPreparation } from './segment-preparation.ts';
import { type FlushedLogFiles, openSegment, segmentStart } from './segments.ts';

export class CommitLogSync {
  readonly #disk: Disk;
  readonly #files: FlushedLogFiles;
  /** By start of segment. A file in here has had its name made durable. */
  readonly #open = new Map<number, DiskFile>();
  #preparation: SegmentPreparation | null = null;
  /** A prepared file cannot be put into its place: segments are made there, sparse. */
  #isUseless = false;

  constructor(disk: Disk, files: FlushedLogFiles) {
    this.#disk = disk;
    this.#files = files;
  }

  /**
   * Makes the bytes `[from, to)` durable. The older file goes first: were the newer one on the disk and the older one not, recovery
   * would end the log in the older one and lose what had been acknowledged. Failures are never retried: they stop the broker. Only
   * want of descriptors is none: then a file was not even opened, and nothing from it on has been flushed.
   */
  sync(from: LogOffset, to: LogOffset): void {
    assert(from <= to, 'flushed does not go back');
    if (from === to) return;
    const last = segmentStart(this.#files, to - 1);
    for (let start: number = segmentStart(this.#files, from); start <= last; start += this.#files.segmentSizeBytes) {
      syncSegment(this.#disk, this.#files, this.openSegment(asLogOffset(start)));
    }
    this.#closeBelow(last);
  }

  /**
   * Opens the segment of `offset`, so that a failure to write its pages is reported to this descriptor and not missed, and makes its
   * name durable, whoever has created it.
   */
  openSegment(offset: LogOffset): DiskFile {
    const start = segmentStart(this.#files, offset);
    let file = this.#open.get(start);
    if (file === undefined) {
      file = openSegment(this.#disk, this.#files, start);
      try {
        this.#disk.syncDirectory(this.#files.directory);
      } catch (error) {
        file.close();
        throw error;
      }
      this.#open.set(start, file);
    }
    return file;
  }

  /** Makes the segment that starts at `startingAt`, to its end. See {@link beginPreparing} for doing it in small steps. */
  prepareSegment(startingAt: LogOffset, zeroWrite: boolean): void {
    this.beginPreparing(startingAt, zeroWrite);
    while (!this.prepareStep());
  }

  /**
   * Begins to make the segment at `startingAt`. With `zeroWrite` its blocks are written once, because fdatasync of a block that is
   * there takes a third of the time; without, or where it cannot be prepared, it is sparse. On a shortage it gives up and takes its room
   * back: nothing is lost by that, append makes the segment when it needs it, or says that the disk is full.
   */
  beginPreparing(startingAt: LogOffset, zeroWrite: boolean): void {
    assert(startingAt === segmentStart(this.#files, startingAt), 'a segment starts at a multiple of its size');
    this.abandonPreparing();
    unlessShort(() => {
      const { begin } = SegmentPreparation;
      this.#preparation = this.#isUseless ? null : begin(this.#disk, this.#files, startingAt, zeroWrite);
      if (this.#preparation !== null) return;
      this.#isUseless = true;
      this.openSegment(startingAt);
    });
  }

  get isPreparing(): boolean {
    return this.#preparation !== null;
  }

  /** Bytes of the segment being prepared that have been seen to. */
  get preparedBytes(): number {
    return this.#preparation?.preparedBytes ?? 0;
  }

  /** Writes one more piece of the segment being prepared. True when it is there and open, or when there is nothing to prepare. */
  prepareStep(): boolean {
    const preparation = this.#preparation;
    if (preparation === null) return true;
    let isDone = true;
    const hadRoom = unlessShort(() => {
      isDone = preparation.step();
      this.#isUseless ||= preparation.isUseless;
      if (isDone) this.openSegment(preparation.startingAt);
    });
    if (!hadRoom) preparation.abandon();
    if (isDone) this.#preparation = null;
    return isDone;
  }

  /** Gives up the segment being prepared and takes its room back. */
  abandonPreparing(): void {
    this.#preparation?.abandon();
    this.#preparation = null;
  }

  close(): void {
    this.abandonPreparing();
    for (const file of this.#open.values()) file.close();
    this.#open.clear();
  }

  #closeBelow(start: LogOffset): void {
    for (const [other, file] of this.#open) {
      if (other >= start) continue;
      this.#open.delete(other);
      file.close();
    }
  }
}

/** False when the disk was full or too many files are open. */
function unlessShort(action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (isShortage(error)) return false;
    throw error;
  }
}
