/** What several sections of the report share: sizes of drawings, colours, legends, the columns of costs. Pure. */
import { duration, mebibytes, share } from '../quantities.ts';
import type { BenchResult, PhaseResult, SubjectResult } from '../result.ts';
import { type Area, escapeText } from './svg.ts';
import type { Cell } from './text-table.ts';

const COLOURS = 4;
/** A figure of its own, and one of two or three beside each other. */
export const WHOLE: Area = { width: 1100, height: 300, left: 56, right: 16, top: 22, bottom: 30 };
export const HALF: Area = { width: 520, height: 250, left: 50, right: 18, top: 14, bottom: 30 };
export const THIRD: Area = { width: 390, height: 290, left: 56, right: 18, top: 14, bottom: 30 };

/** Number of a subject's colour in the style sheet. */
export function colourOf(subject: number): number {
  return subject % COLOURS;
}

export function legend(entries: readonly { name: string; colour: number; isDashed?: boolean }[]): string {
  const items = entries.map(
    ({ name, colour, isDashed }) =>
      `<li><span class="swatch c${colour}${isDashed === true ? ' dashed' : ''}"></span>${escapeText(name)}</li>`,
  );
  return `<ul class="legend">${items.join('')}</ul>`;
}

export function subjectLegend(result: BenchResult): string {
  return legend(result.subjects.map(({ name }, at) => ({ name, colour: colourOf(at) })));
}

/** What one subject measured, with its place among the subjects. */
export interface Told<Phase> {
  readonly subject: SubjectResult;
  readonly index: number;
  readonly phase: Phase;
}

/** The phases that `find` finds, of the subjects that have one. */
export function toldBy<Phase>(result: BenchResult, find: (subject: SubjectResult) => Phase | undefined): Told<Phase>[] {
  return result.subjects.flatMap((subject, index) => {
    const phase = find(subject);
    return phase === undefined ? [] : [{ subject, index, phase }];
  });
}

/** The requests in flight that any subject was measured with. */
export function stepsOf(result: BenchResult): number[] {
  return [...new Set(result.subjects.flatMap((subject) => subject.throughput.map((phase) => phase.inFlight)))];
}

export const COST_TITLES = ['log fsyncs per message', 'broker CPU per message', 'broker resident', 'client cores'];

export function costCells({ broker, client }: PhaseResult): Cell[] {
  return [
    broker.logFsyncsPerMessage === null ? '-' : share(broker.logFsyncsPerMessage),
    broker.cpuUsPerMessage === null ? '-' : duration(broker.cpuUsPerMessage),
    broker.residentBytes === null ? '-' : mebibytes(broker.residentBytes),
    client.cores.toFixed(2),
  ];
}
