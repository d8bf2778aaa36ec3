import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { repository } from '../support/paths.ts';
import { threadsPage } from './threads-doc.ts';

it('docs/threads.md shows the topology as it is (UPDATE_DOCS=1 rewrites it)', () => {
  const expected = threadsPage(readFileSync(`${repository}src/threads/topology.ts`, 'utf8'));
  const path = `${repository}docs/threads.md`;
  if (process.env.UPDATE_DOCS === '1') writeFileSync(path, expected);
  else expect(readFileSync(path, 'utf8')).toBe(expected);
});
