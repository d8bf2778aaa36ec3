/**
 * The writing end of the CommitLog. Only the append thread calls it: it owns the log's end, gives out offsets from it, and writes whole
 * runs of records straight from the bytes ring. Readers open the files themselves and stop at the `written` watermark.
 */
import { assert } from '../base/assert.ts';
import { asLogOffset, type LogOffset } from '../base/units.ts';
import { BLANK_HEAD_BYTES, BLANK_MAGIC, RecordAt } from '../layout/message-record.ts';
import {
  type Disk,
  DiskFailedError,
  type DiskFile,
  DiskFullError,
  makeDurableDirectory,
  writeFully,
  writeSome,
} from './disk.ts';
import { type CommitLogFiles, openSegment, segmentPath, segmentStart } from './segments.ts';

export class CommitLogWriter {
  readonly #disk: Disk;
  readonly #files: CommitLogFiles;
  #file: DiskFile;
  #segmentStart: LogOffset;
  #end: LogOffset;
  #unpreparedSegments = 0;
  readonly #blank = new Uint8Array(BLANK_HEAD_BYTES);

  constructor(disk: Disk, files: CommitLogFiles, end: LogOffset) {
    this.#disk = disk;
    this.#files = files;
    this.#end = end;
    this.#segmentStart = segmentStart(files, end);
    makeDurableDirectory(disk, files.directory);
    this.#file = openSegment(disk, files, this.#segmentStart);
  }

  /** Where the next record goes. */
  get end(): LogOffset {
    return this.#end;
  }

  /** Segments that were not there when the log rolled, and so were made by this thread. */
  get unpreparedSegments(): number {
    return this.#unpreparedSegments;
  }

  /** The longest run that {@link write} takes before {@link roll}: the rest of the segment, less the head of its filler (spec 3.8). */
  roomInSegment(): number {
    return this.#remaining() - BLANK_HEAD_BYTES;
  }

  /**
   * Fills the segment up and goes on in the next. The next one is opened first: when the disk is full nothing has happened, and the
   * segment can still take a smaller run.
   */
  roll(): void {
    const remaining = this.#remaining();
    const nextStart = asLogOffset(this.#segmentStart + this.#files.segmentSizeBytes);
    const next = this.#openNext(nextStart);
    try {
      this.#writeBlank(remaining);
    } catch (error) {
      next.close();
      throw error;
    }
    this.#file.close();
    this.#file = next;
    this.#segmentStart = nextStart;
    this.#end = nextStart;
  }

  /**
   * Writes a run of records at the end. All or nothing: on DiskFullError the end has not moved and what had been written is zero again,
   * so that no record of a refused run can be found behind a shorter one that follows.
   */
  write(bytes: Uint8Array, at: number, length: number): void {
    assert(length <= this.roomInSegment(), 'a run leaves room for the filler of its segment');
    const from = this.#end - this.#segmentStart;
    let done = 0;
    try {
      while (done < length) done += writeSome(this.#file, bytes, at + done, length - done, from + done);
    } catch (error) {
      if (error instanceof DiskFullError) this.#wipe(from, done);
      throw error;
    }
    this.#end = asLogOffset(this.#end + length);
  }

  close(): void {
    this.#file.close();
  }

  #remaining(): number {
    return this.#segmentStart + this.#files.segmentSizeBytes - this.#end;
  }

  #openNext(start: LogOffset): DiskFile {
    const isThere = this.#disk.stat(segmentPath(this.#files, start)) !== null;
    const file = openSegment(this.#disk, this.#files, start);
    if (!isThere) this.#unpreparedSegments++;
    return file;
  }

  #writeBlank(remaining: number): void {
    const view = new DataView(this.#blank.buffer);
    view.setInt32(RecordAt.totalSize, remaining);
    view.setInt32(RecordAt.magic, BLANK_MAGIC);
    writeFully(this.#file, this.#blank, 0, BLANK_HEAD_BYTES, this.#end - this.#segmentStart);
  }

  /** These blocks are there already, so a full disk takes the zeros. One that does not would keep the refused run: that is a failure. */
  #wipe(from: number, length: number): void {
    if (length === 0) return;
    try {
      writeFully(this.#file, new Uint8Array(length), 0, length, from);
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
      throw new DiskFailedError(this.#file.path, 'wipe', 'ENOSPC', error);
    }
  }
}
