/**
 * The sources as the tidy rules see them: each file with its text, the text without comments and the contents of strings, and its imports.
 * A rule is a function of a list of such files, so a test can hand it a file that breaks the rule.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { repository } from '../support/paths.ts';

export interface SourceFile {
  /** From the top of the repository, with slashes: `src/ring/bytes-ring.ts`. */
  readonly path: string;
  readonly text: string;
  /** `text` with comments, regular expressions and the contents of strings blanked; every line keeps its place. */
  readonly code: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** A path of the repository for a relative import, else the name as written (`node:fs`, `pino`). */
  readonly target: string;
  readonly line: number;
}

export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, code: codeOf(text), imports: importsOf(path, text) };
}

/** All TypeScript files below `folder`. */
export function readSources(folder: string): SourceFile[] {
  return readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => sourceFile(path.slice(repository.length).replaceAll('\\', '/'), readFileSync(path, 'utf8')));
}

/** `src/ring/bytes-ring.ts` lies in `ring`, `src/index.ts` in `index`. */
export function folderOf(path: string): string {
  const [, second = '', third] = path.split('/');
  return third === undefined ? second.replace(/\.ts$/, '') : second;
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** Static and dynamic imports, type-only ones, re-exports, and `import('...')` in types. */
function importsOf(path: string, text: string): Import[] {
  const code = codeOf(text);
  const found: Import[] = [];
  for (const match of text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)(['"])([^'"\n]+)\1/g)) {
    const keywordIsCode = code.startsWith(match[0].slice(0, 4), match.index);
    if (!keywordIsCode) continue;
    const name = match[2]!;
    const target = name.startsWith('.') ? posix.normalize(posix.join(dirname(path), name)) : name;
    found.push({ target, line: lineAt(text, match.index) });
  }
  return found;
}

/** A slash begins a regular expression after these, and a division after anything else. */
const BEFORE_REGULAR_EXPRESSION = /(?:^|[(,=:[!&|?{};+\-*%<>~]|\breturn|\btypeof|\bcase)\s*$/;

/** One pass over the text; `templates` holds the brace depth of each template literal whose `${` is open. */
function codeOf(text: string): string {
  const code = text.split('');
  const templates: number[] = [];
  let braces = 0;
  let at = 0;

  function blank(from: number, to: number): void {
    for (let i = from; i < to; i++) if (code[i] !== '\n' && code[i] !== undefined) code[i] = ' ';
  }
  function skip(pattern: RegExp, keep: number): void {
    pattern.lastIndex = at;
    const end = at + (pattern.exec(text)?.[0].length ?? text.length - at);
    blank(at + keep, end - keep);
    at = end;
  }
  /** From a backtick or the brace that ends an expression to the next `${` or the closing backtick. */
  function skipTemplate(): void {
    skip(/[`}](?:\\[\s\S]|\$(?!\{)|[^\\`$])*(?:`|\$\{)/y, 1);
    if (text[at - 1] === '{') templates.push(braces);
  }

  while (at < text.length) {
    const two = text.slice(at, at + 2);
    const one = two[0]!;
    if (two === '//') skip(/[^\n]*/y, 0);
    else if (two === '/*') skip(/\/\*[\s\S]*?\*\//y, 0);
    else if (one === "'" || one === '"') skip(one === "'" ? /'(?:\\.|[^\\'\n])*'/y : /"(?:\\.|[^\\"\n])*"/y, 1);
    else if (one === '`') skipTemplate();
    else if (one === '}' && templates.at(-1) === braces) {
      templates.pop();
      skipTemplate();
    } else if (one === '/' && BEFORE_REGULAR_EXPRESSION.test(code.slice(Math.max(0, at - 20), at).join(''))) {
      skip(/\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n[])+\//y, 0);
    } else {
      if (one === '{') braces++;
      if (one === '}') braces--;
      at++;
    }
  }
  return code.join('');
}
