/** What the micro-benchmarks share: many calls in a sample, and a table with the machine that it was measured on. */
import { cpus, loadavg } from 'node:os';
import { Bench, type Task } from 'tinybench';

/** tinybench reads the clock around each call: a call worth measuring has to take much longer than that. */
const ROUNDS = 1000;

export function microBench(): Bench {
  return new Bench({ time: 300, warmupTime: 150 });
}

export function add(bench: Bench, name: string, action: (round: number) => void): void {
  bench.add(name, () => {
    for (let round = 0; round < ROUNDS; round++) action(round);
  });
}

export function printMachine(): void {
  const load = loadavg()[0]!.toFixed(1);
  console.log(`Node ${process.version}, ${cpus()[0]?.model}, ${cpus().length} cores, load before the run ${load}`);
}

/** Milliseconds of a task's samples: what half of them took at most, and the fastest. */
export function latencyOf({ name, result }: Task): { p50: number; min: number } {
  if (result === undefined || result.error !== undefined) throw new Error(`${name} failed`, { cause: result?.error });
  return { p50: result.latency.p50 ?? result.latency.mean, min: result.latency.min };
}

export async function runMicro(bench: Bench): Promise<void> {
  await bench.run();
  printTable(
    bench.tasks.map((task) => {
      const { p50, min } = latencyOf(task);
      return [task.name, nanoseconds(p50, ROUNDS), nanoseconds(min, ROUNDS)];
    }),
    ['ns a call', 'median', 'fastest'],
  );
}

export function nanoseconds(milliseconds: number, calls: number): string {
  const value = (milliseconds * 1e6) / calls;
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}

/** A markdown table, so that a README can have it as it is. */
export function printTable(rows: readonly (readonly string[])[], head: readonly string[]): void {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  console.log(line(head));
  console.log(line(widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))));
  for (const row of rows) console.log(line(row));
  console.log();
}
