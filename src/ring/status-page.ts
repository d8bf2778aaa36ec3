/**
 * The page that every thread of a broker has in view: watermarks, bells, the word that stops everything, liveness beats, counters and
 * stage histograms. Each line has one writer. Allocated by the runtime on the main thread.
 */
import { assert } from '../base/assert.ts';
import { Bell as BellLine, OWN_LINE_BYTES, statusPageLayout } from '../layout/shared-page.ts';
import { HISTOGRAM_BYTES, SharedHistogram } from './shared-histogram.ts';
import { Watermark } from './watermark.ts';

/**
 * How far the log has come, in log offsets: `written >= flushed`, `written >= visible >= dispatched`. `logStart` is where it begins: what
 * lies below is deleted, or is going to be at once. Every queue entry of the records before `queuesSyncedTo` is on the disk. Two are store
 * times in ms, which the checkpoint is made of: `writtenAt` of the newest written record, `queuesSyncedAt` of the newest record whose queue
 * entry is on the disk; they stand still while the clock goes back. `queueFilesDeleted` is a count.
 */
export const WATERMARKS = [
  'written',
  'flushed',
  'dispatched',
  'replicated',
  'committed',
  'writtenAt',
  'queuesSyncedAt',
  'queuesSyncedTo',
  'logStart',
  'queueFilesDeleted',
] as const;
export type WatermarkName = (typeof WATERMARKS)[number];

/** What threads count; each thread has a cell of its own for each. */
export const COUNTERS = [
  'frames',
  'sends',
  'sendBytes',
  'busyAnswers',
  'diskFullAnswers',
  'badFrames',
  'pulls',
  'pulledMessages',
  'pulledBytes',
  'parkedPulls',
  'coldReads',
  'slowHotReads',
  'appendRuns',
  'appendBytes',
  'segmentsMadeInline',
  'segmentsDeleted',
  /** fdatasyncs that made new bytes of the log durable. */
  'syncs',
  'dispatchedRecords',
  'filings',
] as const;
export type CounterName = (typeof COUNTERS)[number];

/** Where a send spends its time: waiting for append, in the write, in an fdatasync, from its frame to its answer. */
export const STAGES = ['append', 'write', 'flush', 'answer'] as const;
export type StageName = (typeof STAGES)[number];

const THREADS_MAX = 16;
/** A thread's beats come first, then its counters. */
const BEATS = 0;
const COUNTERS_FROM = 1;

const Layout = statusPageLayout({
  watermarks: WATERMARKS.length,
  threads: THREADS_MAX,
  numbers: COUNTERS_FROM + COUNTERS.length,
  histograms: STAGES.length,
  histogramBytes: HISTOGRAM_BYTES,
});
const DOUBLES_PER_THREAD = Layout.numbersApart / Float64Array.BYTES_PER_ELEMENT;
const INTS_PER_LINE = OWN_LINE_BYTES / Int32Array.BYTES_PER_ELEMENT;

/** The failure word holds both, so that no one sees a thread without its code. */
const FAILED_THREAD_BITS = 8;
const FAILURE_CODE_MAX = 0x7fffff;

/** A byte each for two percents, and above them a bit, so that 0 is a disk that takes sends. */
const PERCENT_BITS = 8;
const PERCENT_MASK = (1 << PERCENT_BITS) - 1;
const DISK_FULL = 1 << (2 * PERCENT_BITS);

/** Percents used of the file systems under the log and under the queues. */
export interface FullDisk {
  readonly log: number;
  readonly queues: number;
}

/** An object and no map: where a counter is named by a constant the look-up costs nothing. */
const counterIndex = Object.fromEntries(COUNTERS.map((name, index) => [name, index + COUNTERS_FROM])) as Record<
  CounterName,
  number
>;

export class StatusPage {
  readonly memory: SharedArrayBuffer;
  readonly #failure: Int32Array;
  readonly #parked: Int32Array;
  readonly #disk: Int32Array;
  readonly #numbers: Float64Array;

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(Layout.sizeBytes);
  }

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#failure = new Int32Array(memory, Layout.failureAt, 1);
    this.#parked = new Int32Array(memory, Layout.parkedAt, THREADS_MAX * INTS_PER_LINE);
    this.#disk = new Int32Array(memory, Layout.diskAt, 1);
    this.#numbers = new Float64Array(memory, Layout.numbersAt, THREADS_MAX * DOUBLES_PER_THREAD);
  }

  watermark(name: WatermarkName): Watermark {
    return new Watermark(this.memory, Layout.watermarksAt + WATERMARKS.indexOf(name) * OWN_LINE_BYTES);
  }

  /** Byte offset of a thread's bell in {@link memory}. */
  bellAt(thread: number): number {
    assert(thread < THREADS_MAX, 'the page has room for the thread');
    return Layout.bellsAt + thread * BellLine.sizeBytes;
  }

  stage(name: StageName): SharedHistogram {
    return new SharedHistogram(this.memory, Layout.histogramsAt + STAGES.indexOf(name) * Layout.histogramsApart);
  }

  /** Stops the broker: from now on no answer leaves it. True for the first thread that fails; later ones change nothing. */
  fail(thread: number, code: number): boolean {
    const word = (Math.min(Math.max(code, 0), FAILURE_CODE_MAX) << FAILED_THREAD_BITS) | (thread + 1);
    return Atomics.compareExchange(this.#failure, 0, 0, word) === 0;
  }

  failed(): boolean {
    return Atomics.load(this.#failure, 0) !== 0;
  }

  /** The thread that failed first and its code, or null. */
  failure(): { readonly thread: number; readonly code: number } | null {
    const word = Atomics.load(this.#failure, 0);
    if (word === 0) return null;
    return { thread: (word & ((1 << FAILED_THREAD_BITS) - 1)) - 1, code: word >>> FAILED_THREAD_BITS };
  }

  /** How many pulls a net thread has parked; dispatch reads it after it has published a queue's new maximum. */
  setParked(net: number, count: number): void {
    Atomics.store(this.#parked, net * INTS_PER_LINE, count);
  }

  parked(net: number): number {
    return Atomics.load(this.#parked, net * INTS_PER_LINE);
  }

  /** Control: sends are refused from now on, because a disk is fuller than the warning level, or are taken again. */
  setDiskFull(full: FullDisk | null): void {
    const word = full === null ? 0 : DISK_FULL | (percentBits(full.queues) << PERCENT_BITS) | percentBits(full.log);
    Atomics.store(this.#disk, 0, word);
  }

  /** Null while sends are taken. */
  diskFull(): FullDisk | null {
    const word = Atomics.load(this.#disk, 0);
    return word === 0 ? null : { log: word & PERCENT_MASK, queues: (word >> PERCENT_BITS) & PERCENT_MASK };
  }

  beat(thread: number): void {
    this.#numbers[thread * DOUBLES_PER_THREAD + BEATS]! += 1;
  }

  beats(thread: number): number {
    return this.#numbers[thread * DOUBLES_PER_THREAD + BEATS]!;
  }

  add(thread: number, counter: CounterName, amount: number): void {
    this.#numbers[thread * DOUBLES_PER_THREAD + counterIndex[counter]]! += amount;
  }

  /** Sum over all threads. A reader may see a sum that is a moment old. */
  counter(name: CounterName): number {
    let sum = 0;
    for (let thread = 0; thread < THREADS_MAX; thread++) {
      sum += this.#numbers[thread * DOUBLES_PER_THREAD + counterIndex[name]]!;
    }
    return sum;
  }
}

function percentBits(percent: number): number {
  return Math.min(Math.max(percent, 0), PERCENT_MASK);
}
