/**
 * Finds the next record behind bytes that are none, and tells how much of such bytes is not zero. A record says where it lies, so one that is
 * found by its magic number and says so is one. Used by verify and repair, which read on where recovery stops, and by a start that keeps what
 * lies behind the log's end (records-aside.ts).
 */
import { asLogOffset } from '../base/units.ts';
import { RECORD_MAGIC_V1, RecordAt } from '../layout/message-record.ts';
import type { LogReader } from './log-reader.ts';
import { LogScanner, Scanned } from './log-scanner.ts';

const WINDOW_BYTES = 1024 * 1024;
/** The first three bytes, which both versions have. */
const MAGIC_BYTES = Buffer.from([
  RECORD_MAGIC_V1 >>> 24,
  (RECORD_MAGIC_V1 >>> 16) & 0xff,
  (RECORD_MAGIC_V1 >>> 8) & 0xff,
]);
/** Bytes of a record up to the end of what is searched for. */
const HEAD_BYTES = RecordAt.magic + MAGIC_BYTES.length;
const CANDIDATE_WINDOW_BYTES = 64 * 1024;

export interface Hole {
  readonly from: number;
  readonly to: number;
  /** First byte that is not zero, and behind the last one; equal when all are zero. */
  readonly dataFrom: number;
  readonly dataTo: number;
}

export class RecordSearch {
  readonly #reader: LogReader;
  readonly #candidates: LogScanner;
  readonly #bytes = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  readonly #zeros = Buffer.alloc(WINDOW_BYTES);

  constructor(reader: LogReader) {
    this.#reader = reader;
    this.#candidates = new LogScanner(reader, false, CANDIDATE_WINDOW_BYTES);
  }

  /**
   * Offset of the first record that begins in `[from, to)`, `to` being in the segment of `from` or at its end; -1 when there is none, or
   * none before `zerosMax` zero bytes in a row, in whole windows.
   */
  find(from: number, to: number, segmentEnd: number, zerosMax = Number.POSITIVE_INFINITY): number {
    let zeros = 0;
    for (let at = from; at < to; ) {
      const length = this.#read(at, Math.min(to + HEAD_BYTES, segmentEnd));
      if (length < HEAD_BYTES) return -1;
      const isZero = this.#isZero(length);
      const found = isZero ? -1 : this.#findIn(at, length, to, segmentEnd);
      if (found >= 0) return found;
      zeros = isZero ? zeros + length : 0;
      if (zeros >= zerosMax) return -1;
      // A head may lie over the end of the window.
      at += length - (HEAD_BYTES - 1);
      if (at + HEAD_BYTES > segmentEnd) return -1;
    }
    return -1;
  }

  /** What of `[from, to)` is not zero. */
  hole(from: number, to: number): Hole {
    let dataFrom = -1;
    let dataTo = -1;
    for (let at = from; at < to; ) {
      const length = this.#read(at, to);
      if (length === 0) break;
      if (!this.#isZero(length)) {
        if (dataFrom < 0) dataFrom = at + this.#bytes.findIndex((byte) => byte !== 0);
        let last = length - 1;
        while (this.#bytes[last] === 0) last--;
        dataTo = at + last + 1;
      }
      at += length;
    }
    return dataFrom < 0 ? { from, to, dataFrom: from, dataTo: from } : { from, to, dataFrom, dataTo };
  }

  #read(at: number, to: number): number {
    return this.#reader.read(asLogOffset(at), Math.min(WINDOW_BYTES, to - at), this.#bytes, 0);
  }

  #isZero(length: number): boolean {
    return this.#bytes.compare(this.#zeros, 0, length, 0, length) === 0;
  }

  #findIn(start: number, length: number, to: number, segmentEnd: number): number {
    const window = this.#bytes.subarray(0, length);
    let found = window.indexOf(MAGIC_BYTES, RecordAt.magic);
    for (; found >= 0; found = window.indexOf(MAGIC_BYTES, found + 1)) {
      const position = start + found - RecordAt.magic;
      if (position >= to) return -1;
      if (this.isRecord(position, segmentEnd)) return position;
    }
    return -1;
  }

  /** Whether a record whose parts add up lies there and says so. */
  isRecord(position: number, segmentEnd: number): boolean {
    this.#candidates.begin(asLogOffset(position), asLogOffset(segmentEnd));
    return this.#candidates.next() === Scanned.record && this.#candidates.position === position;
  }
}
