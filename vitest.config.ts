import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['__test__/**/*.test.ts'],
    // Worker processes: a crash of the addon must fail one file, not end the run unnoticed.
    pool: 'forks',
    testTimeout: 60_000,
  },
});
