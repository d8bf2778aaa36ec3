/**
 * The reading end of the CommitLog: any thread that reads has one of its own (net, dispatch, control, the pool, replication). Reads go to
 * private memory through the page cache; how far the log may be read is the caller's to know, from the watermarks.
 */
import { asLogOffset, type LogOffset } from '../base/units.ts';
import type { Disk } from './disk.ts';
import { HandleCache } from './handle-cache.ts';
import { type CommitLogFiles, segmentPath, segmentStart } from './segments.ts';

/** Segments that one thread keeps open. */
const HANDLES_MAX = 64;

export class LogReader {
  readonly files: CommitLogFiles;
  readonly #handles: HandleCache<number>;

  constructor(disk: Disk, files: CommitLogFiles) {
    this.files = files;
    this.#handles = new HandleCache<number>(disk, 'read', HANDLES_MAX, (start) => segmentPath(files, start));
  }

  /**
   * Reads up to `length` bytes at `offset` to `into[at...]` and returns how many there were: fewer at the end of the segment, 0 when the
   * segment is not there, because it was deleted or not written yet.
   */
  read(offset: LogOffset, length: number, into: Uint8Array, at: number): number {
    const start = segmentStart(this.files, offset);
    const file = this.#handles.get(start);
    if (file === null) return 0;
    const within = offset - start;
    return file.read(into, at, Math.min(length, this.files.segmentSizeBytes - within), within);
  }

  /** Opens the segment of `offset`, if it is there: who has a file open can close it for another when descriptors are short. */
  open(offset: LogOffset): void {
    this.#handles.get(segmentStart(this.files, offset));
  }

  /** Closes deleted segments, whose blocks the system keeps as long as they are open. Call it when the log's start has moved. */
  dropBelow(logStart: LogOffset): void {
    const first = asLogOffset(segmentStart(this.files, logStart));
    this.#handles.dropWhere((start) => start < first);
  }

  close(): void {
    this.#handles.close();
  }
}
