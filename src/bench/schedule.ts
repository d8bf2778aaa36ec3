/**
 * When the messages of an open loop are to be sent. The times are fixed before the run and do not move when the broker stalls: a late
 * message is measured from its own time (no coordinated omission). Pure; used by open-loop.ts and pacer.ts.
 */

/** A thread cannot be woken much more often than this; messages due within one tick are intended together, at its start. */
const TICK_MIN_US = 200;

export class Schedule {
  readonly startUs: number;
  readonly tickUs: number;
  /** Messages of the whole schedule. */
  readonly total: number;
  readonly #perTick: number;

  /** `ratePerSecond` messages a second from `startUs` until before `endUs`. */
  constructor(startUs: number, endUs: number, ratePerSecond: number) {
    this.startUs = startUs;
    this.tickUs = Math.max(TICK_MIN_US, 1e6 / ratePerSecond);
    this.#perTick = (ratePerSecond * this.tickUs) / 1e6;
    this.total = Math.floor(((endUs - startUs) / 1e6) * ratePerSecond);
  }

  intendedUs(index: number): number {
    return this.startUs + Math.floor(index / this.#perTick) * this.tickUs;
  }

  /** How many messages are intended at or before `nowUs`. */
  dueBy(nowUs: number): number {
    if (nowUs < this.startUs) return 0;
    const ticks = Math.floor((nowUs - this.startUs) / this.tickUs) + 1;
    return Math.min(this.total, Math.ceil(ticks * this.#perTick));
  }
}
