import { availableParallelism } from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';

const fast = process.env['COVERAGE_TEST_FAST'] !== undefined;

/** What takes seconds to minutes a file, left out of the edit loop; single slow tests say so themselves (`slow` in shared.ts). */
const slow = [
  '__test__/experiments-*.test.ts',
  '__test__/reproduce.test.ts',
  '__test__/package.test.ts',
  '__test__/demo.test.ts',
  '__test__/docs.test.ts',
  '__test__/examples.test.ts',
  '__test__/parts.test.ts',
  '__test__/wrong-types.test.ts',
  '__test__/report-browser.test.ts',
  '__test__/score-faults.test.ts',
  '__test__/score-race.test.ts',
  '__test__/sample.test.ts',
];

export default defineConfig({
  test: {
    include: ['__test__/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(fast ? slow : [])],
    // Brings the addon and `dist` up to date first.
    globalSetup: '__test__/build.ts',
    // Worker processes: a crash of the addon must fail one file, not end the run unnoticed.
    pool: 'forks',
    // The edit loop loads the sources once a worker and not once a file.
    isolate: !fast,
    // Most of a test is one thread's work; by default one core would stay idle.
    maxWorkers: availableParallelism(),
    testTimeout: 60_000,
    // What reaches tests through the addon or `dist`, not through an import.
    forceRerunTriggers: [...configDefaults.forceRerunTriggers, '**/crates/**/*.rs', '**/src/cli/**/*.ts'],
  },
});
