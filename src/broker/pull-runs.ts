/**
 * How the records of a pull are read: those that lie close together in the log are one read, with what is between them, and are pushed
 * together afterwards. A second read costs more than a few KiB that nobody wants. Used on net by hot and cold reads.
 */
import { asLogOffset } from '../base/units.ts';
import type { LogRun } from './cold-reads.ts';
import type { PullSelection } from './pull-selection.ts';

export class PullRuns {
  count = 0;
  /** Bytes of all runs. */
  spanBytes = 0;
  /** How often a record does not follow the one before it, in a run or between two. */
  gapCount = 0;
  readonly offsets: Float64Array;
  readonly lengths: Int32Array;
  /** Where each record lies when the runs are read one behind the other. */
  readonly recordAt: Int32Array;

  constructor(recordsMax: number) {
    this.offsets = new Float64Array(recordsMax);
    this.lengths = new Int32Array(recordsMax);
    this.recordAt = new Int32Array(recordsMax);
  }

  /** Records at most `gapMaxBytes` apart come into one run. */
  plan(selection: PullSelection, gapMaxBytes: number): void {
    const { logOffsets, sizes } = selection;
    this.count = 0;
    this.spanBytes = 0;
    this.gapCount = 0;
    let end = 0;
    let runStart = 0;
    for (let i = 0; i < selection.count; i++) {
      const offset = logOffsets[i]!;
      const gap = offset - end;
      if (i > 0 && gap !== 0) this.gapCount++;
      if (i === 0 || gap > gapMaxBytes || gap < 0) {
        this.#close(runStart, end);
        runStart = offset;
        this.offsets[this.count++] = offset;
      }
      this.recordAt[i] = this.spanBytes + offset - runStart;
      end = offset + sizes[i]!;
    }
    this.#close(runStart, end);
  }

  #close(runStart: number, end: number): void {
    if (this.count === 0) return;
    this.lengths[this.count - 1] = end - runStart;
    this.spanBytes += end - runStart;
  }

  /** The records lie in one window of the log that has been read before. */
  within(selection: PullSelection, windowStart: number): void {
    for (let i = 0; i < selection.count; i++) this.recordAt[i] = selection.logOffsets[i]! - windowStart;
  }

  /**
   * Only the first `readableBytes` of the runs could be read: takes what is not whole out of the selection. When that begins with the first
   * record, its whole segment counts as gone.
   */
  leaveOut(selection: PullSelection, readableBytes: number, segmentBytes: number): void {
    let whole = 0;
    while (whole < selection.count && this.recordAt[whole]! + selection.sizes[whole]! <= readableBytes) whole++;
    if (whole > 0) selection.keep(whole);
    else selection.remove((Math.floor(selection.logOffsets[0]! / segmentBytes) + 1) * segmentBytes);
  }

  list(): LogRun[] {
    const runs: LogRun[] = [];
    for (let i = 0; i < this.count; i++) {
      runs.push({ offset: asLogOffset(this.offsets[i]!), length: this.lengths[i]! });
    }
    return runs;
  }

  /** Pushes the records that were read to `bytes` at `at` together, without what lay between them. */
  compact(selection: PullSelection, bytes: Uint8Array, at: number): void {
    if (this.spanBytes === selection.bodyLength) return;
    let next = at;
    let i = 0;
    while (i < selection.count) {
      // Neighbours move together.
      const from = this.recordAt[i]!;
      let end = from;
      while (i < selection.count && this.recordAt[i] === end) end += selection.sizes[i++]!;
      bytes.copyWithin(next, at + from, at + end);
      next += end - from;
    }
  }
}
