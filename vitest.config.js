import { defineConfig } from 'vitest/config';

/** Folders whose tests start no server and take no times: two of their files at a time share the two cores, then the others one by one. */
const PURE = [
  'base',
  'broker',
  'config',
  'filter',
  'layout',
  'observe',
  'remoting',
  'ring',
  'simulator',
  'store',
  'threads/append',
  'threads/control',
  'threads/dispatch',
  'threads/flush',
  'tidy',
];

// Vitest cannot start workers from .ts files on Node 20 (docs/decisions/0001), so the tests run from what `tsc -b` wrote.
export default defineConfig({
  test: {
    exclude: ['dist/test/interop/**', '**/node_modules/**'],
    setupFiles: ['dist/test/support/set-up.js'],
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 20_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'pure',
          include: [`dist/test/{${PURE.join()}}/**/*.test.js`],
          maxWorkers: 2,
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          include: ['dist/test/**/*.test.js'],
          exclude: [`dist/test/{interop,${PURE.join()}}/**`, '**/node_modules/**'],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
