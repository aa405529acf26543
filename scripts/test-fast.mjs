// The edit loop: the tests of Rust and of TypeScript at once, without what takes seconds each. Rust's output comes when it
// is done, so that the two are not mixed.
import { spawn } from 'node:child_process';

const env = { ...process.env, COVERAGE_TEST_FAST: '1' };
const shell = process.platform === 'win32';

/** Tests of Rust that take seconds each, as `slow` in vitest.config.ts has it for files. */
const SLOW = [
  'intervals_hold_the_truth_where_those_of_the_responses_alone_do_not',
  'the_search_finds_the_winner_of_the_matrix',
  'what_is_taken_is_what_the_matrices_of_counts_give',
  'possible_winners_hold_the_best_and_rule_out_with_enough_reasonings',
  'a_training_set_is_learned_by_heart',
  'a_wrong_decision_is_as_rare_as_asked_for',
  'large_fields_are_thinned_and_measured',
  'every_format_ends_when_it_is_told_to',
  'tables_in_columns_end_when_they_are_told_to',
  'a_changed_byte_of_a_page_with_a_checksum_is_noticed',
];
const left = SLOW.flatMap((name) => ['--skip', name]);
const vitest = spawn('npx', ['--no-install', 'vitest', 'run'], { env, shell, stdio: 'inherit' });
const cargo = spawn('cargo', ['test', '--workspace', '--tests', '--quiet', '--', ...left], {
  env,
  stdio: ['ignore', 'pipe', 'pipe'],
});
const said = [];
for (const stream of [cargo.stdout, cargo.stderr]) stream.on('data', (chunk) => said.push(chunk));

const statuses = await Promise.all(
  [vitest, cargo].map(
    (child) =>
      new Promise((resolve, reject) => {
        child.on('error', reject);
        child.on('close', (status) => resolve(status ?? 1));
      }),
  ),
);
process.stdout.write(Buffer.concat(said));
process.exitCode = Math.max(...statuses);
