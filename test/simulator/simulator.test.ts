/** A slice of the simulator's runs; `npm run simulate` is the long form. And the proof that it notices when a rule is taken out. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EditedBuild } from '../support/edited-build.ts';
import { MUTATIONS } from './mutations.ts';
import { buildSmall } from './small-build.ts';

const SEEDS = 40;
/** Of the ways to crash the scripted life, one in so many: another part of them for sync and async flush. */
const EVERY = 101;
const MUTANT_SEEDS = 300;

type Simulator = typeof import('./run.ts');

async function load(build: EditedBuild): Promise<Simulator> {
  return (await import(build.url('test/simulator/run.js'))) as Simulator;
}

async function breathe(): Promise<void> {
  // Ports of lives that have ended are let go of in the event loop.
  await new Promise((resolve) => setImmediate(resolve));
}

describe('the simulated broker', () => {
  let build: EditedBuild;
  let simulator: Simulator;

  beforeAll(async () => {
    build = buildSmall();
    simulator = await load(build);
  });
  afterAll(() => build.remove());

  async function run(options: Parameters<Simulator['runSimulation']>[0]): Promise<void> {
    try {
      simulator.runSimulation(options);
    } catch (cause) {
      throw new Error(simulator.failureText(options, cause));
    }
    await breathe();
  }

  it(`keeps its promises in ${SEEDS} random runs`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) await run({ seed });
  }, 120_000);

  it.each([true, false])(
    'keeps them when it crashes at any call, sync flush %s',
    async (syncFlush) => {
      const { crashes, scriptedProfile } = (await import(
        build.url('test/simulator/every-call.js')
      )) as typeof import('./every-call.ts');
      for (const options of crashes(scriptedProfile(syncFlush), 1, EVERY)) await run(options);
    },
    120_000,
  );

  it('does the same again with the same seed', () => {
    const first = simulator.runSimulation({ seed: 5 });
    expect(simulator.runSimulation({ seed: 5 })).toEqual(first);
    expect(simulator.runSimulation({ seed: 6 })).not.toEqual(first);
  });

  it('shows how to repeat a run that fails', () => {
    expect(simulator.failureText({ seed: 7, steps: 20 }, new Error('something'))).toContain('--seed 7 --steps 20');
  });
});

/** Name and text of what a run throws; empty when it throws nothing. */
function failureOf(run: () => void): string {
  try {
    run();
    return '';
  } catch (cause) {
    return String(cause);
  }
}

describe('the simulator notices when', () => {
  it.each(MUTATIONS)(
    '$fault',
    async ({ edits, seen, also = [] }) => {
      const build = buildSmall(edits);
      try {
        const { runSimulation } = await load(build);
        for (let seed = 1; seed <= MUTANT_SEEDS; seed++) {
          const failure = failureOf(() => runSimulation({ seed }));
          if (seen.test(failure)) return;
          if (failure !== '' && !also.some((kind) => kind.test(failure))) throw new Error(`seed ${seed}: ${failure}`);
          if (seed % 16 === 0) await breathe();
        }
        throw new Error(`no run of ${MUTANT_SEEDS} has failed with ${seen}`);
      } finally {
        build.remove();
      }
    },
    120_000,
  );
});
