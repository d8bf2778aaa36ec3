import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { withRequestCodes } from './compatibility-doc.ts';

const path = fileURLToPath(new URL('../../../docs/compatibility.md', import.meta.url));

it('docs/compatibility.md lists the request codes as the broker treats them (UPDATE_DOCS=1 rewrites it)', () => {
  const page = readFileSync(path, 'utf8');
  const expected = withRequestCodes(page);
  if (process.env.UPDATE_DOCS === '1') writeFileSync(path, expected);
  else expect(page).toBe(expected);
});
