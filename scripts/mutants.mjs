// Which wrong lines the tests of the core would notice:
//
//   npm run test:mutants -- [TEXT…]
//
// Each mutant below is an expression of the core, what stands in its place, and the tests that must then fail. All go into one
// copy of the sources, each behind a switch, so that the copy is built once; it has nothing of the repository beside the
// sources, so that tests that need more skip there. Given texts pick the mutants whose names hold one of them. Exits with 1
// if a mutant survives, or if a test fails without any. CARGO_TARGET_DIR spares building the dependencies anew.
import { spawnSync } from 'node:child_process';
import { appendFileSync, copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const STEP_SIZE = 'linear/train/step_size.rs';
const OPTIMIZER = 'linear/train/optimizer.rs';
const DIVERGENCES = 'statistics/divergences.rs';
const WORDS = 'tournament/kernel/words.rs';
const DRAWS = 'resample/draws.rs';

/** [name, file, expression, its replacement, filter of the tests] */
const MUTANTS = [
  ['Monte Carlo Cov_N with >', 'linear/monte_carlo.rs', 'ratio >= log_n', 'ratio > log_n', 'linear::tests::worked'],
  [
    'Cov_N in validation with >',
    'linear/train/validation.rs',
    'ratio >= log_n',
    'ratio > log_n',
    'linear::tests::worked',
  ],
  ['Theorem 6.2 with another constant', STEP_SIZE, '64.0 * log_n + 2.0', '64.0 * log_n + 1.0', 'step_size'],
  ['Theorem 6.2 with half of the factor', STEP_SIZE, '64.0 * log_n + 2.0', '32.0 * log_n + 2.0', 'step_size'],
  ['Theorem 6.2 without log N', STEP_SIZE, 't * variance * log_n', 't * variance', 'step_size'],
  ['Proposition 5.1 without H', STEP_SIZE, '2.0 * horizon as f64 * b * b', '2.0 * b * b', 'step_size'],
  ['B not scaled by the radius', STEP_SIZE, 'feature_bound * radius', 'feature_bound', 'step_size'],
  ['σ*² not scaled by the radius', STEP_SIZE, 'inherent_variance * radius * radius', 'inherent_variance', 'step_size'],
  ['η not scaled by the radius', STEP_SIZE, 'unit * radius * radius', 'unit', 'step_size'],
  [
    'a length not scaled by the radius',
    STEP_SIZE,
    '(unit * radius, Some(lambda / radius))',
    '(unit, Some(lambda / radius))',
    'step_size',
  ],
  [
    'λ not scaled by the radius',
    STEP_SIZE,
    '(unit * radius, Some(lambda / radius))',
    '(unit * radius, Some(lambda))',
    'step_size',
  ],
  ['E_N of both without halved α', DIVERGENCES, '0.25 * (1.0 - confidence)', '0.5 * (1.0 - confidence)', 'divergences'],
  ['E_N, lower limit without halved α', DIVERGENCES, 'under.lower(0.5 * tail)', 'under.lower(tail)', 'divergences'],
  ['E_N by prompt without halved α', DIVERGENCES, 'under.upper(0.5 * tail)', 'under.upper(tail)', 'divergences'],
  ['PD.10 with factor 1', 'profile/inequalities.rs', '2.0 * stopped_kl', 'stopped_kl', 'inequalities'],
  ['drawn iterate always the first', 'linear/train/run.rs', 'own.start + drawn', 'own.start', 'linear::tests::worked'],
  ['within the theorem by 1 − a', 'tournament/offset.rs', '1.0 - 2.0 * a', '1.0 - a', 'tournament::'],
  ['recorded teacher that stays', 'linear/train/truncated.rs', '*position += 1', '()', 'linear::tests::worked'],
  ['DKW with log(1/δ)', 'statistics/dkw.rs', '2.0 / (1.0 - confidence)', '1.0 / (1.0 - confidence)', 'dkw'],
  [
    'band of prompts with log(1/δ)',
    'statistics/dkw.rs',
    '(1.0 + theta) / ((1.0 - theta) * (1.0 - confidence))',
    '1.0 / (1.0 - confidence)',
    'dkw',
  ],
  [
    'truncation without the fraction',
    'linear/train/truncated.rs',
    '(threshold - strayed) / epsilon',
    '0.0',
    'linear::tests::worked',
  ],
  [
    'truncation with the whole token',
    'linear/train/truncated.rs',
    '(threshold - strayed) / epsilon',
    '1.0',
    'linear::tests::worked',
  ],
  ['λ ignored', OPTIMIZER, 'self.lambda + norm', 'norm', 'linear::tests::worked'],
  [
    'Adam without bias correction of the mean',
    OPTIMIZER,
    '1.0 - libm::pow(beta1, time)',
    '1.0',
    'linear::tests::worked',
  ],
  [
    'Adam without bias correction of the square',
    OPTIMIZER,
    '1.0 - libm::pow(beta2, time)',
    '1.0',
    'linear::tests::worked',
  ],
  [
    'sign(0) = 1',
    OPTIMIZER,
    'if slope == 0.0 { 0.0 } else { slope.signum() }',
    'slope.signum()',
    'linear::tests::worked',
  ],
  ['stopped KL without ruled-out mass', 'linear/exact.rs', 'p * self.log_n[k]', '0.0', 'linear::tests::worked'],
  ['a ratio of N not counted in a profile', 'profile/log_ratios.rs', 'value >= log_n', 'value > log_n', 'profile::'],
  [
    'ties by the greater reach',
    'tournament/ranking.rs',
    'self.log_reach.total_cmp(&other.log_reach)',
    'other.log_reach.total_cmp(&self.log_reach)',
    'tournament::',
  ],
  [
    'no correction for the pairs',
    'selection/possible.rs',
    'alpha / (models * (models - 1)) as f64',
    'alpha',
    'selection::',
  ],
  ['no union over N', 'selection/mod.rs', 'alpha / results.len() as f64', 'alpha', 'selection::'],
  [
    'worst rival not paid for',
    'selection/possible.rs',
    'alpha / (2 * (models - 1)) as f64',
    '0.5 * alpha',
    'selection::',
  ],
  ['answers: worst rival not paid for', 'answers/tournament.rs', 'tail / (models - 1) as f64', 'tail', 'answers::'],
  ['answers: no union over N', 'answers/tournament.rs', 'chosen / asked as f64', 'chosen', 'answers::'],
  ['a verdict from few', 'selection/verdict.rs', 'units < FEW_UNITS', 'false', 'selection::'],
  ['a span that begins at K/2', 'selection/budget.rs', 'half.sqrt()', 'half', 'selection::'],
  [
    'the best of a span at its best N',
    'selection/curves.rs',
    '(*regret).max(count - least)',
    '(*regret).min(count - least)',
    'selection::',
  ],
  [
    'closest: no limit from what is known',
    'tournament/closest.rs',
    'distance > within',
    'distance + 1 > within',
    'selection::winner',
  ],
  [
    'closest: equals in any order',
    'tournament/closest.rs',
    'standing(one).compare(&standing(other)).is_lt()',
    'true',
    'selection::winner',
  ],
  ['nothing passed taken for nothing reached', WORDS, 'found.reached == 0', 'found.passed == 0', 'kernel::tests'],
  ['close ones not gathered', WORDS, 'threshold + i16::from(CLOSE)', 'threshold + i16::from(PASSED)', 'kernel::tests'],
  ['gathered at the wrong places', WORDS, '[place, next]', '[place, place]', 'kernel::tests'],
  [
    'close ones at the place of a step',
    WORDS,
    'self.places[from + bits.trailing_zeros() as usize]',
    'self.places[from]',
    'kernel::tests',
  ],
  ['thinned for the one after the next', WORDS, 'self.thin(next)', 'self.thin(next + 3)', 'kernel::tests'],
  ['both directions in one', WORDS, 'total(_mm256_add_epi8(self.passed, self.balance)) / 2', '0', 'kernel::tests'],
  ['too many draws kept', DRAWS, 'drawn.sum <= drawn.units', 'drawn.sum < usize::MAX', 'resample::'],
  ['places without a unit drawn', DRAWS, '(first + lanes) * 64 <= drawn.units', 'true', 'resample::'],
  ['too few draws', DRAWS, 'drawn.sum < drawn.units', 'drawn.sum + 1 < drawn.units', 'resample::'],
  [
    'what planes cannot tell lost',
    'resample/x86.rs',
    '(_mm256_testz_si256(beyond, beyond) == 1).then_some(planes)',
    'Some(planes)',
    'resample::',
  ],
  [
    'a draw more in each word',
    'resample/x86.rs',
    '_mm256_cmpgt_epi64(left[half], _mm256_setzero_si256())',
    '_mm256_cmpgt_epi64(left[half], _mm256_set1_epi64x(-2))',
    'resample::',
  ],
  [
    'rivals that may decide left out',
    'tournament/bootstrap/contest.rs',
    '(libm::sqrt(f64::from(more)) - libm::sqrt(f64::from(less))).powi(2) > enough',
    'more > less',
    'bootstrap::',
  ],
  [
    'candidates that may win left out',
    'tournament/bootstrap/contest.rs',
    '!never(least, column.rivals[0].0)',
    'column.place == 0',
    'bootstrap::',
  ],
  ['words at other places', 'tournament/bootstrap/masks.rs', '(0..).zip(bits)', '(1..).zip(bits)', 'bootstrap::'],
  ['near-ties of the greatest alone', 'tournament/near_ties.rs', 'self.most', '0.5 * self.most', 'near_ties'],
  ['repeated columns overlooked', 'log_probs/facts.rs', 'run.len() > 1', 'run.len() > 2', 'facts'],
  ['−∞ its own threshold at N = 1', 'tournament/kernel/threshold.rs', 'value > T::NEG_INFINITY', 'true', 'threshold'],
];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const copy = mkdtempSync(join(tmpdir(), 'coverage-mutants-'));
const source = (file) => join(copy, 'crates/core/src', file);

function fail(message) {
  rmSync(copy, { recursive: true, force: true });
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** Puts every mutant behind its switch, and the switch into the crate. */
function write() {
  for (const file of ['Cargo.toml', 'Cargo.lock', 'clippy.toml']) copyFileSync(join(root, file), join(copy, file));
  cpSync(join(root, 'crates'), join(copy, 'crates'), { recursive: true });
  const places = new Map();
  for (const [number, [name, file, before]] of MUTANTS.entries()) {
    const key = `${file}\n${before}`;
    places.set(key, [...(places.get(key) ?? []), number]);
    if (readFileSync(source(file), 'utf8').split(before).length !== 2) fail(`${name}: ${before} is not there once`);
  }
  for (const [key, numbers] of places) {
    const [file, before] = key.split('\n');
    const chosen = numbers.reduceRight(
      (other, number) => `if crate::mutant(${number}) { ${MUTANTS[number][3]} } else { ${other} }`,
      before,
    );
    writeFileSync(
      source(file),
      readFileSync(source(file), 'utf8').replace(before, () => `(${chosen})`),
    );
  }
  appendFileSync(
    source('lib.rs'),
    `
pub(crate) fn mutant(number: usize) -> bool {
    static CHOSEN: std::sync::LazyLock<Option<usize>> =
        std::sync::LazyLock::new(|| std::env::var("MUTANT").ok().and_then(|number| number.parse().ok()));
    *CHOSEN == Some(number)
}
`,
  );
}

/** Builds the tests of the core and says where they are. */
function build() {
  const args = ['test', '-p', 'coverage-principle-core', '--lib', '--no-run', '--message-format=json'];
  const { status, stdout } = spawnSync('cargo', args, { cwd: copy, encoding: 'utf8', maxBuffer: 1 << 30 });
  const messages = stdout.split('\n').filter((line) => line.startsWith('{'));
  if (status !== 0) {
    fail(messages.map((line) => JSON.parse(line).message?.rendered ?? '').join(''));
  }
  return messages.map((line) => JSON.parse(line)).findLast(({ executable }) => executable).executable;
}

/** Whether the tests of a filter pass with one mutant, or with none, and how many there are. */
function passes(tests, filter, number) {
  const { status, stdout } = spawnSync(tests, ['-q', filter], {
    cwd: join(copy, 'crates/core'),
    encoding: 'utf8',
    // As many random cases as in the edit loop: what takes more to be noticed is hardly held.
    env: { ...process.env, COVERAGE_TEST_FAST: '1', MUTANT: number === null ? '' : String(number) },
  });
  const ran = Number(/running (\d+) tests?/.exec(stdout)?.[1] ?? 0);
  if (ran === 0) fail(`No test is called ${filter}.`);
  return { passed: status === 0, failed: [...stdout.matchAll(/^---- (\S+) stdout/gm)].map(([, name]) => name) };
}

const wanted = process.argv.slice(2);
const chosen = MUTANTS.map(([name], number) => ({ name, number })).filter(
  ({ name }) => wanted.length === 0 || wanted.some((text) => name.includes(text)),
);
write();
const tests = build();
for (const filter of new Set(chosen.map(({ number }) => MUTANTS[number][4]))) {
  const { passed, failed } = passes(tests, filter, null);
  if (!passed) fail(`Without a mutant these fail: ${failed.join(', ')}`);
}
let survivors = 0;
for (const { name, number } of chosen) {
  const { passed, failed } = passes(tests, MUTANTS[number][4], number);
  survivors += Number(passed);
  process.stdout.write(`${passed ? 'SURVIVES' : 'caught'}  ${name}${passed ? '' : `  (${failed.join(', ')})`}\n`);
}
process.stdout.write(`${chosen.length - survivors} of ${chosen.length} caught\n`);
rmSync(copy, { recursive: true, force: true });
process.exit(survivors > 0 ? 1 : 0);
