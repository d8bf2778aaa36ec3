/**
 * A run of the crash suite: cycles over stores that live 50 cycles each. A failure keeps the store, what the clients witnessed and the brokers'
 * log, and names seed, cycle and folder. Used by crash.ts and by crash.test.ts.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { type CycleResult, Life } from './life.ts';
import type { Choices } from './plan.ts';
import type { FileSystem } from './power.ts';

export interface RunOptions {
  readonly cycles: number;
  readonly seed: number;
  readonly choices: Choices;
  readonly main: string;
  readonly snapshots: boolean;
  /** File systems whose power is cut, one after the other; null: no power is cut. */
  readonly power: readonly FileSystem[] | null;
  /** Hears a line for each cycle. */
  readonly tell: (line: string) => void;
}

const CYCLES_OF_A_LIFE = 50;
/** In each cycle, on the average; usual are thousands. */
const ACKNOWLEDGED_MIN = 20;
/** Seeds of neighbouring runs do not share lives. */
const SEEDS_OF_A_RUN = 1009;

export interface RunResult {
  readonly cycles: readonly CycleResult[];
  readonly tookMs: number;
}

export async function runCycles(options: RunOptions): Promise<RunResult> {
  const startUs = systemClock.monotonicUs();
  const cycles: CycleResult[] = [];
  for (let life = 0; cycles.length < options.cycles; life++) {
    const count = Math.min(CYCLES_OF_A_LIFE, options.cycles - cycles.length);
    await runLife(options, life, count, cycles);
  }
  return { cycles, tookMs: (systemClock.monotonicUs() - startUs) / 1000 };
}

async function runLife(options: RunOptions, number: number, count: number, done: CycleResult[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ringmq-crash-'));
  const { main, choices, snapshots, tell } = options;
  const power = options.power?.[number % options.power.length] ?? null;
  const life = new Life({ folder, main, choices, snapshots, power, seed: options.seed * SEEDS_OF_A_RUN + number });
  tell(`life ${number} in ${folder}: ${JSON.stringify(life.plan)}`);
  try {
    await life.open();
    for (let cycle = 1; cycle <= count; cycle++) {
      const result = await life.cycle(cycle === count);
      done.push(result);
      tell(lineOf(done.length, result));
    }
    await life.close();
    insistOnLoad(done.slice(-count));
  } catch (error) {
    await life.close().catch(() => {});
    const where = `seed ${options.seed}, cycle ${done.length + 1} (life ${number}); kept in ${folder}`;
    const text = `${where}\n${(error as Error).stack}\n--- last lines of the broker\n${life.brokerLog()}`;
    writeFileSync(`${folder}/failure.txt`, text);
    throw new Error(text);
  }
  rmSync(folder, { recursive: true, maxRetries: 5 });
}

/** A life in which nothing was acknowledged proves nothing. */
function insistOnLoad(cycles: readonly CycleResult[]): void {
  const acknowledged = cycles.reduce((total, cycle) => total + cycle.acknowledged, 0);
  if (acknowledged >= cycles.length * ACKNOWLEDGED_MIN) return;
  throw new Error(
    `${acknowledged} messages were acknowledged in ${cycles.length} cycles: the broker was not under load`,
  );
}

function lineOf(number: number, result: CycleResult): string {
  const { end, settings, startMs, acknowledged, surveyed, killedStarts, refused, powerCuts } = result;
  const how = Object.entries(end).map(([name, value]) => (name === 'kind' ? value : `${name} ${value}`));
  const starts = killedStarts === 0 ? '' : `, ${killedStarts} starts killed`;
  const cuts = powerCuts === 0 ? '' : `, ${powerCuts} power cuts`;
  const refusals = Object.entries(refused).map(([code, times]) => `, ${times} answered ${code}`);
  return (
    `${number}: ${settings.placement} ${settings.flushDiskType}, ${how.join(' ')}${starts}${cuts}: ${acknowledged} acknowledged${refusals.join('')}, ` +
    `started in ${Math.round(startMs)} ms, ${surveyed} surveyed`
  );
}

/** The run in a few lines. */
export function summaryOf({ cycles, tookMs }: RunResult): string {
  const kinds = new Map<string, number>();
  for (const { end } of cycles) kinds.set(end.kind, (kinds.get(end.kind) ?? 0) + 1);
  const starts = cycles.map(({ startMs }) => Math.round(startMs)).sort((a, b) => a - b);
  const sum = (of: (cycle: CycleResult) => number): string =>
    cycles.reduce((total, cycle) => total + of(cycle), 0).toLocaleString('en');
  const at = (share: number): number => starts[Math.min(starts.length - 1, Math.floor(starts.length * share))]!;
  return [
    `${cycles.length} cycles in ${Math.round(tookMs / 1000)} s: ${[...kinds].map(([kind, count]) => `${kind} ${count}`).join(', ')}; ${sum((cycle) => cycle.killedStarts)} starts killed, ${sum((cycle) => cycle.powerCuts)} power cuts`,
    `${sum((cycle) => cycle.acknowledged)} messages acknowledged, ${sum((cycle) => cycle.surveyed)} surveyed, 0 violations`,
    `start to serving: p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)} ms`,
  ].join('\n');
}
