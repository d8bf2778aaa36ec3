import { expect, it } from 'vitest';
import { reasonOf } from '../../src/threads/node-events.ts';

it.each([
  ['DiskFailedError: fdatasync /s/0: EIO\n    at sync (disk.js:1)', 'fdatasync /s/0: EIO'],
  [
    'Error: listen EADDRINUSE: address already in use 127.0.0.1:1\n    at x',
    'listen EADDRINUSE: address already in use 127.0.0.1:1',
  ],
  ['InvariantError: a watermark only grows\n    at x', 'flush: InvariantError: a watermark only grows'],
  ['thread flush has ended', 'flush: thread flush has ended'],
])('of %j people are told %j', (message, told) => {
  expect(reasonOf({ thread: 'flush', code: 0, message })).toBe(told);
});
