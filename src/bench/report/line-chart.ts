/** Lines over an axis: percentile curves and throughput over time. Pure; called by the sections. */
import { type Area, escapeText, fixed, openSvg, type Scale, type Tick, xAxis, yAxis } from './svg.ts';

export interface Line {
  readonly name: string;
  /** Number of its colour. */
  readonly colour: number;
  readonly isDashed: boolean;
  readonly points: readonly LinePoint[];
}

export interface LinePoint {
  readonly x: number;
  readonly y: number;
  /** What the pointer is told there. */
  readonly title: string;
}

export interface LineChart {
  readonly description: string;
  readonly area: Area;
  readonly x: Scale;
  readonly y: Scale;
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  readonly lines: readonly Line[];
}

/** Points this close to the pointer answer it. */
const TARGET_RADIUS = 9;

export function lineChart({ description, area, x, y, xTicks, yTicks, lines }: LineChart): string {
  const paths = lines.map(({ colour, isDashed, points }) => {
    const path = points.map((point, at) => `${at === 0 ? 'M' : 'L'}${fixed(x(point.x))} ${fixed(y(point.y))}`).join('');
    return `<path class="line c${colour}${isDashed ? ' dashed' : ''}" d="${path}"/>`;
  });
  // The shown dot and its larger target come last, over all lines.
  const targets = lines.flatMap(({ name, colour, points }) =>
    points.map((point) => {
      const centre = `cx="${fixed(x(point.x))}" cy="${fixed(y(point.y))}"`;
      const title = `<title>${escapeText(`${name}: ${point.title}`)}</title>`;
      return `<g class="point c${colour}"><circle class="dot" ${centre} r="3.5"/><circle class="target" ${centre} r="${TARGET_RADIUS}">${title}</circle></g>`;
    }),
  );
  return [
    openSvg(area, description),
    yAxis(area, y, yTicks),
    xAxis(area, x, xTicks),
    ...paths,
    ...targets,
    '</svg>',
  ].join('');
}
