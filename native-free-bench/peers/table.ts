/** The peers benchmark's samples as markdown tables: the median of the rounds, and how RingMQ's stand to it. Called by peers.ts. */
import { MEASURES, type Sample } from './measures.ts';
import type { StartUp } from './start-up.ts';

export interface Results {
  /** By `measure\ncontender`. */
  samples: Map<string, Sample[]>;
  startUps: Map<string, StartUp[]>;
}

export function report(results: Results, machine: string): string {
  const lines = ['# RingMQ beside its peers', '', machine, ''];
  lines.push('Medians of the rounds, their range in brackets; CPU is the server process alone, per message.', '');
  for (const measure of MEASURES) {
    const rows = [...results.samples].filter(([key]) => key.startsWith(`${measure.name}\n`));
    if (rows.length === 0) continue;
    lines.push(
      `## ${measure.name}`,
      '',
      `| server | ${measure.unit} | CPU us/message | beside Apache | beside Redis |`,
      '|---|---|---|---|---|',
    );
    for (const [key, samples] of rows) lines.push(row(key.slice(measure.name.length + 1), samples, rows));
    lines.push('');
  }
  if (results.startUps.size > 0) {
    lines.push(
      '## Start-up and idle',
      '',
      '| server | first acknowledged message, ms | resident, MB | anonymous, MB | idle CPU, % of a core |',
    );
    lines.push('|---|---|---|---|---|');
    for (const [name, samples] of results.startUps) lines.push(startUpRow(name, samples));
    lines.push('');
  }
  return `${lines.join('\n')}`;
}

function row(
  name: string,
  samples: readonly Sample[],
  rows: readonly (readonly [string, readonly Sample[]])[],
): string {
  const value = medianOf(samples, (sample) => sample.value);
  const values = samples.map((sample) => sample.value);
  const range = `[${count(Math.min(...values))} .. ${count(Math.max(...values))}]`;
  const cpu = medianOf(samples, (sample) => sample.serverCpuUsPerMessage).toFixed(2);
  const sync = isSync(name);
  const beside = (peer: string) => {
    const found = rows.find(([key]) => key.includes(`\n${peer}`) && isSync(key) === sync);
    if (found === undefined || !name.startsWith('RingMQ')) return '';
    return `${(value / medianOf(found[1], (sample) => sample.value)).toFixed(2)} x`;
  };
  return `| ${name} | ${count(value)} ${range} | ${cpu} | ${beside('Apache')} | ${beside('Redis')} |`;
}

function startUpRow(name: string, samples: readonly StartUp[]): string {
  const median = (pick: (sample: StartUp) => number, unit = 1) => medianOf(samples, (sample) => pick(sample) / unit);
  const resident = median((sample) => sample.residentBytes, 2 ** 20).toFixed(0);
  const anonymous = median((sample) => sample.anonymousBytes, 2 ** 20).toFixed(0);
  const firstAck = median((sample) => sample.firstAckMs).toFixed(0);
  return `| ${name} | ${firstAck} | ${resident} | ${anonymous} | ${median((sample) => sample.idleCpuPercent).toFixed(2)} |`;
}

/** Read off the contender's name (contenders.ts). */
function isSync(name: string): boolean {
  return / sync$| SYNC_FLUSH$| always$/.test(name);
}

function medianOf<Value>(values: readonly Value[], pick: (value: Value) => number): number {
  const sorted = values.map(pick).sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}
