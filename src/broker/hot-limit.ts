/**
 * How far from its end the log is taken to be in the page cache, so that a net thread may read it itself. Starts at the
 * share of the memory that upstream assumes; a read that was slow because of the disk halves it, quiet times give it back. What was
 * written before the start of the broker is never taken to be there.
 */

/** A read that takes longer than this has waited: for the disk, or on a busy machine for the processor. */
export const SLOW_READ_US = 1000;
/** One stall slows several reads and is one reason to halve. */
const HALVE_AGAIN_US = 1e6;
/** Time without slow reads that doubles the limit again. */
const RECOVER_US = 60e6;
/** What other threads read from the disk longer ago than this is not taken for the reason of a slow read. */
const BLOCKS_SEEN_US = 1e6;
/** What was written this recently is in the page cache of any machine, if it is a broker's: a slow read of it has another cause. */
const LIMIT_MIN_BYTES = 64 * 1024 * 1024;

export class HotLimit {
  readonly #startedAt: number;
  readonly #minBytes: number;
  readonly #maxBytes: number;
  readonly #blocksRead: () => number;
  #bytes: number;
  #changedUs = Number.NEGATIVE_INFINITY;
  /** The count at the last look, and when that was. */
  #blocksSeen: number;
  #blocksSeenUs = Number.NEGATIVE_INFINITY;

  /** `logEnd`: where the log ended when the broker started. `blocksRead` grows when this process reads from the disk. */
  constructor(limitBytes: number, logEnd: number, blocksRead: () => number) {
    this.#minBytes = Math.min(limitBytes, LIMIT_MIN_BYTES);
    this.#maxBytes = limitBytes;
    this.#bytes = limitBytes;
    this.#startedAt = logEnd;
    this.#blocksRead = blocksRead;
    this.#blocksSeen = blocksRead();
  }

  get bytes(): number {
    return this.#bytes;
  }

  isHot(logOffset: number, logEnd: number): boolean {
    return logOffset >= this.#startedAt && logEnd - logOffset <= this.#bytes;
  }

  /** Takes note of a read; true when it was slow because of the disk. */
  tookFromTo(startUs: number, endUs: number): boolean {
    const isSlow = endUs - startUs > SLOW_READ_US;
    // The look takes 1 us: too much for every read.
    const hasReadDisk = (isSlow || endUs - this.#blocksSeenUs > BLOCKS_SEEN_US) && this.#lookAtBlocks(endUs);
    if (isSlow && hasReadDisk) {
      if (endUs - this.#changedUs > HALVE_AGAIN_US) this.#change(Math.max(this.#minBytes, this.#bytes / 2), endUs);
      return true;
    }
    if (this.#bytes < this.#maxBytes && endUs - this.#changedUs > RECOVER_US) {
      this.#change(Math.min(this.#maxBytes, this.#bytes * 2), endUs);
    }
    return false;
  }

  #change(bytes: number, nowUs: number): void {
    this.#bytes = Math.floor(bytes);
    this.#changedUs = nowUs;
  }

  #lookAtBlocks(nowUs: number): boolean {
    const blocks = this.#blocksRead();
    const hasGrown = blocks > this.#blocksSeen;
    this.#blocksSeen = blocks;
    this.#blocksSeenUs = nowUs;
    return hasGrown;
  }
}
