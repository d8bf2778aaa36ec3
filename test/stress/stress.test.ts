/** A short slice of the stress run; `npm run stress -- --seconds 600` is the long form. */
import { describe, expect, it } from 'vitest';
import { stress } from './scenario.ts';
import { FAULTY, SOUND } from './scenarios.ts';

describe('real threads over shared memory', () => {
  it.each(SOUND)('$scenario.name, $variant', async ({ scenario, edits = [] }) => {
    const counts = await stress({ scenario, seconds: 0.15, edits });
    expect(Object.keys(counts).length).toBeGreaterThan(0);
  });

  it.each(FAULTY)('$scenario.name notice when $fault', async ({ scenario, edits, seen }) => {
    await expect(stress({ scenario, seconds: 15, edits, lostMs: 300 })).rejects.toThrow(seen);
  });
});
