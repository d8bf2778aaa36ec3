/**
 * Java properties text, as configuration requests carry it (25, 26, 318, 319) and broker.conf is written: `key=value` lines, `#` or `!`
 * comments, a backslash at the end of a line continues it. Pure.
 */

const COMMENT = /^\s*[#!]/;
const SEPARATOR = /(?<!\\)(?:\s*[=:]\s*|\s+)/;

/** Later lines win. */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  let line = '';
  for (const part of text.split(/\r\n|\n|\r/)) {
    if (line === '' && COMMENT.test(part)) continue;
    line += part.trimStart();
    if (/(?<!\\)(?:\\\\)*\\$/.test(line)) {
      line = line.slice(0, -1);
      continue;
    }
    putLine(properties, line);
    line = '';
  }
  putLine(properties, line);
  return properties;
}

/** One `key=value` line each, sorted by name. */
export function printProperties(properties: Iterable<readonly [string, unknown]>): string {
  const lines = [...properties].map(([name, value]) => `${escaped(name)}=${escapedValue(String(value))}\n`);
  return lines.sort().join('');
}

function putLine(properties: Map<string, string>, line: string): void {
  if (line === '') return;
  const separator = SEPARATOR.exec(line);
  const name = separator === null ? line : line.slice(0, separator.index);
  const value = separator === null ? '' : line.slice(separator.index + separator[0].length);
  properties.set(unescaped(name), unescaped(value));
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_all, hex: string | undefined, char: string) =>
    hex === undefined ? (ESCAPES[char] ?? char) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** A blank in front would be taken for a part of the separator. */
function escapedValue(text: string): string {
  return escaped(text).replace(/^\s/, '\\$&');
}

function escaped(text: string): string {
  return text.replace(/[\\\n\r]/g, (char) => (char === '\\' ? '\\\\' : char === '\n' ? '\\n' : '\\r'));
}
