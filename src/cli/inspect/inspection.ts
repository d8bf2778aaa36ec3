/** What `ringmq inspect` shows of a file: facts, perhaps a table, perhaps remarks. Made by the other files of this folder; printed here. */
import { counted } from '../../base/counted.ts';
import { alignedRows } from '../tool-output.ts';

/** Plain values: text and JSON are made of them alike. */
export type Shown = string | number | bigint | boolean | null;

export interface Inspection {
  /** What the file is, such as "CommitLog segment". */
  readonly kind: string;
  readonly path: string;
  readonly facts: Readonly<Record<string, Shown>>;
  readonly columns?: readonly string[];
  readonly rows?: readonly (readonly Shown[])[];
  /** What a reader has to know: what is wrong, what is left out. */
  readonly notes?: readonly string[];
  /** What was asked for is not there; the last note says so. */
  readonly isMissing?: boolean;
  /** For JSON only: what the facts show as text. */
  readonly value?: unknown;
}

export function inspectionText({ kind, path, facts, columns, rows, notes = [] }: Inspection): string {
  const lines = [`${kind}: ${path}`];
  lines.push(...alignedRows(Object.entries(facts).map(([name, value]) => [`  ${name}`, text(value)])));
  if (columns !== undefined && rows !== undefined) {
    lines.push('', ...alignedRows([columns, ...rows.map((row) => row.map(text))]).map((row) => `  ${row.trimEnd()}`));
  }
  if (notes.length > 0) lines.push('', ...notes.map((note) => `  ! ${note}`));
  return `${lines.join('\n')}\n`;
}

/** The note that rows are left out. */
export function moreText(more: number, noun: string, plural?: string): string {
  return `${counted(more, noun, plural)} more: --limit shows ${more === 1 ? 'it' : 'them'}`;
}

/** The same as an object for JSON; a row becomes an object by its columns. */
export function inspectionJson({ kind, path, facts, columns = [], rows, notes = [], value }: Inspection): object {
  const table = rows?.map((row) => Object.fromEntries(row.map((cell, at) => [columns[at] ?? String(at), cell])));
  return {
    kind,
    path,
    ...facts,
    ...(table === undefined ? {} : { entries: table }),
    ...(value === undefined ? {} : { value }),
    notes,
  };
}

function text(value: Shown): string {
  return value === null ? '-' : String(value);
}
