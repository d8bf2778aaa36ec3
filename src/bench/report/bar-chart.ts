/** Groups of upright bars: throughput by requests in flight. Pure; called by the sections. */
import { type Area, escapeText, fixed, linearScale, openSvg, roundTicks, yAxis } from './svg.ts';

export interface BarGroup {
  readonly label: string;
  readonly bars: readonly Bar[];
}

export interface Bar {
  readonly name: string;
  readonly colour: number;
  readonly value: number;
}

export interface BarChart {
  readonly description: string;
  readonly area: Area;
  readonly groups: readonly BarGroup[];
  /** Values on the axis and over the bars. */
  readonly format: (value: number) => string;
}

const GROUP_SHARE = 0.72;
const BAR_WIDTH_MAX = 64;
const CORNER = 3;

export function barChart({ description, area, groups, format }: BarChart): string {
  const values = groups.flatMap((group) => group.bars.map((bar) => bar.value));
  const ticks = roundTicks(Math.max(1, ...values));
  const floor = area.height - area.bottom;
  const y = linearScale(0, ticks.at(-1) ?? 1, floor, area.top);
  const groupWidth = (area.width - area.left - area.right) / groups.length;
  const parts = groups.map(({ label, bars }, at) => {
    const centre = area.left + groupWidth * (at + 0.5);
    const width = Math.min(BAR_WIDTH_MAX, (groupWidth * GROUP_SHARE) / Math.max(1, bars.length));
    const first = centre - (width * bars.length) / 2;
    const drawn = bars.map((bar, index) => {
      const left = first + width * index + 1;
      const top = y(bar.value);
      const right = left + width - 2;
      // Round above, flat on the floor.
      const corner = Math.min(CORNER, floor - top);
      const path = `M${fixed(left)} ${floor}V${fixed(top + corner)}q0 ${-corner} ${corner} ${-corner}H${fixed(right - corner)}q${corner} 0 ${corner} ${corner}V${floor}Z`;
      const text = escapeText(format(bar.value));
      return (
        `<path class="bar c${bar.colour}" d="${path}"><title>${escapeText(bar.name)}, ${escapeText(label)}: ${text}</title></path>` +
        `<text class="value" x="${fixed((left + right) / 2)}" y="${fixed(top - 6)}" text-anchor="middle">${text}</text>`
      );
    });
    const name = `<text class="tick" x="${fixed(centre)}" y="${floor + 18}" text-anchor="middle">${escapeText(label)}</text>`;
    return drawn.join('') + name;
  });
  const labels = ticks.map((value) => ({ value, label: format(value) }));
  return [openSvg(area, description), yAxis(area, y, labels), ...parts, '</svg>'].join('');
}
