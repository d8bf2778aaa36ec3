/** The report's latencies: percentile curves from the intended time, publish and end to end. Pure; called by page.ts. */
import { type LatencySummary, percentileCurve } from '../histograms.ts';
import { count, duration, listed, short } from '../quantities.ts';
import type { BenchResult } from '../result.ts';
import { type Line, lineChart } from './line-chart.ts';
import { COST_TITLES, colourOf, costCells, legend, THIRD, toldBy } from './parts.ts';
import { decadeTicks, escapeText, linearScale, logScale } from './svg.ts';
import { type Cell, table } from './text-table.ts';

export function latencySection(result: BenchResult): string {
  const names = [...new Set(result.subjects.flatMap((subject) => subject.latency.map((phase) => phase.rateName)))];
  if (names.length === 0) return '';
  const figures = names.map((rateName) => {
    const phases = toldBy(result, (subject) => subject.latency.find((phase) => phase.rateName === rateName));
    const title =
      rateName === 'half'
        ? `Half of the best: ${listed(phases.map(({ phase }) => `${short(phase.rate)}/s`))}`
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

function percentileCells(summary: LatencySummary): Cell[] {
  return [
    ...['50', '90', '99', '99.9', '99.99'].map((percentile) => duration(summary.percentilesUs[percentile] ?? 0)),
    duration(summary.maxUs),
  ];
}
