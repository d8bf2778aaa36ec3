/**
 * Walks the records of a range of the log with the check of spec/store.md 3.10, in reads of 1 MiB and without an object per record.
 * Used by recovery, before any other thread runs; dispatch has a walk of its own, which may trust what this process has written and stops
 * it where that is broken. Stricter than upstream: a record must say the offset at which it lies, so that bytes left over from another
 * place are never taken for one.
 */
import { bodyCrc32 } from '../base/crc32.ts';
import { SECTOR_BYTES } from '../base/limits.ts';
import { pieceOf } from '../base/piece-of.ts';
import { asLogOffset, type LogOffset } from '../base/units.ts';
import {
  BLANK_HEAD_BYTES,
  BLANK_MAGIC,
  RECORD_MAGIC_V1,
  RECORD_MAGIC_V2,
  RECORD_SIZE_MIN_BYTES,
  RecordAt,
  RecordCursor,
} from '../layout/message-record.ts';
import { isTopicName, topicText } from '../layout/topic-names.ts';
import type { LogReader } from './log-reader.ts';
import { segmentStart } from './segments.ts';

const WINDOW_BYTES = 1024 * 1024;
/** What {@link LogScanner.next} came upon. */
export const Scanned = {
  /** A record: {@link LogScanner.cursor} is on it. */
  record: 1,
  /** The range is at its end: what is left of it, if anything, is a part of a record that goes beyond it. */
  end: 0,
  /** No valid record lies at {@link LogScanner.position}. */
  bad: -1,
} as const;
export type ScannedCode = (typeof Scanned)[keyof typeof Scanned];

/** The topic of a record that says another one, or none. */
export interface HealedTopic {
  /** Log offset of the record. */
  readonly at: number;
  readonly topic: string;
}

export class LogScanner {
  /** The record that {@link next} has found; its positions are of {@link bytes}. */
  readonly cursor = new RecordCursor();
  readonly #reader: LogReader;
  readonly #checksContents: boolean;
  readonly #segmentSize: number;
  #bytes: Buffer;
  #view: DataView;
  /** Log offset of the first byte in memory, and how many there are. */
  #windowStart = 0;
  #windowLength = 0;
  #position = 0;
  #next = 0;
  #end = 0;
  #recordAt = 0;

  constructor(reader: LogReader, checksContents: boolean, windowBytes = WINDOW_BYTES) {
    this.#reader = reader;
    this.#checksContents = checksContents;
    this.#segmentSize = reader.files.segmentSizeBytes;
    this.#bytes = Buffer.allocUnsafeSlow(windowBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** The memory that holds the current record, until {@link next} is called again. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get view(): DataView {
    return this.#view;
  }

  /** Where the current record starts in {@link bytes}. */
  get recordAt(): number {
    return this.#recordAt;
  }

  /** Log offset of the current record; after `end` and `bad`, of where there is none. */
  get position(): LogOffset {
    return asLogOffset(this.#position);
  }

  /** Log offset behind the current record. */
  get nextPosition(): LogOffset {
    return asLogOffset(this.#next);
  }

  /** Sets out on `[from, to)`. The bytes in memory are forgotten, because the log may have grown in what was read as zeros. */
  begin(from: LogOffset, to: LogOffset): void {
    this.#position = from;
    this.#next = from;
    this.#end = to;
    this.#windowLength = 0;
  }

  next(): ScannedCode {
    for (;;) {
      this.#position = this.#next;
      if (this.#position >= this.#end) return Scanned.end;
      const segmentEnd = segmentStart(this.#reader.files, this.#position) + this.#segmentSize;
      if (this.#position + BLANK_HEAD_BYTES > Math.min(segmentEnd, this.#end)) return this.#outOfRange(segmentEnd);
      if (!this.#load(BLANK_HEAD_BYTES)) return Scanned.bad;
      const at = this.#position - this.#windowStart;
      const magic = this.#view.getInt32(at + RecordAt.magic);
      if (magic !== BLANK_MAGIC) return this.#record(magic, segmentEnd);
      this.#next = segmentEnd;
    }
  }

  /** Whether topic, properties and body of the current record got to the disk as they were: what a scanner that checks contents asks of each. */
  areContentsWhole(): boolean {
    return this.isTopicWhole() && this.#arePropertiesWhole() && this.#isBodyWhole(this.#recordAt);
  }

  /**
   * No checksum covers the topic, but it is the name of a folder. A page that did not get to the disk is zero. Of a record whose topic is
   * none, nobody knows in which queue it is and what its keys are.
   */
  isTopicWhole(): boolean {
    const { topicStart, topicLength } = this.cursor;
    return isTopicName(this.#bytes, topicStart, topicStart + topicLength);
  }

  /** Puts another topic of the same length in the place of the current record's, in memory. */
  healTopic(topic: string): void {
    this.#bytes.write(topic, this.cursor.topicStart);
  }

  /** For messages. */
  get topicText(): string {
    const { topicStart, topicLength } = this.cursor;
    return topicText(this.#bytes, topicStart, topicStart + topicLength);
  }

  #record(magic: number, segmentEnd: number): ScannedCode {
    if (magic !== RECORD_MAGIC_V1 && magic !== RECORD_MAGIC_V2) return Scanned.bad;
    const size = this.#view.getInt32(this.#position - this.#windowStart + RecordAt.totalSize);
    if (size < RECORD_SIZE_MIN_BYTES || this.#position + size > segmentEnd) return Scanned.bad;
    if (this.#position + size > this.#end) return Scanned.end;
    if (!this.#load(size)) return Scanned.bad;
    const at = this.#position - this.#windowStart;
    this.#recordAt = at;
    if (!this.cursor.load(this.#view, at) || this.cursor.physicalOffset !== this.#position) return Scanned.bad;
    if (this.#checksContents && !this.areContentsWhole()) return Scanned.bad;
    this.#next = this.#position + size;
    return Scanned.record;
  }

  /** Fewer bytes than any record has: at the end of the range more may come, at the end of a segment there is always a filler. */
  #outOfRange(segmentEnd: number): ScannedCode {
    return this.#position + BLANK_HEAD_BYTES > segmentEnd ? Scanned.bad : Scanned.end;
  }

  /**
   * No checksum covers the properties either. A sector that did not get to the disk is zero all over; properties that hold one are refused at the send. The last
   * sector that they have a part of counts only when nothing behind them is in it either. One that begins before them holds their length
   * too, which would be zero then.
   */
  #arePropertiesWhole(): boolean {
    const { propertiesStart, propertiesLength } = this.cursor;
    const end = propertiesStart + propertiesLength;
    const inSegment = (this.#windowStart + propertiesStart) % this.#segmentSize;
    const first = propertiesStart + ((SECTOR_BYTES - (inSegment % SECTOR_BYTES)) % SECTOR_BYTES);
    for (let sector = first; sector < end; sector += SECTOR_BYTES) {
      const sectorEnd = sector + SECTOR_BYTES;
      if (!isZero(this.#bytes, sector, Math.min(sectorEnd, end))) continue;
      if (sectorEnd <= end || this.#isZeroBehind(end, sectorEnd)) return false;
    }
    return true;
  }

  /** `from` and `to` are positions in memory, but what lies there may not be in memory. */
  #isZeroBehind(from: number, to: number): boolean {
    const bytes = Buffer.alloc(to - from);
    this.#reader.read(asLogOffset(this.#windowStart + from), bytes.length, bytes, 0);
    return isZero(bytes, 0, bytes.length);
  }

  #isBodyWhole(at: number): boolean {
    const start = this.cursor.bodyStart;
    const crc = bodyCrc32(pieceOf(this.#bytes, start, start + this.cursor.bodyLength));
    return crc === this.#view.getInt32(at + RecordAt.bodyCrc);
  }

  /** Sees to it that `length` bytes at the position are in memory. False when the log does not have them. */
  #load(length: number): boolean {
    if (this.#position >= this.#windowStart && this.#position + length <= this.#windowStart + this.#windowLength)
      return true;
    if (length > this.#bytes.length) this.#grow(length);
    this.#windowStart = this.#position;
    const wanted = Math.min(this.#bytes.length, this.#end - this.#position);
    this.#windowLength = this.#reader.read(asLogOffset(this.#position), wanted, this.#bytes, 0);
    return this.#windowLength >= length;
  }

  /** Stores of other brokers may hold records beyond our own limit. */
  #grow(length: number): void {
    this.#bytes = Buffer.allocUnsafeSlow(length);
    this.#view = new DataView(this.#bytes.buffer);
  }
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0) return false;
  return true;
}
