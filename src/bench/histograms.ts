/** The latency histograms of a run, in microseconds: how they are made, joined, sent between threads and read. */
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';

/** Longer is counted as this. */
const VALUE_MAX_US = 10 * 60 * 1e6;

export const PERCENTILES = [50, 90, 99, 99.9, 99.99] as const;

export interface LatencySummary {
  readonly count: number;
  readonly minUs: number;
  readonly meanUs: number;
  readonly maxUs: number;
  /** By percentile, as text: "50", "99.99". */
  readonly percentilesUs: Readonly<Record<string, number>>;
  /** The whole histogram in HdrHistogram's compressed form (V2, base64), which its other tools read. */
  readonly histogram: string;
}

export function newHistogram(): Histogram {
  return build({ lowestDiscernibleValue: 1, highestTrackableValue: VALUE_MAX_US, numberOfSignificantValueDigits: 3 });
}

export function recordUs(histogram: Histogram, valueUs: number): void {
  histogram.recordValue(valueUs < 0 ? 0 : Math.min(valueUs, VALUE_MAX_US));
}

export function encodeHistogram(histogram: Histogram): string {
  return histogram.totalCount === 0 ? '' : encodeIntoCompressedBase64(histogram);
}

/** All of them in one; an empty text stands for an empty histogram. */
export function mergeHistograms(encoded: readonly string[]): Histogram {
  const merged = newHistogram();
  for (const text of encoded) if (text !== '') merged.add(decodeFromCompressedBase64(text));
  return merged;
}

export function summarize(histogram: Histogram): LatencySummary {
  const isEmpty = histogram.totalCount === 0;
  return {
    count: histogram.totalCount,
    minUs: isEmpty ? 0 : histogram.minNonZeroValue,
    meanUs: isEmpty ? 0 : histogram.mean,
    maxUs: histogram.maxValue,
    percentilesUs: Object.fromEntries(
      PERCENTILES.map((percentile) => [String(percentile), histogram.getValueAtPercentile(percentile)]),
    ),
    histogram: encodeHistogram(histogram),
  };
}

/** A point of a percentile curve: the latency that `share` (0..1) of all requests did not exceed. */
export interface CurvePoint {
  readonly share: number;
  readonly valueUs: number;
}

/**
 * The curve up to the last request: ten points for each further digit of "nine", so that it looks even where the axis is logarithmic in
 * 1 / (1 - share).
 */
export function percentileCurve(summary: LatencySummary): CurvePoint[] {
  const histogram = mergeHistograms([summary.histogram]);
  const points: CurvePoint[] = [];
  const last = Math.log10(Math.max(2, summary.count));
  const steps = Math.ceil(last * 10);
  for (let step = 0; step <= steps; step++) {
    const share = 1 - 10 ** -Math.min(step / 10, last);
    points.push({ share, valueUs: histogram.getValueAtPercentile(share * 100) });
  }
  return points;
}
