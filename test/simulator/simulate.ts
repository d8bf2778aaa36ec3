/**
 * The long form of the simulator: `npm run simulate -- --seed 1 --seeds 10000` for random runs, `--every-call` for one scripted life with
 * a crash at every call of the disk. Stops at the first run that fails and shows its last events; with `--keep-going` each one is a line.
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/base/clock.ts';
import type { CrashMode } from '../support/sim-disk.ts';
import type { RunOptions } from './run.ts';
import { buildSmall } from './small-build.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    steps: { type: 'string' },
    'every-call': { type: 'boolean', default: false },
    /** As a failure of `--every-call` names it. */
    crash: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
  },
});

const SHOW_EVERY_US = 10_000_000;
const US_PER_SECOND = 1_000_000;

const build = buildSmall();
process.on('exit', () => build.remove());
const { runSimulation, failureText, nameOf }: typeof import('./run.ts') = await import(
  build.url('test/simulator/run.js')
);
const { crashes, scriptedProfile }: typeof import('./every-call.ts') = await import(
  build.url('test/simulator/every-call.js')
);

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new Error(`--${name} ${text} is not a number`);
  return number;
}

function* plannedRuns(): Generator<RunOptions> {
  const first = numberOf('seed', values.seed);
  const steps = values.steps === undefined ? {} : { steps: numberOf('steps', values.steps) };
  for (let seed = first; seed < first + numberOf('seeds', values.seeds); seed++) {
    if (values.crash !== undefined) yield oneCrash(seed, values.crash);
    else if (!values['every-call']) yield { seed, ...steps };
    else for (const syncFlush of [true, false]) yield* crashes(scriptedProfile(syncFlush), seed);
  }
}

function oneCrash(seed: number, text: string): RunOptions {
  const [flush, call, share, mode, kept] = text.split(',');
  const crash = { call: Number(call), share: Number(share), mode: mode as CrashMode };
  return { seed, profile: scriptedProfile(flush === 'sync'), crash: kept ? { ...crash, kept: Number(kept) } : crash };
}

const startUs = systemClock.monotonicUs();
const total = { runs: 0, lives: 0, messages: 0, failures: 0 };

function show(): void {
  const seconds = (systemClock.monotonicUs() - startUs) / US_PER_SECOND;
  const { runs, lives, messages, failures } = total;
  console.log(
    `${runs} runs, ${lives} lives, ${messages} messages, ${failures} failures, ${Math.round(runs / seconds)} runs/s`,
  );
}

let shownUs = startUs;
for (const options of plannedRuns()) {
  total.runs++;
  try {
    const report = runSimulation(options);
    total.lives += report.lives;
    total.messages += report.messages;
  } catch (cause) {
    total.failures++;
    if (!values['keep-going']) {
      console.error(failureText(options, cause));
      process.exit(1);
    }
    console.error(`${nameOf(options)}: ${String(cause)}`);
  }
  if (systemClock.monotonicUs() - shownUs > SHOW_EVERY_US) {
    shownUs = systemClock.monotonicUs();
    show();
  }
  // Ports of a life that has ended are let go of in the event loop.
  if (total.runs % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
}
show();
if (total.failures > 0) process.exit(1);
