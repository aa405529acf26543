import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';

/** Whole experiments and demonstrations, and the package installed from its tarballs: seconds to minutes each, left out of the edit loop. */
const slow = [
  '__test__/experiments-*.test.ts',
  '__test__/reproduce.test.ts',
  '__test__/package.test.ts',
  '__test__/demo.test.ts',
];

export default defineConfig({
  test: {
    include: ['__test__/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(process.env['COVERAGE_TEST_FAST'] ? slow : [])],
    // Brings the addon and `dist` up to date first.
    globalSetup: '__test__/build.ts',
    // Worker processes: a crash of the addon must fail one file, not end the run unnoticed.
    pool: 'forks',
    // Most of a test is one thread's work; by default one core would stay idle.
    maxWorkers: availableParallelism(),
    testTimeout: 60_000,
    // What reaches tests through the addon or `dist`, not through an import.
    forceRerunTriggers: [...configDefaults.forceRerunTriggers, '**/crates/**/*.rs', '**/src/cli/**/*.ts'],
  },
});
