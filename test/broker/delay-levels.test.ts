import { describe, expect, it } from 'vitest';
import { DELAY_LEVELS_DEFAULT, DelayLevels } from '../../src/broker/delay-levels.ts';
import { goldenJson } from '../support/golden.ts';

interface Row {
  readonly levels: string;
  readonly ok: boolean;
  readonly millis: Readonly<Record<string, number>>;
  readonly maxLevel: number;
}

const { rows } = goldenJson<{ rows: Row[] }>('answers/delay-levels.json');
/** Apache's broker takes a delay below 0, which makes a message due before it was sent; here it is a mistake. */
const good = rows.filter(({ ok, levels }) => ok && !levels.includes('-'));
/** Blanks too many do no harm here. */
const bad = rows.filter(
  ({ ok, levels }) =>
    !ok &&
    levels
      .trim()
      .split(/\s+/)
      .every((text) => !/^\d+[smhd]$/.test(text)),
);

describe('delay levels', () => {
  it('are by default those of Apache’s broker', () => {
    expect(rows[0]!.levels).toBe(DELAY_LEVELS_DEFAULT);
    expect(new DelayLevels().max).toBe(18);
  });

  it.each(good)('$levels', ({ levels, millis, maxLevel }) => {
    const delays = new DelayLevels(levels);
    expect(delays.max).toBe(maxLevel);
    for (const [level, ms] of Object.entries(millis)) expect(delays.deliveryTime(Number(level), 1000)).toBe(1000 + ms);
    // A level beyond the last counts as the last.
    expect(delays.deliveryTime(maxLevel + 81, 1000)).toBe(1000 + millis[maxLevel]!);
  });

  it.each([...bad.map(({ levels }) => levels), '1s -1s', '1.5s'])('are refused: "%s"', (levels) => {
    expect(() => new DelayLevels(levels)).toThrow(RangeError);
  });
});
