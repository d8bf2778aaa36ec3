import { defineConfig } from 'vitest/config';

// Real clients and brokers as child processes: one file at a time, or two cores would be shared by four JVMs.
export default defineConfig({
  test: {
    include: ['dist/test/interop/**/*.test.js'],
    globalSetup: ['dist/test/interop/global-setup.js'],
    setupFiles: ['dist/test/support/set-up.js'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
});
