/**
 * docs/layouts.md out of src/layout: of each file that draws a structure, what its opening comment says and draws, and the positions,
 * sizes and flags that the code works with. layouts-doc.test.ts compares; `npm run docs:layouts` writes.
 */
import { join, parse } from 'node:path';
import { pathToFileURL } from 'node:url';
import { repository } from '../support/paths.ts';
import { readSources, type SourceFile } from './source-tree.ts';

export const LAYOUTS_DOC = join(repository, 'docs/layouts.md');

const HEAD = `# Layouts

Every byte that RingMQ writes to a file, a socket or shared memory, one structure for each file of \`src/layout\`. This page is generated
from those files (\`npm run docs:layouts\`) and compared with them by a test; "spec" is the description of Apache RocketMQ's formats that they follow.
`;

/** Anything a module exports. */
type Exports = Readonly<Record<string, unknown>>;

export async function layoutsDoc(): Promise<string> {
  const sections: string[] = [];
  for (const file of readSources('src/layout')) {
    if (!openingComment(file.text).includes('```')) continue;
    const compiled = join(repository, 'dist', file.path.replace(/\.ts$/, '.js'));
    sections.push(sectionOf(file, (await import(pathToFileURL(compiled).href)) as Exports));
  }
  return `${[HEAD, ...sections].join('\n').trimEnd()}\n`;
}

export function sectionOf(file: SourceFile, exports: Exports): string {
  const name = parse(file.path).name;
  const title = name[0]!.toUpperCase() + name.slice(1).replaceAll('-', ' ');
  const parts = [`## ${title}`, `\`${file.path}\``, openingComment(file.text), ...fieldTables(file.text, exports)];
  const sizes = sizeTable(file.text, exports);
  if (sizes !== null) parts.push(sizes);
  return `${parts.join('\n\n')}\n`;
}

function openingComment(text: string): string {
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? '';
  return plain(comment.replace(/^ \* ?/gm, '')).trim();
}

/** References of doc comments as code. */
function plain(text: string): string {
  return text.replaceAll(/\{@link ([^}]+)\}/g, '`$1`');
}

function commentLine(comment: string | undefined): string {
  return plain((comment ?? '').replaceAll(/\s*\n\s*\*\s*/g, ' ').trim());
}

const COMMENT = String.raw`(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?`;
const OBJECT = new RegExp(`${COMMENT}^(export )?const (\\w+) = \\{([^}]*)\\} as const;`, 'gm');
const MEMBER = new RegExp(`${COMMENT}(\\w+): ([^,/]+),?`, 'g');
const NUMBER = new RegExp(`${COMMENT}^export const ([A-Z][A-Z0-9_]*) = `, 'gm');

function fieldTables(text: string, exports: Exports): string[] {
  return [...text.matchAll(OBJECT)].flatMap(([, comment, isExported, name = '', body = '']) => {
    // A private table that names no positions is no part of the layout.
    if (isExported === undefined && !name.endsWith('At')) return [];
    const values = isExported === undefined ? null : (exports[name] as Exports);
    const members = [...body.matchAll(MEMBER)].map(([, note, key = '', written = '']) => ({
      key,
      value: Number(values === null ? written : values[key]),
      note: commentLine(note),
    }));
    if (members.length === 0 || members.some(({ value }) => Number.isNaN(value))) return [];
    const hasNotes = members.some(({ note }) => note !== '');
    const columns = (cells: readonly string[]) => `| ${cells.slice(0, hasNotes ? 3 : 2).join(' | ')} |`;
    const rows = members.map(({ key, value, note }) => columns([key, shown(name, value), note]));
    const caption = commentLine(comment);
    return [
      [
        caption === '' ? `\`${name}\`` : `\`${name}\`: ${caption}`,
        '',
        columns([name.endsWith('At') ? 'field' : 'name', name.endsWith('At') ? 'byte' : 'value', 'note']),
        columns(['---', '---:', '---']),
        ...rows,
      ].join('\n'),
    ];
  });
}

function sizeTable(text: string, exports: Exports): string | null {
  const rows = [...text.matchAll(NUMBER)]
    .filter(([, , name = '']) => typeof exports[name] === 'number')
    .map(([, note, name = '']) => `| \`${name}\` | ${shown(name, exports[name] as number)} | ${commentLine(note)} |`);
  return rows.length === 0 ? null : ['| constant | value | note |', '| --- | ---: | --- |', ...rows].join('\n');
}

/** Flags and magic numbers in hex. */
function shown(name: string, value: number): string {
  return /Flag|MAGIC/.test(name) ? `0x${(value >>> 0).toString(16)}` : String(value);
}
