/**
 * The page that every thread of a broker has in view: watermarks, bells, the word that stops everything, liveness beats, counters and
 * stage histograms. Each line has one writer. Allocated by the runtime on the main thread.
 */
import { Bell as BellLine, CACHE_LINE_BYTES } from '../layout/shared-page.ts';
import { HISTOGRAM_BYTES, SharedHistogram } from './shared-histogram.ts';
import { Watermark } from './watermark.ts';

/** How far the log has come. `written >= flushed`, `written >= visible >= dispatched`. */
export const WATERMARKS = ['written', 'flushed', 'dispatched', 'replicated', 'committed'] as const;
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
  'appendRuns',
  'appendBytes',
  'segmentsMadeInline',
  'syncs',
  'dispatchedRecords',
  'filings',
] as const;
export type CounterName = (typeof COUNTERS)[number];

/** Where a send spends its time: waiting for append, in the write, in an fdatasync, from its frame to its answer. */
export const STAGES = ['append', 'write', 'flush', 'answer'] as const;
export type StageName = (typeof STAGES)[number];

const THREADS_MAX = 16;
const FAILURE_LINES = 1;
const WATERMARKS_AT = FAILURE_LINES * CACHE_LINE_BYTES;
const BELLS_AT = WATERMARKS_AT + WATERMARKS.length * CACHE_LINE_BYTES;
const PARKED_AT = BELLS_AT + THREADS_MAX * BellLine.sizeBytes;
const COUNTERS_AT = PARKED_AT + THREADS_MAX * CACHE_LINE_BYTES;
/** Beats come first, then the counters, rounded up to whole lines so that threads do not share one. */
const DOUBLES_PER_LINE = CACHE_LINE_BYTES / Float64Array.BYTES_PER_ELEMENT;
const DOUBLES_PER_THREAD = Math.ceil((1 + COUNTERS.length) / DOUBLES_PER_LINE) * DOUBLES_PER_LINE;
const STAGES_AT = COUNTERS_AT + THREADS_MAX * DOUBLES_PER_THREAD * Float64Array.BYTES_PER_ELEMENT;
const SIZE = STAGES_AT + STAGES.length * HISTOGRAM_BYTES;

const counterIndex = new Map<CounterName, number>(COUNTERS.map((name, index) => [name, index + 1]));

export class StatusPage {
  readonly memory: SharedArrayBuffer;
  readonly #failure: Int32Array;
  readonly #parked: Int32Array;
  readonly #numbers: Float64Array;

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(SIZE);
  }

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#failure = new Int32Array(memory, 0, 2);
    this.#parked = new Int32Array(memory, PARKED_AT, (THREADS_MAX * CACHE_LINE_BYTES) / Int32Array.BYTES_PER_ELEMENT);
    this.#numbers = new Float64Array(memory, COUNTERS_AT, THREADS_MAX * DOUBLES_PER_THREAD);
  }

  watermark(name: WatermarkName): Watermark {
    return new Watermark(this.memory, WATERMARKS_AT + WATERMARKS.indexOf(name) * CACHE_LINE_BYTES);
  }

  /** Byte offset of a thread's bell in {@link memory}. */
  bellAt(thread: number): number {
    return BELLS_AT + thread * BellLine.sizeBytes;
  }

  stage(name: StageName): SharedHistogram {
    return new SharedHistogram(this.memory, STAGES_AT + STAGES.indexOf(name) * HISTOGRAM_BYTES);
  }

  /** Stops the broker: from now on no answer leaves it. True for the first thread that fails; later ones change nothing. */
  fail(thread: number, code: number): boolean {
    const first = Atomics.compareExchange(this.#failure, 0, 0, thread + 1) === 0;
    if (first) Atomics.store(this.#failure, 1, code);
    return first;
  }

  failed(): boolean {
    return Atomics.load(this.#failure, 0) !== 0;
  }

  /** The thread that failed first and its code, or null. */
  failure(): { readonly thread: number; readonly code: number } | null {
    const thread = Atomics.load(this.#failure, 0);
    return thread === 0 ? null : { thread: thread - 1, code: Atomics.load(this.#failure, 1) };
  }

  /** How many pulls a net thread has parked; dispatch reads it after it has published a queue's new maximum. */
  setParked(net: number, count: number): void {
    Atomics.store(this.#parked, net * (CACHE_LINE_BYTES / Int32Array.BYTES_PER_ELEMENT), count);
  }

  parked(net: number): number {
    return Atomics.load(this.#parked, net * (CACHE_LINE_BYTES / Int32Array.BYTES_PER_ELEMENT));
  }

  beat(thread: number): void {
    this.#numbers[thread * DOUBLES_PER_THREAD]! += 1;
  }

  beats(thread: number): number {
    return this.#numbers[thread * DOUBLES_PER_THREAD]!;
  }

  add(thread: number, counter: CounterName, amount: number): void {
    this.#numbers[thread * DOUBLES_PER_THREAD + counterIndex.get(counter)!]! += amount;
  }

  /** Sum over all threads. A reader may see a sum that is a moment old. */
  counter(name: CounterName): number {
    let sum = 0;
    for (let thread = 0; thread < THREADS_MAX; thread++) {
      sum += this.#numbers[thread * DOUBLES_PER_THREAD + counterIndex.get(name)!]!;
    }
    return sum;
  }
}
