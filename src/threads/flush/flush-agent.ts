/**
 * Makes the log survive a loss of power: with sync flush as soon as something is written (one fdatasync for everybody who waits), with
 * async flush by time and by bytes, so that the kernel never has to stall the writers. Prepares the next segment, makes the queue files of
 * dispatch's rounds durable and writes the checkpoint. Runs on the flush thread.
 */
import type { Clock } from '../../base/clock.ts';
import { asLogOffset } from '../../base/units.ts';
import type { SharedHistogram } from '../../ring/shared-histogram.ts';
import type { CommitLogSync } from '../../store/commit-log-sync.ts';
import { isOutOfDescriptors, isShortage } from '../../store/disk.ts';
import type { Agent } from '../agent.ts';
import type { QueueRound } from '../thread-messages.ts';
import type { FlushEnds } from '../topology.ts';
import type { QueueRounds } from './queue-rounds.ts';

const SLEEP_MAX_MS = 1000;
const US_PER_MS = 1000;
/** After a file could not be opened because too many are. */
const RETRY_US = 200_000;
const CLOSE_SYNC_MAX_US = 5_000_000;
/** A round of queue files goes on at this pace: thousands of fsyncs in a row would leave the disk's journal to nobody else. */
const QUEUE_SYNC_EVERY_US = 4_000;
/** The next segment is begun when so much of a segment is written. */
const PREPARE_FROM = 1 / 8;
/** It is there when so much of the way to its start is written. */
const PREPARED_AT = 0.9;
/** A turn may owe several steps, when each flush covers much log. More would let senders wait. */
const PREPARING_STEPS_MAX = 8;

export interface FlushOptions {
  readonly ends: FlushEnds;
  readonly log: CommitLogSync;
  readonly queues: QueueRounds;
  readonly clock: Clock;
  readonly segmentSizeBytes: number;
  /** Flush before anybody is answered. */
  readonly syncFlush: boolean;
  /** Async flush: longest time and most bytes that wait. */
  readonly intervalMs: number;
  readonly aheadBytes: number;
  readonly zeroWriteNextSegment: boolean;
  /**
   * Writes the checkpoint file: everything up to these places is on the disk, in the log, in the queues and in the index. False when the
   * disk is full: it is tried again.
   */
  readonly saveCheckpoint: (reached: Reached) => boolean;
}

/** What a checkpoint says. */
export interface Reached {
  /** Store time up to which the log is flushed. */
  readonly logTimestamp: number;
  readonly round: QueueRound;
  /** Where the log begins, by log offset. */
  readonly logStart: number;
}

export class FlushAgent implements Agent {
  readonly name = 'flush';
  readonly #options: FlushOptions;
  readonly #syncTime: SharedHistogram;
  #flushed: number;
  /** Store time up to which the log is flushed. */
  #flushedAt: number;
  #flushAtUs: number;
  /** No files are opened before this time: there were no descriptors left. */
  #retryAtUs = 0;
  /** The newest round that is durable and that no checkpoint names yet. */
  #round: QueueRound | null = null;
  #queueSyncAtUs = 0;
  /** Start of the segment behind the newest one that has been asked for. */
  #preparedTo: number;
  /** How far the log was when it was begun. */
  #preparedFrom = 0;

  constructor(options: FlushOptions) {
    const { ends, clock, intervalMs } = options;
    this.#options = options;
    this.#syncTime = ends.page.status.stage('flush');
    this.#flushed = ends.flushed.read();
    this.#flushedAt = ends.writtenAt.read();
    this.#flushAtUs = clock.monotonicUs() + intervalMs * US_PER_MS;
    this.#preparedTo = this.#segmentStart(this.#flushed);
    options.log.openSegment(asLogOffset(this.#flushed));
  }

  hasWork(): boolean {
    if (this.#mustWait) return false;
    const written = this.#options.ends.written.read();
    return this.#isDue(written) || this.#stepIsDue(written) || this.#queueSyncIsDue();
  }

  sleepMaxMs(): number {
    if (this.#mustWait) return RETRY_US / US_PER_MS;
    const { queues, clock } = this.#options;
    if (!queues.hasWork()) return this.#flushWithinMs();
    const queueSyncMs = Math.ceil((this.#queueSyncAtUs - clock.monotonicUs()) / US_PER_MS);
    return Math.min(this.#flushWithinMs(), Math.max(1, queueSyncMs));
  }

  /** How long the log itself can wait. */
  #flushWithinMs(): number {
    const { ends, syncFlush, intervalMs, clock } = this.#options;
    if (syncFlush) return SLEEP_MAX_MS;
    const longest = Math.min(SLEEP_MAX_MS, intervalMs);
    if (ends.written.read() === this.#flushed) return longest;
    // What is written already has waited for a part of its time.
    const leftMs = Math.ceil((this.#flushAtUs - clock.monotonicUs()) / US_PER_MS);
    return Math.min(longest, Math.max(1, leftMs));
  }

  doWork(): number {
    if (this.#mustWait) return 0;
    try {
      const work = this.#flush(false) + this.#prepare() + (this.#queueSyncIsDue() ? this.#syncQueue() : 0);
      this.#checkpoint();
      return work;
    } catch (cause) {
      // A file that could not be opened was not flushed: who waits for it waits on, as for a slow disk.
      if (!isOutOfDescriptors(cause)) throw cause;
      this.#retryAtUs = this.#options.clock.monotonicUs() + RETRY_US;
      return 0;
    }
  }

  /**
   * Everything is on the disk after that, and the checkpoint says so. Thousands of queue files may take too long for whoever stops the
   * broker: then they are left to the next start, which finds a store that was not closed in order. So is what cannot be opened.
   */
  close(): void {
    const { clock } = this.#options;
    try {
      this.#flush(true);
      const deadlineUs = clock.monotonicUs() + CLOSE_SYNC_MAX_US;
      while (this.#options.queues.hasWork() && clock.monotonicUs() < deadlineUs) this.#syncQueue();
      this.#checkpoint();
    } catch (cause) {
      if (!isOutOfDescriptors(cause)) throw cause;
    }
    this.#options.log.close();
  }

  get #mustWait(): boolean {
    return this.#retryAtUs > 0 && this.#options.clock.monotonicUs() < this.#retryAtUs;
  }

  #isDue(written: number): boolean {
    if (written === this.#flushed) return false;
    const { syncFlush, aheadBytes, clock } = this.#options;
    return syncFlush || written - this.#flushed >= aheadBytes || clock.monotonicUs() >= this.#flushAtUs;
  }

  #flush(now: boolean): number {
    const { ends, log, clock, intervalMs } = this.#options;
    // In this order: the record with this store time lies below what is read next.
    const writtenAt = ends.writtenAt.read();
    const written = ends.written.read();
    if (written === this.#flushed || !(now || this.#isDue(written))) return 0;
    const startUs = clock.monotonicUs();
    log.sync(asLogOffset(this.#flushed), asLogOffset(written));
    const endUs = clock.monotonicUs();
    this.#syncTime.record(endUs - startUs);
    ends.page.add('syncs', 1);
    this.#flushed = written;
    this.#flushedAt = Math.max(this.#flushedAt, writtenAt);
    this.#flushAtUs = endUs + intervalMs * US_PER_MS;
    ends.flushed.advance(written);
    if (this.#options.syncFlush) {
      for (let net = 0; net < ends.nets.length; net++) ends.nets[net]!.ring();
      ends.dispatch.ring();
    }
    return 1;
  }

  /**
   * Steps towards the segment behind the one that is being written. Zeros are written in step with the log, so that an idle broker writes
   * none and a busy one is ready in time. One that is late all the same is given up, because append has made the segment by then; to remove
   * a large file makes senders wait for half a second. A full disk is append's to report.
   */
  #prepare(): number {
    const { log, segmentSizeBytes, zeroWriteNextSegment } = this.#options;
    const written = this.#options.ends.written.read();
    try {
      const next = this.#segmentStart(written) + segmentSizeBytes;
      if (!log.isPreparing && next > this.#preparedTo && written >= this.#prepareFrom(next)) {
        this.#preparedTo = next;
        this.#preparedFrom = written;
        log.beginPreparing(asLogOffset(next), zeroWriteNextSegment);
      }
      if (log.isPreparing && written > this.#preparedTo) log.abandonPreparing();
      let steps = 0;
      for (; steps < PREPARING_STEPS_MAX && this.#stepIsDue(written); steps++) log.prepareStep();
      return steps;
    } catch (cause) {
      if (!isShortage(cause)) throw cause;
      return 0;
    }
  }

  /** Where the log is when the segment that starts at `next` is begun. */
  #prepareFrom(next: number): number {
    return next - this.#options.segmentSizeBytes * (1 - PREPARE_FROM);
  }

  #stepIsDue(written: number): boolean {
    const { log, segmentSizeBytes } = this.#options;
    if (!log.isPreparing) return false;
    const way = (this.#preparedTo - this.#preparedFrom) * PREPARED_AT;
    const zeros = (segmentSizeBytes * (written - this.#preparedFrom)) / way;
    return log.preparedBytes < zeros || log.preparedBytes >= segmentSizeBytes;
  }

  /** One file of the round that is under way, so that nobody who waits for the log waits for all of them. */
  #syncQueue(): number {
    const { queues, ends, clock } = this.#options;
    const round = queues.step();
    this.#queueSyncAtUs = clock.monotonicUs() + QUEUE_SYNC_EVERY_US;
    if (round === null) return 1;
    ends.queuesSyncedAt.advance(Math.max(round.storeTimestamp, ends.queuesSyncedAt.read()));
    ends.queuesSyncedTo.advance(round.logOffset);
    this.#round = round;
    return 1;
  }

  #queueSyncIsDue(): boolean {
    const { queues, clock } = this.#options;
    return queues.hasWork() && clock.monotonicUs() >= this.#queueSyncAtUs;
  }

  #checkpoint(): void {
    const round = this.#round;
    // With async flush the queues may be ahead of the log: then the checkpoint waits.
    if (round === null || round.logOffset > this.#flushed || round.indexCountedTo >= this.#flushed) return;
    const { ends, saveCheckpoint } = this.#options;
    const reached = { logTimestamp: this.#flushedAt, round, logStart: ends.logStart.read() };
    if (saveCheckpoint(reached)) this.#round = null;
  }

  #segmentStart(offset: number): number {
    return offset - (offset % this.#options.segmentSizeBytes);
  }
}
