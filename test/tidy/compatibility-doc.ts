/**
 * The generated part of docs/compatibility.md: what happens to every request code, from the table that the broker itself refuses by. The
 * test beside it compares; `UPDATE_DOCS=1 npx vitest run dist/test/tidy` rewrites the part.
 */
import { REQUEST_TABLE, type RequestRow } from '../../src/broker/request-table.ts';

const BEGIN = '<!-- request codes: generated from src/broker/request-table.ts -->';
const END = '<!-- end of the request codes -->';

const PLACES: Readonly<Record<RequestRow['where'], string>> = {
  net: 'broker',
  control: 'broker',
  nameserver: 'NameServer',
  client: 'sent to clients',
  none: '',
};

/** The page with its generated part as it ought to be. The prose around it stays as it is. */
export function withRequestCodes(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`docs/compatibility.md lacks "${BEGIN}" or "${END}"`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${requestCodes()}\n\n${page.slice(end)}`;
}

function requestCodes(): string {
  const served = REQUEST_TABLE.filter((row) => row.state === 'built');
  const waiting = REQUEST_TABLE.filter((row) => row.state === 'not yet');
  const unhandled = REQUEST_TABLE.filter((row) => row.state === 'unhandled upstream');
  return [
    `Served (${served.length}):`,
    '',
    '| Code | Name | By | Note |',
    '|---|---|---|---|',
    ...served.map(({ code, name, where, note }) => `| ${code} | ${name} | ${PLACES[where]} | ${note} |`),
    '',
    `Not built yet (${waiting.length}), answered 3:`,
    '',
    '| Code | Name | Note |',
    '|---|---|---|',
    ...waiting.map(({ code, name, note }) => `| ${code} | ${name} | ${note} |`),
    '',
    `Defined but served by no Apache broker either (${unhandled.length}), answered 3: ${unhandled
      .map(({ code, name }) => `${code} ${name}`)
      .join(', ')}.`,
  ].join('\n');
}
