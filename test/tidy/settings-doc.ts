/**
 * The generated part of docs/operations.md: every setting with its default and meaning, from the schemas that check them. The test beside it
 * compares; `UPDATE_DOCS=1 npx vitest run dist/test/tidy` rewrites the part.
 */
import { homedir } from 'node:os';
import { BROKER_SCHEMA } from '../../src/config/broker-schema.ts';
import type { Kind } from '../../src/config/kinds.ts';
import { NAME_SERVER_SCHEMA } from '../../src/config/name-server-schema.ts';
import { isUpstreamName } from '../../src/config/upstream-names.ts';

const BEGIN = '<!-- settings: generated from src/config -->';
const END = '<!-- end of the settings -->';

/** The page with its generated part as it ought to be. */
export function withSettings(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`docs/operations.md lacks "${BEGIN}" or "${END}"`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${settings()}\n\n${page.slice(end)}`;
}

function settings(): string {
  return ['Broker:', '', ...table(BROKER_SCHEMA), '', 'NameServer:', '', ...table(NAME_SERVER_SCHEMA)].join('\n');
}

function table(schema: Readonly<Record<string, Kind<unknown>>>): string[] {
  const rows = Object.entries(schema).map(([name, kind]) => {
    const initial = String(kind.parse(undefined)).replace(homedir(), '~');
    return `| ${name}${isUpstreamName(name) ? '' : ' *'} | ${initial} | ${kind.description} |`;
  });
  return ['| Name | Default | Meaning |', '|---|---|---|', ...rows];
}
