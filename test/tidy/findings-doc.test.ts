import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { repository } from '../support/paths.ts';
import { withFindings } from './findings-doc.ts';

const path = `${repository}docs/operations.md`;

it('docs/operations.md lists what verify can find (UPDATE_DOCS=1 rewrites it)', () => {
  const page = readFileSync(path, 'utf8');
  const expected = withFindings(page);
  if (process.env.UPDATE_DOCS === '1') writeFileSync(path, expected);
  else expect(page).toBe(expected);
});
