import { defineConfig } from 'vitest/config';

// Vitest cannot start workers from .ts files on Node 20 (docs/decisions/0001), so the tests run from what `tsc -b` wrote.
export default defineConfig({
  test: {
    include: ['dist/test/**/*.test.js'],
    exclude: ['dist/test/interop/**', '**/node_modules/**'],
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
