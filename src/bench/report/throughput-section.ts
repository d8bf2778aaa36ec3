/** The report's throughput: by requests in flight, and how each phase went over its time. Pure; called by page.ts. */
import { count, duration, short } from '../quantities.ts';
import { besideFirst } from '../remarks.ts';
import type { BenchResult } from '../result.ts';
import { barChart } from './bar-chart.ts';
import { type Line, lineChart } from './line-chart.ts';
import { COST_TITLES, colourOf, costCells, HALF, stepsOf, subjectLegend, toldBy, WHOLE } from './parts.ts';
import { linearScale, roundTicks } from './svg.ts';
import { type Cell, table } from './text-table.ts';

export function throughputSection(result: BenchResult): string {
  const steps = stepsOf(result);
  if (steps.length === 0) return '';
  const groups = steps.map((inFlight) => ({
    label: `${inFlight} in flight`,
    bars: toldBy(result, (subject) => subject.throughput.find((phase) => phase.inFlight === inFlight)).map(
      ({ subject, index, phase }) => ({ name: subject.name, colour: colourOf(index), value: phase.perSecond }),
    ),
  }));
  const chart = barChart({
    description: 'messages a second by requests in flight',
    area: WHOLE,
    groups,
    format: short,
  });
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
  const figures = stepsOf(result).map((inFlight) => {
    const phases = toldBy(result, (subject) => subject.throughput.find((phase) => phase.inFlight === inFlight));
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
