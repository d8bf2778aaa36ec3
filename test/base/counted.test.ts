import { expect, it } from 'vitest';
import { counted } from '../../src/base/counted.ts';

it('gives one thing its singular, and everything else, none included, the plural', () => {
  expect([0, 1, 2].map((count) => counted(count, 'queue'))).toEqual(['0 queues', '1 queue', '2 queues']);
  expect([1, 2].map((count) => counted(count, 'entry', 'entries'))).toEqual(['1 entry', '2 entries']);
});
