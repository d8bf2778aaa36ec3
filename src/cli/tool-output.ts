/** What the tools (inspect, verify, repair, doctor) print alike: times, sizes, JSON, aligned lines. Called by their sub-commands. */
import { ConfigurationError } from '../config/configuration-error.ts';

/** 1700000000000 -> "2023-11-14T22:13:20.000Z"; what is no time in ms stays a number. */
export function timeText(ms: number): string {
  if (ms === 0) return 'never';
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** 1536 -> "1.5 KiB". */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(value < 10 ? 1 : 0)} ${UNITS[unit]}`;
}

/** A tool that was asked for JSON gives it when it fails too, but for a command line that cannot be used. */
export async function orFailureJson(json: boolean | undefined, run: () => number | Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (json === true && !(error instanceof ConfigurationError))
      process.stdout.write(jsonLine({ error: wordsOf(error) }));
    throw error;
  }
}

export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Standard JSON on one line; an int64 that a number cannot hold becomes text, and bytes become hex. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value, (_key, member: unknown) => plain(member))}\n`;
}

function plain(member: unknown): unknown {
  if (typeof member === 'bigint') return Number.isSafeInteger(Number(member)) ? Number(member) : String(member);
  // A Buffer has a toJSON of its own, which has run before.
  if (isBufferJson(member)) return Buffer.from(member.data).toString('hex');
  if (member instanceof Uint8Array) return Buffer.from(member).toString('hex');
  return member;
}

function isBufferJson(member: unknown): member is { readonly data: number[] } {
  return typeof member === 'object' && member !== null && (member as { type?: unknown }).type === 'Buffer';
}

/** Rows of cells with equal columns; the last column is not padded. */
export function alignedRows(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows.map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at]!))).join('  '));
}
