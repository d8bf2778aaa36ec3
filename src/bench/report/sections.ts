/** The parts of the report, each with its charts and what one has to know to read them. Pure; called by page.ts. */
import { type LatencySummary, percentileCurve } from '../histograms.ts';
import { count, duration, mebibytes, short } from '../quantities.ts';
import { besideFirst, phaseName } from '../remarks.ts';
import type { BenchResult, LatencyResult, PhaseResult, SubjectResult, ThroughputResult } from '../result.ts';
import { barChart } from './bar-chart.ts';
import { type Line, lineChart } from './line-chart.ts';
import { type Range, rangeChart } from './range-chart.ts';
import { type Area, decadeTicks, escapeText, linearScale, logScale, roundTicks } from './svg.ts';
import { type Cell, table } from './text-table.ts';

const COLOURS = 4;
const WIDE: Area = { width: 1100, height: 300, left: 56, right: 16, top: 22, bottom: 30 };
const HALF: Area = { width: 520, height: 250, left: 50, right: 18, top: 14, bottom: 30 };
const THIRD: Area = { width: 390, height: 290, left: 56, right: 18, top: 14, bottom: 30 };

export function colourOf(subject: number): number {
  return subject % COLOURS;
}

/** A line of the legend that a figure is about. */
function legend(entries: readonly { name: string; colour: number; isDashed?: boolean }[]): string {
  const items = entries.map(
    ({ name, colour, isDashed }) =>
      `<li><span class="swatch c${colour}${isDashed === true ? ' dashed' : ''}"></span>${escapeText(name)}</li>`,
  );
  return `<ul class="legend">${items.join('')}</ul>`;
}

function subjectLegend(result: BenchResult): string {
  return legend(result.subjects.map(({ name }, at) => ({ name, colour: colourOf(at) })));
}

/** The figures one looks for first, all subjects beside each other. */
export function keyFigures(result: BenchResult): string {
  const best = (subject: SubjectResult): ThroughputResult | undefined =>
    subject.throughput.toSorted((a, b) => b.perSecond - a.perSecond)[0];
  const middle = (subject: SubjectResult): LatencyResult | undefined =>
    subject.latency[Math.min(1, subject.latency.length - 1)];
  const rate = middle(result.subjects[0] as SubjectResult)?.rate;
  const at = rate === undefined ? '' : ` at ${count(rate)}/s`;
  const orDash = (value: number | null | undefined, format: (value: number) => string): string =>
    value === null || value === undefined ? '-' : format(value);
  const cards: [string, (subject: SubjectResult) => string][] = [
    ['best throughput, messages/s', (subject) => orDash(best(subject)?.perSecond, count)],
    [`publish p99${at}`, (subject) => orDash(middle(subject)?.publish.percentilesUs['99'], duration)],
    [`end to end p99.9${at}`, (subject) => orDash(middle(subject)?.endToEnd.percentilesUs['99.9'], duration)],
    [
      'fsyncs per message at best',
      (subject) => orDash(best(subject)?.broker.fsyncsPerMessage, (value) => value.toFixed(4)),
    ],
    ['broker CPU per message at best', (subject) => orDash(best(subject)?.broker.cpuUsPerMessage, duration)],
  ];
  const drawn = cards.map(([name, figure]) => {
    const rows = result.subjects.map(
      (subject, index) =>
        `<div class="row"><span class="soft c${colourOf(index)}" style="color:var(--mine)">${escapeText(subject.name)}</span><span class="big">${escapeText(figure(subject))}</span></div>`,
    );
    return `<div class="card"><div class="name">${escapeText(name)}</div><div class="rows">${rows.join('')}</div></div>`;
  });
  return `<div class="cards">${drawn.join('')}</div>`;
}

export function throughputSection(result: BenchResult): string {
  const steps = [...new Set(result.subjects.flatMap((subject) => subject.throughput.map((phase) => phase.inFlight)))];
  if (steps.length === 0) return '';
  const groups = steps.map((inFlight) => ({
    label: `${inFlight} in flight`,
    bars: result.subjects.flatMap((subject, index) => {
      const phase = subject.throughput.find((candidate) => candidate.inFlight === inFlight);
      return phase === undefined ? [] : [{ name: subject.name, colour: colourOf(index), value: phase.perSecond }];
    }),
  }));
  const chart = barChart({ description: 'messages a second by requests in flight', area: WIDE, groups, format: short });
  const rows = result.subjects.flatMap((subject) =>
    subject.throughput.map((phase): Cell[] => [
      `${subject.name}, ${phase.inFlight} in flight`,
      count(phase.perSecond),
      besideFirst(result, subject, phase)?.toFixed(2) ?? '',
      ...['50', '99', '99.9'].map((percentile) => duration(phase.publish.percentilesUs[percentile] ?? 0)),
      duration(phase.publish.maxUs),
      ...costCells(phase),
    ]),
  );
  return `<section><h2>Throughput</h2>
<p>A closed loop: each of ${result.load.connections} connections keeps its share of the requests in flight and sends the next message when one is
acknowledged. Messages of ${count(result.load.bodyBytes)} bytes, acknowledged per second.</p>
${subjectLegend(result)}<figure>${chart}</figure>
${table(['', 'messages/s', `× ${result.subjects[0]?.name}`, 'p50', 'p99', 'p99.9', 'max', ...COST_TITLES], rows)}</section>`;
}

export function courseSection(result: BenchResult): string {
  const steps = [...new Set(result.subjects.flatMap((subject) => subject.throughput.map((phase) => phase.inFlight)))];
  const figures = steps.map((inFlight) => {
    const phases = result.subjects.flatMap((subject, index) => {
      const phase = subject.throughput.find((candidate) => candidate.inFlight === inFlight);
      return phase === undefined ? [] : [{ phase, subject, index }];
    });
    const max = Math.max(1, ...phases.flatMap(({ phase }) => phase.course));
    const seconds = Math.max(...phases.map(({ phase }) => phase.seconds));
    const yTicks = roundTicks(max);
    const chart = lineChart({
      description: `messages a second over time, ${inFlight} in flight`,
      area: HALF,
      x: linearScale(0, seconds, HALF.left, HALF.width - HALF.right),
      y: linearScale(0, yTicks.at(-1) ?? 1, HALF.height - HALF.bottom, HALF.top),
      xTicks: roundTicks(seconds)
        .filter((value) => value <= seconds)
        .map((value) => ({ value, label: `${Number(value.toFixed(2))} s` })),
      yTicks: yTicks.map((value) => ({ value, label: short(value) })),
      lines: phases.map(
        ({ phase, subject, index }): Line => ({
          name: subject.name,
          colour: colourOf(index),
          isDashed: false,
          points: phase.course.map((perSecond, at) => ({
            x: (at + 0.5) * phase.courseStepSeconds,
            y: perSecond,
            title: `${count(perSecond)} messages/s at ${((at + 0.5) * phase.courseStepSeconds).toFixed(1)} s`,
          })),
        }),
      ),
    });
    return `<figure><h3>${inFlight} in flight</h3>${chart}</figure>`;
  });
  if (figures.length === 0) return '';
  return `<section><h2>Throughput over time</h2><p>The same phases, acknowledged messages per second in steps of a tenth of a second.
A broker that stalls shows it here.</p>${subjectLegend(result)}<div class="charts">${figures.join('')}</div></section>`;
}

export function latencySection(result: BenchResult): string {
  const names = [...new Set(result.subjects.flatMap((subject) => subject.latency.map((phase) => phase.rateName)))];
  if (names.length === 0) return '';
  const figures = names.map((rateName) => {
    const phases = result.subjects.flatMap((subject, index) => {
      const phase = subject.latency.find((candidate) => candidate.rateName === rateName);
      return phase === undefined ? [] : [{ phase, subject, index }];
    });
    const title =
      rateName === 'half'
        ? `Half of the best: ${phases.map(({ phase }) => `${short(phase.rate)}/s`).join(' and ')}`
        : `${count(Number(rateName))} messages/s`;
    const lines = phases.flatMap(({ phase, subject, index }) => [
      percentileLine(`${subject.name}, publish`, colourOf(index), false, phase.publish),
      percentileLine(`${subject.name}, end to end`, colourOf(index), true, phase.endToEnd),
    ]);
    return `<figure><h3>${escapeText(title)}</h3>${percentileChart(title, lines)}</figure>`;
  });
  const rows = result.subjects.flatMap((subject) =>
    subject.latency.flatMap((phase): Cell[][] => [
      [`${subject.name}, ${count(phase.rate)}/s, publish`, ...percentileCells(phase.publish), ...costCells(phase)],
      [
        `${subject.name}, ${count(phase.rate)}/s, end to end`,
        ...percentileCells(phase.endToEnd),
        ...COST_TITLES.map(() => ''),
      ],
    ]),
  );
  const kinds = result.subjects.flatMap(({ name }, at) => [
    { name: `${name}, publish`, colour: colourOf(at) },
    { name: `${name}, end to end`, colour: colourOf(at), isDashed: true },
  ]);
  return `<section><h2>Latency</h2>
<p>An open loop: messages are due at fixed times whether the broker keeps up or not, and each is timed from the moment it was due (no coordinated
omission). Publish ends with the acknowledgement, end to end with the consumer, which waits in long polls. Both axes are logarithmic: every step to
the right is one more nine.</p>
${legend(kinds)}<div class="charts three">${figures.join('')}</div>
${table(['', 'p50', 'p90', 'p99', 'p99.9', 'p99.99', 'max', ...COST_TITLES], rows)}
<p class="soft">${escapeText(lagNote(result))}</p></section>`;
}

/** How much of the latencies is the generator's own. */
function lagNote(result: BenchResult): string {
  const notes = result.subjects.flatMap((subject) =>
    subject.latency.map((phase) => {
      const { percentilesUs } = phase.lag;
      const unsent = phase.unsent === 0 ? '' : `, ${count(phase.unsent)} never sent`;
      return `${subject.name} at ${count(phase.rate)}/s: ${duration(percentilesUs['50'] ?? 0)} and ${duration(percentilesUs['99'] ?? 0)}${unsent}`;
    }),
  );
  return `These times include how late the load generator itself was, p50 and p99: ${notes.join('; ')}.`;
}

function percentileLine(name: string, colour: number, isDashed: boolean, summary: LatencySummary): Line {
  const points = percentileCurve(summary).map(({ share, valueUs }) => ({
    x: ninesOf(share),
    y: Math.max(1, valueUs),
    title: `p${Number((share * 100).toFixed(4))} ${duration(valueUs)}`,
  }));
  return { name, colour, isDashed, points };
}

/** 0 for p0, 1 for p90, 2 for p99 ... */
function ninesOf(share: number): number {
  return -Math.log10(1 - share);
}

function percentileChart(description: string, lines: readonly Line[]): string {
  const values = lines.flatMap((line) => line.points.map((point) => point.y));
  const yTicks = decadeTicks(Math.min(1e9, ...values), Math.max(1, ...values));
  const nines = Math.max(2, ...lines.flatMap((line) => line.points.map((point) => point.x)));
  const shares = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999].filter((share) => ninesOf(share) <= nines);
  return lineChart({
    description: `latency by percentile, ${description}`,
    area: THIRD,
    x: linearScale(0, nines, THIRD.left, THIRD.width - THIRD.right),
    y: logScale(yTicks[0] ?? 1, yTicks.at(-1) ?? 10, THIRD.height - THIRD.bottom, THIRD.top),
    xTicks: shares.map((share) => ({ value: ninesOf(share), label: `p${Number((share * 100).toFixed(3))}` })),
    yTicks: yTicks.map((value) => ({ value, label: duration(value).replace(/\.0+ /, ' ') })),
    lines,
  });
}

const STAGE_NAMES: Readonly<Record<string, string>> = {
  append: 'waiting for append',
  write: 'write',
  flush: 'fdatasync',
  answer: 'frame to answer',
};

export function stageSection(result: BenchResult): string {
  const told = result.subjects.flatMap((subject, index) =>
    subject.stages === null ? [] : [{ subject, index, stages: subject.stages }],
  );
  if (told.length === 0) return '';
  const names = [...new Set(told.flatMap(({ stages }) => stages.map((stage) => stage.name)))];
  const ranges = names.flatMap((name) =>
    told.flatMap(({ subject, index, stages }): Range[] => {
      const stage = stages.find((candidate) => candidate.name === name);
      if (stage === undefined || stage.count === 0) return [];
      const { p50Us: p50, p99Us: p99, p999Us: p999, maxUs: max } = stage;
      return [{ group: STAGE_NAMES[name] ?? name, name: subject.name, colour: colourOf(index), p50, p99, p999, max }];
    }),
  );
  const rows = told.flatMap(({ subject }) =>
    [...subject.throughput, ...subject.latency].map((phase): Cell[] => [
      `${subject.name}, ${phaseName(phase)}`,
      ...names.map((name) => duration(phase.broker.stageMeansUs?.[name] ?? 0)),
    ]),
  );
  return `<section><h2>Where a send spends its time</h2>
<p>Measured by the broker's own threads in shared memory over the whole run: p50 to p99, paler to p99.9, and a line to the longest. Under async flush the
fdatasync runs in the background and no answer waits for it. The table has the mean in each phase.</p>
${legend(told.map(({ subject, index }) => ({ name: subject.name, colour: colourOf(index) })))}<figure>${rangeChart('time in each stage of a send', WIDE.width, ranges)}</figure>
${table(['mean', ...names.map((name) => STAGE_NAMES[name] ?? name)], rows)}</section>`;
}

const COST_TITLES = ['fsyncs per message', 'broker CPU per message', 'broker resident', 'client cores'];

function costCells({ broker, client }: PhaseResult): Cell[] {
  return [
    broker.fsyncsPerMessage === null ? '-' : broker.fsyncsPerMessage.toFixed(4),
    broker.cpuUsPerMessage === null ? '-' : duration(broker.cpuUsPerMessage),
    broker.residentBytes === null ? '-' : mebibytes(broker.residentBytes),
    client.cores.toFixed(2),
  ];
}

function percentileCells(summary: LatencySummary): Cell[] {
  return [
    ...['50', '90', '99', '99.9', '99.99'].map((percentile) => duration(summary.percentilesUs[percentile] ?? 0)),
    duration(summary.maxUs),
  ];
}
