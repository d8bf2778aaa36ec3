/**
 * How far from its end the log is taken to be in the page cache, so that a net thread may read it itself (details.md 6). Starts at the
 * share of the memory that upstream assumes; a read that shows to have gone to the disk halves it, quiet times give it back. What was
 * written before the start of the broker is never taken to be there.
 */

/** A read that takes longer than this has waited for the disk, or for the processor. */
export const SLOW_READ_US = 1000;
/** One stall slows several reads and is one reason to halve. */
const HALVE_AGAIN_US = 1e6;
/** Time without slow reads that doubles the limit again. */
const RECOVER_US = 60e6;
/** What was written this recently is in the page cache of any machine, if it is a broker's: a slow read of it has another cause. */
const LIMIT_MIN_BYTES = 64 * 1024 * 1024;

export class HotLimit {
  readonly #startedAt: number;
  readonly #minBytes: number;
  readonly #maxBytes: number;
  #bytes: number;
  #changedUs = Number.NEGATIVE_INFINITY;

  /** `logEnd`: where the log ended when the broker started. */
  constructor(limitBytes: number, logEnd: number) {
    this.#minBytes = Math.min(limitBytes, LIMIT_MIN_BYTES);
    this.#maxBytes = limitBytes;
    this.#bytes = limitBytes;
    this.#startedAt = logEnd;
  }

  get bytes(): number {
    return this.#bytes;
  }

  isHot(logOffset: number, logEnd: number): boolean {
    return logOffset >= this.#startedAt && logEnd - logOffset <= this.#bytes;
  }

  /** Takes note of a read; true when it was a slow one. */
  tookFromTo(startUs: number, endUs: number): boolean {
    if (endUs - startUs > SLOW_READ_US) {
      if (endUs - this.#changedUs > HALVE_AGAIN_US) {
        this.#bytes = Math.max(this.#minBytes, Math.floor(this.#bytes / 2));
        this.#changedUs = endUs;
      }
      return true;
    }
    if (this.#bytes < this.#maxBytes && endUs - this.#changedUs > RECOVER_US) {
      this.#bytes = Math.min(this.#maxBytes, this.#bytes * 2);
      this.#changedUs = endUs;
    }
    return false;
  }
}
