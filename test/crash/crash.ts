/**
 * `npm run test:crash -- --cycles N [--seed S] [--flush sync|async|both] [--placement full|compact|inline|all] [--main dist/src/cli/main.js]`:
 * kills a real broker under load, again and again, and asks the next one for everything that was acknowledged (docs/testing.md).
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/base/clock.ts';
import { PLACEMENTS } from '../../src/broker/broker-settings.ts';
import { MAIN } from './broker-process.ts';
import { FLUSHES } from './plan.ts';
import { runCycles, summaryOf } from './run.ts';

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(systemClock.nowMs() % 1_000_000) },
    flush: { type: 'string', default: 'both' },
    placement: { type: 'string', default: 'all' },
    main: { type: 'string', default: MAIN },
  },
});

function countOf(name: 'cycles' | 'seed'): number {
  const count = Number(values[name]);
  if (!Number.isSafeInteger(count) || count < 0) throw new Error(`--${name} ${values[name]} is no count`);
  return count;
}

function chosen<Name extends string>(option: string, given: string, names: readonly Name[], all: string): Name[] {
  if (given === all) return [...names];
  const found = names.filter((name) => name === given);
  if (found.length === 0) throw new Error(`--${option} ${given}: ${names.join(', ')} or ${all}`);
  return found;
}

const seed = countOf('seed');
const choices = {
  flushes: chosen('flush', values.flush, FLUSHES, 'both'),
  placements: chosen('placement', values.placement, PLACEMENTS, 'all'),
};
console.log(`seed ${seed}`);
try {
  const options = { cycles: countOf('cycles'), seed, choices, main: values.main, snapshots: true, tell: console.log };
  console.log(summaryOf(await runCycles(options)));
} catch (error) {
  console.error(`FAILED: ${(error as Error).message}`);
  process.exitCode = 1;
}
