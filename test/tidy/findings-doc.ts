/**
 * The generated part of docs/operations.md that lists what `ringmq verify` can find. The test beside it compares;
 * `UPDATE_DOCS=1 npx vitest run dist/test/tidy` rewrites the part.
 */
import { FINDING_KINDS } from '../../src/store/findings.ts';

const BEGIN = '<!-- findings: generated from src/store/findings.ts -->';
const END = '<!-- end of the findings -->';

/** The page with its generated part as it ought to be. */
export function withFindings(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`docs/operations.md lacks "${BEGIN}" or "${END}"`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${findings()}\n\n${page.slice(end)}`;
}

function findings(): string {
  const rows = Object.entries(FINDING_KINDS).map(([kind, { means, todo }]) => `| ${kind} | ${means} | ${todo} |`);
  return ['| Finding | Means | What to do |', '|---|---|---|', ...rows].join('\n');
}
