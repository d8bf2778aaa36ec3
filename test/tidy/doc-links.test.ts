/** The documents name files and pages that are there. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { repository } from '../support/paths.ts';
import { deadPlaces, documents } from './doc-links.ts';

it.each(documents())('%s names only places that are there', (path) => {
  expect(deadPlaces(path, readFileSync(`${repository}${path}`, 'utf8'))).toEqual([]);
});

it('finds what is not there', () => {
  const text =
    'a [page](nowhere.md), a [page](README.md), `store/disk.ts`, `store/nothing.ts`, `src/absent`, `application/json`';
  expect(deadPlaces('README.md', text)).toEqual([
    'README.md: nowhere.md is not there',
    'README.md: store/nothing.ts is not there',
    'README.md: src/absent is not there',
  ]);
});
