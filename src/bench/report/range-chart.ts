/** How far values spread, one row for each, on a logarithmic axis: the stages of a send. Pure; called by the sections. */
import { duration } from '../quantities.ts';
import { type Area, decadeTicks, escapeText, fixed, logScale, openSvg, xAxis } from './svg.ts';

export interface Range {
  /** Rows of the same group stand together; its first has the group's label. */
  readonly group: string;
  readonly name: string;
  readonly colour: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

const ROW_HEIGHT = 22;
const GROUP_GAP = 14;
const BAR_HEIGHT = 10;

/** Microseconds. */
export function rangeChart(description: string, width: number, ranges: readonly Range[]): string {
  const groups = [...new Set(ranges.map((range) => range.group))];
  const height = ranges.length * ROW_HEIGHT + groups.length * GROUP_GAP + 40;
  const area: Area = { width, height, left: 130, right: 24, top: 8, bottom: 32 };
  const values = ranges.flatMap((range) => [range.p50, range.max]).filter((value) => value >= 1);
  const ticks = decadeTicks(Math.min(1, ...values), Math.max(10, ...values));
  const x = logScale(ticks[0] ?? 1, ticks.at(-1) ?? 10, area.left, width - area.right);
  let y = area.top;
  let group = '';
  const rows = ranges.map((range) => {
    let label = '';
    if (range.group !== group) {
      group = range.group;
      y += GROUP_GAP;
      label = `<text class="label" x="${area.left - 12}" y="${y + ROW_HEIGHT / 2}" dy="0.32em" text-anchor="end">${escapeText(group)}</text>`;
    }
    const row = label + drawnRange(range, x, y + (ROW_HEIGHT - BAR_HEIGHT) / 2);
    y += ROW_HEIGHT;
    return row;
  });
  const labels = ticks.map((value) => ({ value, label: duration(value).replace(/\.0+ /, ' ') }));
  return [openSvg(area, description), xAxis(area, x, labels), ...rows, '</svg>'].join('');
}

function drawnRange(range: Range, x: (value: number) => number, top: number): string {
  const { name, colour, p50, p99, p999, max } = range;
  const middle = top + BAR_HEIGHT / 2;
  const title = `${name}: p50 ${duration(p50)}, p99 ${duration(p99)}, p99.9 ${duration(p999)}, max ${duration(max)}`;
  const box = (from: number, to: number, style: string): string =>
    `<rect class="${style} c${colour}" x="${fixed(x(from))}" y="${top}" width="${fixed(Math.max(2, x(to) - x(from)))}" height="${BAR_HEIGHT}" rx="2"/>`;
  return (
    `<g><title>${escapeText(title)}</title>` +
    `<line class="whisker c${colour}" x1="${fixed(x(p999))}" x2="${fixed(x(max))}" y1="${middle}" y2="${middle}"/>` +
    box(p50, p999, 'bar pale') +
    box(p50, p99, 'bar') +
    `<circle class="whisker-end c${colour}" cx="${fixed(x(max))}" cy="${middle}" r="2.5"/></g>`
  );
}
