/** A run's figures as text for a terminal. Called by bench.ts at the end and after each phase. */
import { count, duration, mebibytes, share } from './quantities.ts';
import { allRemarks, besideFirst, remarksOf, verifiedTotals } from './remarks.ts';
import type { BenchResult, LatencyResult, PhaseResult, SubjectResult, ThroughputResult } from './result.ts';

/** One line about a phase, when it is over: its figures only if they are those of messages that are there. */
export function phaseLine(phase: ThroughputResult | LatencyResult): string {
  const { verification } = phase;
  if (!verification.isSound) return ['VERIFICATION FAILED', ...remarksOf(phase)].join(', ');
  const p99 = `p99 ${duration(phase.publish.percentilesUs['99'] ?? 0)}`;
  return [`${count(phase.perSecond)}/s`, p99, `${count(verification.expected)} verified`, ...remarksOf(phase)].join(
    ', ',
  );
}

export function resultTable(result: BenchResult): string {
  const lines = [''];
  if (!result.ok) {
    lines.push('VERIFICATION FAILED, so there are no figures.', ...result.failures.map((failure) => `  ${failure}`));
    return `${lines.join('\n')}\n`;
  }
  for (const subject of result.subjects) lines.push(...subjectLines(result, subject));
  for (const remark of allRemarks(result)) lines.push(`! ${remark}`);
  lines.push(verdictLine(result), machineLine(result));
  return `${lines.join('\n')}\n`;
}

function subjectLines(result: BenchResult, subject: SubjectResult): string[] {
  const placement = subject.placement === null ? '' : `, placement ${subject.placement}`;
  const lines = [`${subject.name} (${subject.version}${placement})`];
  if (subject.throughput.length > 0) lines.push(...grid(throughputColumns(result, subject), subject.throughput), '');
  if (subject.latency.length > 0) lines.push(...grid(LATENCY_COLUMNS, subject.latency), '');
  return lines;
}

function verdictLine(result: BenchResult): string {
  const { expected, duplicates } = verifiedTotals(result);
  return `Verified: all ${count(expected)} acknowledged messages were read back, unharmed and in order; ${count(duplicates)} twice.`;
}

function machineLine({ machine, software, load }: BenchResult): string {
  const sync = machine.disk.fdatasync;
  const disk = sync === null ? '' : `, fdatasync p50 ${duration(sync.percentilesUs['50'] ?? 0)}`;
  return (
    `${machine.cores} x ${machine.cpu}, ${machine.disk.kind}${disk}, Node ${software.node}; ` +
    `${count(load.bodyBytes)} bytes a message, ${load.connections} connections, ${load.header} headers.`
  );
}

type Column<Row> = readonly [title: string, cell: (row: Row) => string];

const COSTS: readonly Column<PhaseResult>[] = [
  ['log fsyncs/msg', (phase) => orDash(phase.broker.logFsyncsPerMessage, share)],
  ['broker CPU/msg', (phase) => orDash(phase.broker.cpuUsPerMessage, duration)],
  ['RSS', (phase) => orDash(phase.broker.residentBytes, mebibytes)],
  ['client CPU', (phase) => `${phase.client.cores.toFixed(2)} cores`],
];

function orDash(value: number | null, text: (value: number) => string): string {
  return value === null ? '-' : text(value);
}

function throughputColumns(result: BenchResult, subject: SubjectResult): readonly Column<ThroughputResult>[] {
  const beside = (phase: ThroughputResult): string => besideFirst(result, subject, phase)?.toFixed(2) ?? '';
  const [first] = result.subjects;
  return [
    ['in flight', (phase) => String(phase.inFlight)],
    ['messages/s', (phase) => count(phase.perSecond)],
    ...(first === undefined || first === subject ? [] : [[`x ${first.name}`, beside] as const]),
    ['p50', percentile('50')],
    ['p99', percentile('99')],
    ['max', (phase) => duration(phase.publish.maxUs)],
    ...COSTS,
    ['verified', (phase) => count(phase.verification.expected)],
  ];
}

const LATENCY_COLUMNS: readonly Column<LatencyResult>[] = [
  ['rate', (phase) => count(phase.rate)],
  ['reached', (phase) => count(phase.perSecond)],
  ['p50', percentile('50')],
  ['p99', percentile('99')],
  ['p99.9', percentile('99.9')],
  ['p99.99', percentile('99.99')],
  ['max', (phase) => duration(phase.publish.maxUs)],
  ['e2e p50', (phase) => duration(phase.endToEnd.percentilesUs['50'] ?? 0)],
  ['e2e p99.9', (phase) => duration(phase.endToEnd.percentilesUs['99.9'] ?? 0)],
  ['send lag p99', (phase) => duration(phase.lag.percentilesUs['99'] ?? 0)],
  ...COSTS,
];

function percentile(name: string): (phase: PhaseResult) => string {
  return (phase) => duration(phase.publish.percentilesUs[name] ?? 0);
}

function grid<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const cells = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, cell]) => cell(row)))];
  const widths = columns.map((_column, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  return cells.map((row) => `  ${row.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('  ')}`);
}
