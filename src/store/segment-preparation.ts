/**
 * Makes one segment ahead of time, in steps that do not hold up the flush thread for long. The file gets its place in the log only when
 * it is complete: until then it has a name outside, because append makes a segment itself when it finds none, and zeros must never be
 * written to a file that append may be writing to.
 */
import type { LogOffset } from '../base/units.ts';
import { besideLog } from './beside-log.ts';
import { type Disk, DiskFailedError, type DiskFile, DiskFullError, removeIfThere, writeFully } from './disk.ts';
import { type CommitLogFiles, segmentPath } from './segments.ts';

/** Bytes of zeros per step, fsynced at once, so that no other fsync has to wait for many of them: a step takes about a millisecond. */
const STEP_BYTES = 256 * 1024;
const FULL_CODES: readonly string[] = ['ENOSPC', 'EDQUOT'];
/** Of a file system on which a file has one name. Others say EPERM. */
const NO_LINK_CODES: readonly string[] = ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];
const NAME = 'preparing';

export class SegmentPreparation {
  readonly startingAt: LogOffset;
  readonly #disk: Disk;
  readonly #files: CommitLogFiles;
  readonly #file: DiskFile;
  readonly #zeros: Uint8Array;
  #written: number;
  #isOver = false;
  /** The file cannot be put into its place: here it is no use to prepare one. */
  isUseless = false;

  private constructor(disk: Disk, files: CommitLogFiles, startingAt: LogOffset, zeroWrite: boolean, file: DiskFile) {
    this.#disk = disk;
    this.#files = files;
    this.startingAt = startingAt;
    this.#written = zeroWrite ? 0 : files.segmentSizeBytes;
    this.#zeros = new Uint8Array(zeroWrite ? Math.min(STEP_BYTES, files.segmentSizeBytes) : 0);
    this.#file = file;
  }

  /** Null where there is no place for the file. */
  static begin(
    disk: Disk,
    files: CommitLogFiles,
    startingAt: LogOffset,
    zeroWrite: boolean,
  ): SegmentPreparation | null {
    const file = besideLog(disk, files, NAME, (path) => {
      // An earlier process may have left the name there, and when it ended right behind its link the file is a segment that is written.
      removeIfThere(disk, path);
      return disk.open(path, 'exclusive');
    });
    if (file === null) return null;
    const preparation = new SegmentPreparation(disk, files, startingAt, zeroWrite, file);
    try {
      preparation.#file.resize(files.segmentSizeBytes);
      preparation.#sync();
      return preparation;
    } catch (error) {
      preparation.abandon();
      throw error;
    }
  }

  /** How much of the segment has its blocks. */
  get preparedBytes(): number {
    return this.#written;
  }

  /** Writes the next zeros, or puts the complete file into its place. True when that is done. */
  step(): boolean {
    const length = Math.min(this.#zeros.length, this.#files.segmentSizeBytes - this.#written);
    if (length > 0) {
      writeFully(this.#file, this.#zeros, 0, length, this.#written);
      this.#sync();
      this.#written += length;
      return false;
    }
    this.#putInPlace();
    this.abandon();
    return true;
  }

  /** Where blocks are given out late a full disk shows here. Nobody has relied on these zeros yet, so it is no more than a full disk. */
  #sync(): void {
    try {
      this.#file.sync();
    } catch (error) {
      if (!(error instanceof DiskFailedError && FULL_CODES.includes(error.code))) throw error;
      throw new DiskFullError(this.#file.path, error.operation);
    }
  }

  /** When append could not wait and made the segment itself, that one stays. */
  #putInPlace(): void {
    const path = segmentPath(this.#files, this.startingAt);
    try {
      this.isUseless = besideLog(this.#disk, this.#files, NAME, (prepared) => this.#disk.link(prepared, path)) === null;
    } catch (error) {
      if (!(error instanceof DiskFailedError && NO_LINK_CODES.includes(error.code))) throw error;
      this.isUseless = true;
    }
  }

  /** Ends it. What has got its place in the log keeps it. */
  abandon(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#file.close();
    besideLog(this.#disk, this.#files, NAME, (path) => this.#disk.unlink(path));
  }
}
