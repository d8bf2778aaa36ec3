/** What a load worker measures of its answers: how many, how late, with which codes, and how that went over time. */
import { ResponseCode } from '../remoting/codes.ts';
import { encodeHistogram, newHistogram, recordUs } from './histograms.ts';

/** About the width of a step of the course over time. */
const COURSE_STEP_US = 100_000;

/** The part of a phase that counts. */
export interface Window {
  readonly fromUs: number;
  readonly toUs: number;
}

/** How many steps of equal width the course over a window has. */
export function courseSteps({ fromUs, toUs }: Window): number {
  return Math.max(1, Math.round((toUs - fromUs) / COURSE_STEP_US));
}

export interface PublishReport {
  /** Acknowledged within the window. */
  readonly acknowledged: number;
  /** Answers that were no success, by code, at any time. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Encoded. */
  readonly latency: string;
  /** Acknowledged in each step of the window. */
  readonly course: readonly number[];
}

export class PublishMeter {
  readonly #window: Window;
  readonly #latencyUs = newHistogram();
  readonly #course: Float64Array;
  readonly #refusals = new Map<number, number>();
  #acknowledged = 0;

  constructor(window: Window) {
    this.#window = window;
    this.#course = new Float64Array(courseSteps(window));
  }

  /** An answer that came at `nowUs`; its latency counts if `countsLatency`. */
  answered(code: number, intendedUs: number, nowUs: number, countsLatency: boolean): void {
    const { fromUs, toUs } = this.#window;
    if (code !== ResponseCode.SUCCESS) this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
    else if (nowUs >= fromUs && nowUs < toUs) {
      this.#acknowledged++;
      const step = Math.floor(((nowUs - fromUs) / (toUs - fromUs)) * this.#course.length);
      this.#course[step]!++;
    }
    if (countsLatency) recordUs(this.#latencyUs, nowUs - intendedUs);
  }

  /** A message that was to be sent and has no answer: it took at least until now. */
  neverAnswered(intendedUs: number, nowUs: number): void {
    recordUs(this.#latencyUs, nowUs - intendedUs);
  }

  report(): PublishReport {
    return {
      acknowledged: this.#acknowledged,
      refusals: Object.fromEntries(this.#refusals),
      latency: encodeHistogram(this.#latencyUs),
      course: [...this.#course],
    };
  }
}
