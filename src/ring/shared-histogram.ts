/**
 * A latency histogram in shared memory with one writer: buckets that double in width every 64 values, so a value is known to 1/64.
 * The broker's threads keep their stage times in it; control and the benchmark read it while they run.
 */
import { assert } from '../base/assert.ts';

/** Values below this have a bucket each; every doubling above is divided into as many. */
const SUB_BUCKETS = 64;
const SUB_BITS = Math.log2(SUB_BUCKETS);
/** Half an hour in microseconds; longer is counted as this. */
const VALUE_MAX = 0x7fffffff;
const BUCKETS = bucketOf(VALUE_MAX) + 1;

/** In doubles. The count is not kept: it is the sum of the buckets, so a reader never sees one without the other. */
const SUM = 0;
const MAX = 1;
const BUCKETS_AT = 2;

export const HISTOGRAM_BYTES = (BUCKETS_AT + BUCKETS) * Float64Array.BYTES_PER_ELEMENT;

export class SharedHistogram {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer, byteOffset: number) {
    this.#cells = new Float64Array(memory, byteOffset, BUCKETS_AT + BUCKETS);
  }

  /** Counts `value` (any unit, microseconds by convention), its fraction cut off; negative values count as 0. */
  record(value: number): void {
    const cells = this.#cells;
    const whole = value > 0 ? Math.min(value, VALUE_MAX) | 0 : 0;
    cells[SUM]! += whole;
    if (whole > cells[MAX]!) cells[MAX] = whole;
    cells[BUCKETS_AT + bucketOf(whole)]! += 1;
  }

  /** The values so far, give or take those that are being recorded at this moment. */
  snapshot(): HistogramSnapshot {
    const cells = this.#cells;
    return new HistogramSnapshot(cells.slice(BUCKETS_AT), cells[SUM]!, cells[MAX]!);
  }
}

/** A private copy of a histogram. */
export class HistogramSnapshot {
  readonly count: number;
  readonly max: number;
  readonly #buckets: Float64Array;
  readonly #sum: number;

  constructor(buckets: Float64Array, sum: number, max: number) {
    this.#buckets = buckets;
    this.#sum = sum;
    this.max = max;
    this.count = buckets.reduce((all, one) => all + one, 0);
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.#sum / this.count;
  }

  /** The value that the share `p` (0..1) of all values does not exceed, at most 1/64 too high; 0 when there are none. */
  percentile(p: number): number {
    assert(p >= 0 && p <= 1, 'a percentile is a share of 1');
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#buckets[bucket]!;
      if (seen > 0 && seen >= p * this.count) return Math.min(upperBoundOf(bucket), this.max);
    }
    return 0;
  }
}

function bucketOf(value: number): number {
  if (value < SUB_BUCKETS) return value;
  const doubling = 31 - Math.clz32(value) - SUB_BITS;
  return SUB_BUCKETS * doubling + (value >>> doubling);
}

function upperBoundOf(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  const doubling = Math.floor(bucket / SUB_BUCKETS) - 1;
  return (bucket - doubling * SUB_BUCKETS + 1) * 2 ** doubling - 1;
}
