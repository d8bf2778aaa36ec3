/** The options that `npm run test:crash` and `npm run test:power` share. */
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/base/clock.ts';
import { PLACEMENTS } from '../../src/broker/broker-settings.ts';
import { MAIN } from './broker-process.ts';
import { FLUSHES } from './plan.ts';
import { type RunOptions, runCycles, summaryOf } from './run.ts';

/** The other options by name, with their defaults. */
export type MoreOptions = Readonly<Record<string, string>>;

/** `more` are options of one command alone; `complete` makes a run's options of all of them. */
export async function runFromCommandLine(
  more: MoreOptions,
  complete: (options: RunOptions, given: MoreOptions) => RunOptions,
): Promise<void> {
  try {
    const given = givenOptions(more);
    const seed = countOf('seed', given.seed!);
    console.log(`seed ${seed}`);
    const choices = {
      flushes: chosen('flush', given.flush!, FLUSHES, 'both'),
      placements: chosen('placement', given.placement!, PLACEMENTS, 'all'),
    };
    const cycles = countOf('cycles', given.cycles!);
    const options = { cycles, seed, choices, main: given.main!, snapshots: true, power: null, tell: console.log };
    console.log(summaryOf(await runCycles(complete(options, given))));
  } catch (error) {
    console.error(`FAILED: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}

/** Throws for one that there is not. */
function givenOptions(more: MoreOptions): MoreOptions {
  const defaults: MoreOptions = {
    cycles: '100',
    seed: String(systemClock.nowMs() % 1_000_000),
    flush: 'both',
    placement: 'all',
    main: MAIN,
    ...more,
  };
  const names = Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: value }] as const);
  return parseArgs({ options: Object.fromEntries(names) }).values as MoreOptions;
}

export function chosen<Name extends string>(
  option: string,
  given: string,
  names: readonly Name[],
  all: string,
): Name[] {
  if (given === all) return [...names];
  const found = names.filter((name) => name === given);
  if (found.length === 0) throw new Error(`--${option} ${given}: ${names.join(', ')} or ${all}`);
  return found;
}

function countOf(name: string, text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 0) throw new Error(`--${name} ${text} is no count`);
  return count;
}
