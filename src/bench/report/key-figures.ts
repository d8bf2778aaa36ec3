/** The report's first figures: what one asks of a broker in one number each. Pure; called by page.ts. */
import { count, duration, share } from '../quantities.ts';
import type { BenchResult, LatencyResult, SubjectResult, ThroughputResult } from '../result.ts';
import { colourOf } from './parts.ts';
import { escapeText } from './svg.ts';

/** The figures one looks for first, all subjects beside each other. */
export function keyFigures(result: BenchResult): string {
  const best = (subject: SubjectResult): ThroughputResult | undefined =>
    subject.throughput.toSorted((a, b) => b.perSecond - a.perSecond)[0];
  const middle = (subject: SubjectResult): LatencyResult | undefined =>
    subject.latency[Math.min(1, subject.latency.length - 1)];
  const rateName = result.subjects.map(middle)[0]?.rateName;
  const at =
    rateName === undefined ? '' : rateName === 'half' ? ' at half of the best' : ` at ${count(Number(rateName))}/s`;
  const orDash = (value: number | null | undefined, format: (value: number) => string): string =>
    value === null || value === undefined ? '-' : format(value);
  const cards: [string, (subject: SubjectResult) => string][] = [
    ['best throughput, messages/s', (subject) => orDash(best(subject)?.perSecond, count)],
    [`publish p99${at}`, (subject) => orDash(middle(subject)?.publish.percentilesUs['99'], duration)],
    [`end to end p99.9${at}`, (subject) => orDash(middle(subject)?.endToEnd.percentilesUs['99.9'], duration)],
    ['log fsyncs per message at best', (subject) => orDash(best(subject)?.broker.logFsyncsPerMessage, share)],
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
