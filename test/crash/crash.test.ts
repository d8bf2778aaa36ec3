/** A short slice of the crash suite; `npm run test:crash -- --cycles 1000` is the long form. */
import { expect, it } from 'vitest';
import { PLACEMENTS } from '../../src/broker/broker-settings.ts';
import { MAIN } from './broker-process.ts';
import { FLUSHES } from './plan.ts';
import { runCycles } from './run.ts';

const CYCLES = 4;
/** Of plans that kill under load, during a clean stop and during a start. */
const SEED = 9;

it('a broker that is killed again and again has everything that it acknowledged', { timeout: 60_000 }, async () => {
  const lines: string[] = [];
  const choices = { flushes: FLUSHES, placements: PLACEMENTS };
  const options = { cycles: CYCLES, seed: SEED, choices, main: MAIN, snapshots: false, power: null };
  const { cycles } = await runCycles({ ...options, tell: (line) => lines.push(line) });
  expect(cycles.length).toBe(CYCLES);
  for (const cycle of cycles) expect(cycle.surveyed).toBeGreaterThanOrEqual(cycle.acknowledged);
  expect(cycles.reduce((sum, { acknowledged }) => sum + acknowledged, 0)).toBeGreaterThan(0);
});
