/** Where a send spends its time, as the broker's own threads measured it. Pure; called by page.ts. */
import { duration } from '../quantities.ts';
import { phaseName } from '../remarks.ts';
import type { BenchResult } from '../result.ts';
import { colourOf, legend, WHOLE } from './parts.ts';
import { type Range, rangeChart } from './range-chart.ts';
import { type Cell, table } from './text-table.ts';

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
${legend(told.map(({ subject, index }) => ({ name: subject.name, colour: colourOf(index) })))}<figure>${rangeChart('time in each stage of a send', WHOLE.width, ranges)}</figure>
${table(['mean', ...names.map((name) => STAGE_NAMES[name] ?? name)], rows)}</section>`;
}
