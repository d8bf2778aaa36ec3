/**
 * A latency histogram in shared memory with one writer: buckets that double in width every 32 values, so a value is known to 1/32.
 * The broker's threads keep their stage times in it; control and the benchmark read it while they run.
 */
import { assert } from '../base/assert.ts';

const SUB_BUCKETS = 32;
const DOUBLINGS = 26;
/** count, sum, max before the buckets. */
const HEAD_DOUBLES = 3;
const BUCKETS = SUB_BUCKETS * (DOUBLINGS + 1);

export const HISTOGRAM_BYTES = (HEAD_DOUBLES + BUCKETS) * Float64Array.BYTES_PER_ELEMENT;

export interface HistogramSnapshot {
  readonly count: number;
  readonly mean: number;
  readonly max: number;
  /** The value below which the share `p` (0..1) of all values lies, at most 1/32 too high. */
  percentile(p: number): number;
}

export class SharedHistogram {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer, byteOffset: number) {
    this.#cells = new Float64Array(memory, byteOffset, HEAD_DOUBLES + BUCKETS);
  }

  /** Counts `value` (any unit, microseconds by convention); negative values count as 0. */
  record(value: number): void {
    const cells = this.#cells;
    const whole = value > 0 ? value | 0 : 0;
    cells[0]! += 1;
    cells[1]! += whole;
    if (whole > cells[2]!) cells[2] = whole;
    cells[HEAD_DOUBLES + bucketOf(whole)]! += 1;
  }

  snapshot(): HistogramSnapshot {
    const [count = 0, sum = 0, max = 0] = this.#cells;
    const buckets = this.#cells.slice(HEAD_DOUBLES);
    const total = buckets.reduce((all, one) => all + one, 0);
    const percentile = (p: number): number => {
      assert(p >= 0 && p <= 1, 'a percentile is a share of 1');
      let seen = 0;
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        seen += buckets[bucket]!;
        if (seen > 0 && seen >= p * total) return Math.min(upperBoundOf(bucket), max);
      }
      return 0;
    };
    return { count, mean: count === 0 ? 0 : sum / count, max, percentile };
  }
}

function bucketOf(value: number): number {
  if (value < SUB_BUCKETS) return value;
  const doubling = 31 - Math.clz32(value) - 5;
  return SUB_BUCKETS * doubling + (value >>> doubling);
}

function upperBoundOf(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  const doubling = Math.floor(bucket / SUB_BUCKETS) - 1;
  return ((bucket - doubling * SUB_BUCKETS + 1) << doubling) - 1;
}
