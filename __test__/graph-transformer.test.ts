import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const example = fileURLToPath(new URL('../examples/graph-transformer', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coverage-transformer-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** An interpreter that has what the example requires: `PYTHON`, or `python3`. */
const python = process.env['PYTHON'] ?? 'python3';
const needs = 'matplotlib, numpy, safetensors, scipy, torch';
const installed = spawnSync(python, ['-c', `import ${needs}`]).status === 0;
if (!installed) {
  process.stderr.write(
    `examples/graph-transformer is not tested: ${python} has not all of ${needs} (PYTHON names another).\n`,
  );
}

function run(command: string, ...args: string[]): string {
  const env = { ...process.env, OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' };
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: example, env });
  expect(status, stderr).toBe(0);
  return stdout;
}

function read(...path: string[]) {
  return readFileSync(join(folder, ...path), 'utf8');
}

/** Validation prompts of a small graph. */
function exported(figure: string, layers: number): string {
  const path = join(folder, `${figure}.jsonl`);
  const graph = ['--figure', figure, '--layers', String(layers), '--set', 'validation', '--count', '3072'];
  if (!existsSync(path)) run(process.execPath, main, 'graph-task', ...graph, '--output', path);
  return path;
}

describe.skipIf(!installed)('the graph task for a transformer', { timeout: 600_000 }, () => {
  test.each([
    ['figure-1', 3],
    ['figure-2', 4],
  ])('fresh prompts are as those of graph-task: %s', (figure, layers) => {
    expect(run(python, 'test_graph_task.py', exported(figure, layers), figure)).toMatch(/standard errors apart/);
  });

  test('a break in training changes nothing, samples and checkpoints are the model’s', () => {
    expect(run(python, 'test_training.py', exported('figure-1', 3), 'figure-1')).toMatch(/are right/);
  });

  test('what is kept of a run comes back, and claims are decided as they say', () => {
    expect(run(python, 'test_tables.py')).toMatch(/as they say/);
  });

  test('Figure 1 from pre-training to select, profile and pass-at-k; the same from what is kept, and from the pre-trained', () => {
    const cli = `'${process.execPath}' '${main}'`;
    const smoke = ['--device', 'cpu', '--setting', 'smoke', '--seeds', '1', '--cli', cli];
    run(python, 'figures.py', 'figure-1', ...smoke, '--out', folder);
    const select = JSON.parse(read('seed-0', 'select.json'));
    const names = [0, 1, 2, 5, 12].map((step) => `step-${String(step).padStart(6, '0')}`);
    expect(select.models).toEqual(names);
    expect(select.responses).toBe(64);
    // On fine-tuning's classes pi_D is deterministic: KL is the cross-entropy. The one is measured by the example on
    // the validation prompts, the other by `select` on the held-out responses.
    const measures = JSON.parse(read('seed-0', 'measures.json'));
    for (const [at, { kl }] of measures.entries()) {
      expect(kl).toBeGreaterThan(5);
      expect(Math.abs(select.crossEntropy.values[at] / kl - 1)).toBeLessThan(0.1);
    }
    const profile = JSON.parse(read('seed-0', 'profile.json'));
    const counts = JSON.parse(read('seed-0', 'pass-at-k.json'));
    expect(profile.models.map(({ model }: { model: string }) => model)).toEqual(names);
    expect(counts.models).toEqual(names);
    const picks = read('picks.csv').trim().split('\n');
    expect(picks).toHaveLength(1 + 3);
    for (const [at, { bestOf, N, winner, verdict }] of select.tournaments.entries()) {
      const step = Number(winner.slice('step-'.length));
      const pass = measures.find((each: { step: number }) => each.step === step).pass[at + 1];
      const [, K, ratio, said, ...numbers] = picks[at + 1]!.split(',');
      expect([K, ratio].map(Number)).toEqual([bestOf, N]);
      expect(said).toBe(verdict);
      expect(numbers.slice(0, 2).map(Number)).toEqual([step, pass]);
    }
    expect(read('figure-1.csv').trim().split('\n')).toHaveLength(1 + names.length);
    expect(read('figure-1.svg')).toMatch(/tournament's winner/);
    expect(read('claims.csv')).toMatch(/^claim,allows,seed_0,mean,low,high,holds\nKL: greatest rise/);
    // From what is kept, rounded log-probabilities and all else as it was.
    const out = ['--out', join(folder, 'again'), '--cli', cli];
    run(python, 'figures.py', 'again', join(folder, 'figure-1.npz'), ...out);
    for (const name of ['figure-1.csv', join('seed-0', 'counts.csv'), join('seed-0', 'pi-D.jsonl')]) {
      expect(read('again', name)).toBe(read(name));
    }
    expect(JSON.parse(read('again', 'seed-0', 'select.json')).models).toEqual(names);
    // And from the pre-trained network, elsewhere.
    run(
      python,
      'figures.py',
      'figure-1',
      ...smoke,
      '--pre-trained',
      join(folder, 'pre-trained'),
      '--out',
      join(folder, 'else'),
    );
    expect(read('else', 'seed-0', 'log-probs.jsonl')).toBe(read('seed-0', 'log-probs.jsonl'));
    expect(existsSync(join(folder, 'else', 'pre-trained'))).toBe(false);
  });
});
