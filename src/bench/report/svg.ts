/** The little of SVG that the report's charts need: text that is safe, scales, ticks. Pure; called by the charts. */

/** A position on an axis out of a value. */
export type Scale = (value: number) => number;

export interface Tick {
  readonly value: number;
  readonly label: string;
}

/** The plotting area inside a drawing. */
export interface Area {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export function linearScale(from: number, to: number, start: number, end: number): Scale {
  const span = to - from || 1;
  return (value) => start + ((value - from) / span) * (end - start);
}

/** `from` and `to` are above zero; smaller values stay at the start. */
export function logScale(from: number, to: number, start: number, end: number): Scale {
  const linear = linearScale(Math.log10(from), Math.log10(to), start, end);
  return (value) => linear(Math.log10(Math.max(from, value)));
}

/** From zero to the first round number that is not below `max`, in about four steps. */
export function roundTicks(max: number): number[] {
  const rough = Math.max(max, 1e-9) / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * ([1, 2, 2.5, 5, 10].find((factor) => factor * unit >= rough) ?? 10);
  const ticks: number[] = [];
  for (let at = 0; ; at++) {
    ticks.push(at * step);
    if (at * step >= max) return ticks;
  }
}

/** Powers of ten around `min` and `max`, which are above zero; at least one decade. */
export function decadeTicks(min: number, max: number): number[] {
  const first = Math.floor(Math.log10(min));
  const last = Math.max(first + 1, Math.ceil(Math.log10(max)));
  return Array.from({ length: last - first + 1 }, (_unused, at) => 10 ** (first + at));
}

export function openSvg({ width, height }: Area, description: string): string {
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeText(description)}">`;
}

/** Grid lines across the area and their labels left of it. */
export function yAxis(area: Area, scale: Scale, ticks: readonly Tick[]): string {
  return ticks
    .map(({ value, label }) => {
      const y = fixed(scale(value));
      return (
        `<line class="grid" x1="${area.left}" x2="${area.width - area.right}" y1="${y}" y2="${y}"/>` +
        `<text class="tick" x="${area.left - 8}" y="${y}" dy="0.32em" text-anchor="end">${escapeText(label)}</text>`
      );
    })
    .join('');
}

/** Labels below the area, and grid lines up from them. */
export function xAxis(area: Area, scale: Scale, ticks: readonly Tick[]): string {
  const floor = area.height - area.bottom;
  return ticks
    .map(({ value, label }) => {
      const x = fixed(scale(value));
      return (
        `<line class="grid" x1="${x}" x2="${x}" y1="${area.top}" y2="${floor}"/>` +
        `<text class="tick" x="${x}" y="${floor + 18}" text-anchor="middle">${escapeText(label)}</text>`
      );
    })
    .join('');
}

export function fixed(value: number): string {
  return value.toFixed(1);
}
