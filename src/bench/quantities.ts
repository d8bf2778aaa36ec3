/** Figures as people read them. Used by the table and the HTML report. */

/** 1234.5 -> "1,235". */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** Microseconds in the unit that suits them, in three digits. */
export function duration(us: number): string {
  if (us < 1e3) return `${threeDigits(us)} µs`;
  if (us < 1e6) return `${threeDigits(us / 1e3)} ms`;
  return `${threeDigits(us / 1e6)} s`;
}

/** A small share of something per message. */
export function share(value: number): string {
  return value === 0 ? '0' : value < 0.0001 ? '<0.0001' : value.toFixed(4);
}

export function mebibytes(bytes: number): string {
  return `${count(bytes / 2 ** 20)} MiB`;
}

/** "a, b and c". */
export function listed(texts: readonly string[]): string {
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`;
}

/** 1234 -> "1.23k", for axes. */
export function short(value: number): string {
  if (value >= 1e6) return `${trimmed(value / 1e6)}M`;
  if (value >= 1e3) return `${trimmed(value / 1e3)}k`;
  return trimmed(value);
}

function threeDigits(value: number): string {
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
}

function trimmed(value: number): string {
  return String(Number(value.toPrecision(3)));
}
