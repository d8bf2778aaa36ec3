/**
 * The one writer of the CommitLog: takes requests from all producers' rings in turn, gives each its offsets and store time, completes the
 * encoded records and writes whole runs straight from the ring. Runs on the append thread; nothing else decides an offset.
 */
import type { Clock } from '../../base/clock.ts';
import { DRAIN_REQUESTS_MAX } from '../../base/limits.ts';
import { asQueueSlot, asRingPosition } from '../../base/units.ts';
import { completeRecord, RecordAt } from '../../layout/message-record.ts';
import {
  DESCRIPTOR_DOUBLES,
  DESCRIPTOR_INTS,
  DescriptorDouble,
  DescriptorInt,
  DescriptorStatus,
  type DescriptorStatusCode,
  QUEUED_AT_MASK,
} from '../../layout/request-descriptor.ts';
import type { BytesRing } from '../../ring/bytes-ring.ts';
import type { DescriptorRingConsumer } from '../../ring/descriptor-ring.ts';
import type { SharedHistogram } from '../../ring/shared-histogram.ts';
import type { CommitLogWriter } from '../../store/commit-log.ts';
import { DiskFullError, isShortage } from '../../store/disk.ts';
import type { Agent } from '../agent.ts';
import type { AppendEnds } from '../topology.ts';
import type { NextOffsets } from './next-offsets.ts';

/** A run is written at the latest when it has this many bytes, so that the first of its senders do not wait for the last. */
const RUN_BYTES_MAX = 1024 * 1024;
const SLEEP_MAX_MS = 1000;
/** A disk that is full stays so for a while. */
const SHORTAGE_TOLD_EVERY_US = 60_000_000;

type Producer = AppendEnds['producers'][number];

export interface AppendOptions {
  readonly ends: AppendEnds;
  readonly log: CommitLogWriter;
  readonly nextOffsets: NextOffsets;
  readonly clock: Clock;
  /** Store time of the newest record in the log: later ones are not older. */
  readonly lastStoreTimestamp: number;
  /** Flush is woken when so many bytes were written since the last time; 0 wakes it for every run. */
  readonly flushAfterBytes: number;
  /** Told now and then, while sends are refused. */
  readonly warn: (message: string) => void;
}

export class AppendAgent implements Agent {
  readonly name = 'append';
  readonly #ends: AppendEnds;
  readonly #log: CommitLogWriter;
  readonly #nextOffsets: NextOffsets;
  readonly #clock: Clock;
  readonly #waited: SharedHistogram;
  readonly #writeTime: SharedHistogram;
  readonly #flushAfterBytes: number;
  readonly #warn: (message: string) => void;
  #flushRungAt: number;
  #shortageToldUs = Number.NEGATIVE_INFINITY;
  #storeTimestamp: number;
  #first = 0;
  /** The log's end with the run that is being built. */
  #end = 0;

  constructor({ ends, log, nextOffsets, clock, lastStoreTimestamp, flushAfterBytes, warn }: AppendOptions) {
    this.#ends = ends;
    this.#log = log;
    this.#nextOffsets = nextOffsets;
    this.#clock = clock;
    this.#storeTimestamp = lastStoreTimestamp;
    this.#flushAfterBytes = flushAfterBytes;
    this.#warn = warn;
    this.#flushRungAt = log.end;
    this.#waited = ends.page.status.stage('append');
    this.#writeTime = ends.page.status.stage('write');
  }

  hasWork(): boolean {
    for (const { descriptors } of this.#ends.producers) {
      if (descriptors.published() !== descriptors.consumed) return true;
    }
    return false;
  }

  sleepMaxMs(): number {
    return SLEEP_MAX_MS;
  }

  doWork(): number {
    const { producers } = this.#ends;
    let requests = 0;
    // Another one begins each time, so that a busy producer does not always come first.
    this.#first = (this.#first + 1) % producers.length;
    for (let i = 0; i < producers.length; i++) {
      requests += this.#drain(producers[(this.#first + i) % producers.length]!, (this.#first + i) % producers.length);
    }
    return requests;
  }

  close(): void {
    while (this.doWork() > 0);
    this.#log.close();
  }

  /** Takes up to {@link DRAIN_REQUESTS_MAX} requests of one producer, run by run. */
  #drain(producer: Producer, net: number): number {
    const { descriptors } = producer;
    const published = descriptors.published();
    const end = asRingPosition(Math.min(published, descriptors.consumed + DRAIN_REQUESTS_MAX));
    const count = end - descriptors.consumed;
    if (count === 0) return 0;
    this.#storeTimestamp = Math.max(this.#storeTimestamp, this.#clock.nowMs());
    const nowUs = this.#clock.monotonicUs() & QUEUED_AT_MASK;
    for (let at: number = descriptors.consumed; at < end; at++) {
      const index = descriptors.index(asRingPosition(at));
      this.#waited.record(
        (nowUs - descriptors.ints[index * DESCRIPTOR_INTS + DescriptorInt.queuedAtUs]!) & QUEUED_AT_MASK,
      );
    }
    while (descriptors.consumed < end) this.#appendRun(producer, end, net);
    return count;
  }

  /** Writes the longest run of requests whose bytes follow each other in the ring and fit the segment. */
  #appendRun({ bytes, descriptors }: Producer, end: number, net: number): void {
    const { ints, doubles } = descriptors;
    const first = descriptors.consumed;
    const firstIndex = descriptors.index(first);
    const runStart = bytes.index(
      asRingPosition(doubles[firstIndex * DESCRIPTOR_DOUBLES + DescriptorDouble.bytesPosition]!),
    );
    if (ints[firstIndex * DESCRIPTOR_INTS + DescriptorInt.length]! > this.#log.roomInSegment() && !this.#roll()) {
      this.#refuse(descriptors, first, end, DescriptorStatus.diskFull);
      this.#ends.nets[net]!.ring();
      return;
    }
    this.#end = this.#log.end;
    const room = this.#log.roomInSegment();
    let runLength = 0;
    let at: number = first;
    for (; at < end; at++) {
      const index = descriptors.index(asRingPosition(at));
      const length = ints[index * DESCRIPTOR_INTS + DescriptorInt.length]!;
      const start = bytes.index(asRingPosition(doubles[index * DESCRIPTOR_DOUBLES + DescriptorDouble.bytesPosition]!));
      const isNext = start === runStart + runLength && runLength + length <= room;
      if (at > first && (!isNext || runLength >= RUN_BYTES_MAX)) break;
      if (!this.#assign(bytes, descriptors, index, start)) {
        // Its bytes are not written, so the run ends before it, or consists of it alone.
        if (at === first) at++;
        break;
      }
      runLength += length;
    }
    if (runLength > 0 && !this.#write(bytes, runStart, runLength)) {
      this.#takeBack(descriptors, first, at);
      this.#refuse(descriptors, first, at, DescriptorStatus.diskFull);
    } else {
      descriptors.complete(asRingPosition(at));
      // In the order in which somebody waits: the sender, the consumer, the disk.
      this.#ends.nets[net]!.ring();
      this.#ends.dispatch.ring();
      this.#ringFlush();
      return;
    }
    this.#ends.nets[net]!.ring();
  }

  /** Gives a request its offsets and completes its records. False when its queue is gone: it takes no place in the log. */
  #assign(bytes: BytesRing, descriptors: DescriptorRingConsumer, index: number, start: number): boolean {
    const { ints, doubles } = descriptors;
    const at = index * DESCRIPTOR_INTS;
    const slot = asQueueSlot(ints[at + DescriptorInt.queueSlot]!);
    if (this.#ends.queueTable.generation(slot) !== ints[at + DescriptorInt.queueGeneration]!) {
      ints[at + DescriptorInt.status] = DescriptorStatus.queueGone;
      return false;
    }
    const queueOffset = this.#nextOffsets.take(slot, ints[at + DescriptorInt.queueOffsetStep]!);
    const logOffset = this.#end;
    const records = ints[at + DescriptorInt.recordCount]!;
    let recordStart = start;
    for (let record = 0; record < records; record++) {
      completeRecord(
        bytes.view,
        bytes.bytes,
        recordStart,
        queueOffset + record,
        logOffset + recordStart - start,
        this.#storeTimestamp,
      );
      recordStart += bytes.view.getInt32(recordStart + RecordAt.totalSize);
    }
    this.#end = logOffset + ints[at + DescriptorInt.length]!;
    doubles[index * DESCRIPTOR_DOUBLES + DescriptorDouble.queueOffset] = queueOffset;
    doubles[index * DESCRIPTOR_DOUBLES + DescriptorDouble.logOffset] = logOffset;
    doubles[index * DESCRIPTOR_DOUBLES + DescriptorDouble.storeTimestamp] = this.#storeTimestamp;
    ints[at + DescriptorInt.status] = DescriptorStatus.stored;
    return true;
  }

  /** False when the disk is full; then the log's end has not moved. Any other error stops the broker. */
  #write(bytes: BytesRing, start: number, length: number): boolean {
    const startUs = this.#clock.monotonicUs();
    try {
      this.#log.write(bytes.bytes, start, length);
    } catch (cause) {
      if (!(cause instanceof DiskFullError)) throw cause;
      this.#tellShortage(cause);
      return false;
    }
    this.#writeTime.record(this.#clock.monotonicUs() - startUs);
    const { page, written, writtenAt } = this.#ends;
    page.add('appendRuns', 1);
    page.add('appendBytes', length);
    written.advance(this.#log.end);
    writtenAt.advance(this.#storeTimestamp);
    return true;
  }

  #ringFlush(): void {
    if (this.#log.end - this.#flushRungAt < this.#flushAfterBytes) return;
    this.#flushRungAt = this.#log.end;
    this.#ends.flush.ring();
  }

  /** False when the next segment could not be made; then the log's end has not moved. */
  #roll(): boolean {
    const madeBefore = this.#log.unpreparedSegments;
    try {
      this.#log.roll();
    } catch (cause) {
      if (!isShortage(cause)) throw cause;
      this.#tellShortage(cause);
      return false;
    }
    this.#ends.page.add('segmentsMadeInline', this.#log.unpreparedSegments - madeBefore);
    return true;
  }

  #tellShortage({ message }: Error): void {
    const nowUs = this.#clock.monotonicUs();
    if (nowUs < this.#shortageToldUs + SHORTAGE_TOLD_EVERY_US) return;
    this.#shortageToldUs = nowUs;
    this.#warn(`sends are refused as long as they cannot be written: ${message}`);
  }

  /** Gives back the queue offsets of a run that was not written. */
  #takeBack(descriptors: DescriptorRingConsumer, first: number, end: number): void {
    const { ints } = descriptors;
    for (let at = end - 1; at >= first; at--) {
      const slot = descriptors.index(asRingPosition(at)) * DESCRIPTOR_INTS;
      if (ints[slot + DescriptorInt.status] !== DescriptorStatus.stored) continue;
      this.#nextOffsets.giveBack(
        asQueueSlot(ints[slot + DescriptorInt.queueSlot]!),
        ints[slot + DescriptorInt.queueOffsetStep]!,
      );
    }
  }

  /** Answers requests that are not in the log. */
  #refuse(descriptors: DescriptorRingConsumer, first: number, end: number, status: DescriptorStatusCode): void {
    for (let at = first; at < end; at++) {
      descriptors.ints[descriptors.index(asRingPosition(at)) * DESCRIPTOR_INTS + DescriptorInt.status] = status;
    }
    descriptors.complete(asRingPosition(end));
  }
}
