/**
 * Delay levels: how long a message of each level waits (`messageDelayLevel`, spec/store.md 20.2). Dispatch derives the delivery time of
 * records in the schedule topic from it, which is their tags code (spec/store.md 3.10).
 */

export const DELAY_LEVELS_DEFAULT = '1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DELAY = /^(\d+)([smhd])$/;
/** What upstream adds for a level that its table lacks. */
const UNKNOWN_LEVEL_MS = 1_000;

export class DelayLevels {
  readonly #delaysMs: readonly number[];

  /** @throws RangeError for text that is no list of delays. */
  constructor(text: string = DELAY_LEVELS_DEFAULT) {
    this.#delaysMs = text.trim().split(/\s+/).map(parseDelay);
  }

  get max(): number {
    return this.#delaysMs.length;
  }

  /** When a message of `level` (1 is the first; higher than the last counts as the last) is due. */
  deliveryTime(level: number, storeTimestamp: number): number {
    return storeTimestamp + (this.#delaysMs[Math.min(level, this.max) - 1] ?? UNKNOWN_LEVEL_MS);
  }
}

function parseDelay(text: string): number {
  const [, count, unit] = DELAY.exec(text) ?? [];
  if (count === undefined || unit === undefined) throw new RangeError(`"${text}" is no delay like 5s, 1m or 2h`);
  return Number(count) * UNIT_MS[unit]!;
}
