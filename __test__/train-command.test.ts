import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { readLogProbs } from '../src/index.js';
import { readArray } from '../src/linear.js';
import { trainConfigJsonSchema } from '../src/training/schema.js';
import { slow } from './shared.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const main = join(root, 'dist/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'coverage-train-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function cli(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', cwd: folder });
  return { status, stdout, stderr };
}

function write(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return name;
}

/** A text with something to learn. */
const text = Array.from({ length: 400 }, (_, index) => `line ${index % 7} of ${index % 3} abcabc;\n`).join('');
write('corpus.txt', text);

const config = {
  title: 'A small text',
  data: { kind: 'text', files: ['corpus.txt'], horizon: 8, context: 2, heldOut: 0.1 },
  features: { kind: 'ngram', order: 2, buckets: 64 },
  training: { procedure: 'normalizedSgd', stepSize: 0.5, batchSize: 4, constraint: { kind: 'ball', radius: 30 } },
  validation: { every: 50, N: [2, 8] },
  checkpoints: { every: 50 },
};

describe('one run', () => {
  write('text.json', config);
  const { status, stdout, stderr } = cli('train', 'text.json', '--json');

  test('prints its result, and learns', () => {
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const result = JSON.parse(stdout);
    expect(result.output).toBe('text');
    const { history, stopped, checkpoints } = result.runs[0];
    expect(stopped).toBe('finished');
    expect(checkpoints.length).toBeGreaterThan(3);
    expect(history.at(-1).crossEntropy).toBeLessThan(0.7 * history[0].crossEntropy);
  });

  test('writes checkpoints that select takes, θ, histories and a report, nothing half-written', async () => {
    const out = join(folder, 'text');
    expect(readdirSync(out).sort()).toEqual(
      [
        'checkpoint-thetas.npy',
        'checkpoints.json',
        'checkpoints.npy',
        'config.json',
        'history.csv',
        'history.json',
        'report.html',
        'result.json',
        'state.bin',
        'theta.npy',
      ].sort(),
    );
    const logProbs = await readLogProbs([join(out, 'checkpoints.npy')]);
    expect(logProbs.models[0]).toBe('step-50');
    expect(logProbs.metadata.promptIds).toHaveLength(logProbs.responses);
    const selected = cli('select', 'text/checkpoints.npy', '-N', '2,8', '--json');
    expect(selected.status).toBe(0);
    expect(JSON.parse(selected.stdout).models).toEqual(logProbs.models);
    const [theta, thetas] = await Promise.all(
      ['theta.npy', 'checkpoint-thetas.npy'].map((name) => readArray(join(out, name))),
    );
    expect(thetas!.shape).toEqual([logProbs.models.length, theta!.shape[0]]);
    const html = readFileSync(join(out, 'report.html'), 'utf8');
    expect(html).toContain('Cross-entropy over training');
    expect(html).toContain('<svg');
    const csv = readFileSync(join(out, 'history.csv'), 'utf8');
    expect(csv.split('\r\n')[0]).toBe('step,crossEntropy,kl,Cov_2,Cov_8');
  });

  test('gives the same bytes at another number of threads', () => {
    const again = cli('train', 'text.json', '--output', 'threads', '--threads', '3', '--quiet');
    expect(again.status).toBe(0);
    for (const name of ['checkpoints.npy', 'theta.npy', 'history.json', 'report.html', 'state.bin']) {
      expect(readFileSync(join(folder, 'threads', name)).equals(readFileSync(join(folder, 'text', name))), name).toBe(
        true,
      );
    }
  });

  slow('does not write over what is there', () => {
    const again = cli('train', 'text.json');
    expect(again).toMatchObject({ status: 2, stdout: '' });
    expect(again.stderr).toMatch(/text is not empty: .*--resume.*\[ERR_OUTPUT_EXISTS\]/s);
    expect(cli('train', 'text.json', '--resume').status).toBe(0);
    write('other.json', { ...config, training: { ...config.training, seed: 3 } });
    const other = cli('train', 'other.json', '--output', 'text', '--resume');
    expect(other).toMatchObject({ status: 1, stderr: expect.stringContaining('ERR_OTHER_TRAINING') });
    if (process.platform === 'linux')
      expect(cli('train', 'text.json', '-o', '/proc/none').stderr).toMatch(/ERR_WRITE_FAILED/);
    expect(cli('train', 'text.json', '-o', 'nothing', '--resume').stderr).toContain('ERR_NOTHING_TO_RESUME');
    expect(existsSync(join(folder, 'nothing'))).toBe(false);
  });
});

slow('interrupted and resumed, it ends as if it had not been', async () => {
  const long = {
    data: { kind: 'problem', name: 'prop-i.1', options: { horizon: 64 } },
    training: { steps: 120_000, stepSize: 0.001, average: true },
    validation: { every: 20_000, N: [2] },
  };
  write('long.json', long);
  const child = spawn(process.execPath, [main, 'train', 'long.json', '-o', 'interrupted'], { cwd: folder });
  let messages = '';
  child.stderr.on('data', (chunk) => {
    messages += chunk;
  });
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  while (!existsSync(join(folder, 'interrupted/config.json'))) await new Promise((wake) => setTimeout(wake, 20));
  await new Promise((wake) => setTimeout(wake, 100));
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(messages).toMatch(/the state is in interrupted.*--resume/);
  expect(readdirSync(join(folder, 'interrupted')).sort()).toEqual(['config.json', 'state.bin']);
  expect(cli('train', 'long.json', '-o', 'interrupted', '--resume', '--quiet').status).toBe(0);
  expect(cli('train', 'long.json', '-o', 'through', '--quiet').status).toBe(0);
  for (const name of ['theta.npy', 'average-theta.npy', 'history.json', 'state.bin']) {
    const [a, b] = ['interrupted', 'through'].map((output) => readFileSync(join(folder, output, name)));
    expect(a!.equals(b!), name).toBe(true);
  }
});

write('short.json', {
  data: { kind: 'problem', name: 'prop-i.1', options: { horizon: 64 } },
  training: { steps: 60_000, stepSize: 0.001, average: true },
});

slow.each(['SIGKILL', 'SIGTERM'] as const)(
  'ended by %s again and again, it comes to the same bytes',
  async (signal) => {
    const through = join(folder, 'uninterrupted');
    const killed = join(folder, signal);
    if (!existsSync(through)) expect(cli('train', 'short.json', '-o', through, '--quiet').status).toBe(0);
    let kills = 0;
    for (let attempt = 0; ; attempt += 1) {
      const resume = existsSync(join(killed, 'config.json')) ? ['--resume'] : [];
      const args = ['train', 'short.json', '-o', killed, '--save-every', '0.02', '--quiet', ...resume];
      const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: 'ignore' });
      const ended = new Promise<number | null>((resolve) => {
        child.once('close', resolve);
      });
      // Kills ever later: the first before anything is written, others in the middle, one run in the end is let through.
      const timer = setTimeout(() => child.kill(signal), 400 + 400 * attempt);
      const code = await ended;
      clearTimeout(timer);
      if (code === 0) break;
      expect(code).toBe(signal === 'SIGTERM' && code !== null ? 143 : null);
      kills += 1;
    }
    expect(kills).toBeGreaterThan(0);
    expect(readdirSync(killed).sort()).toEqual(readdirSync(through).sort());
    for (const name of readdirSync(through)) {
      expect(readFileSync(join(killed, name)).equals(readFileSync(join(through, name))), name).toBe(true);
    }
  },
  120_000,
);

describe('a sweep', () => {
  write(
    'sweep.mjs',
    `export default ${JSON.stringify({
      data: { kind: 'problem', name: 'prop-i.1', heldOut: 200 },
      training: { steps: 40 },
      validation: { every: 10, exact: true, N: [4] },
      checkpoints: { every: 20 },
      sweep: {
        'training.procedure': ['sgd', 'normalizedSgd'],
        'training.stepSize': [0.01, 0.1],
        'data.options.horizon': [2, 4],
      },
    })};`,
  );

  test('is a table, a report and a folder a run', () => {
    const { status, stdout, stderr } = cli('train', 'sweep.mjs', '--output', 'runs-of-sweep');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('procedure=sgd,stepSize=0.1,horizon=4');
    const out = join(folder, 'runs-of-sweep');
    expect(readdirSync(join(out, 'runs'))).toHaveLength(8);
    expect(readdirSync(join(out, 'runs'))[0]).toBe('0-procedure=sgd,stepSize=0.01,horizon=2');
    const rows = readFileSync(join(out, 'sweep.csv'), 'utf8').trim().split('\r\n');
    expect(rows).toHaveLength(9);
    expect(rows[0]).toMatch(/^training\.procedure,training\.stepSize,data\.options\.horizon,step,stopped,/);
    const names = JSON.parse(
      readFileSync(join(out, 'runs', '0-procedure=sgd,stepSize=0.01,horizon=2', 'checkpoints.json'), 'utf8'),
    );
    expect(names.models).toEqual([
      'procedure=sgd,stepSize=0.01,horizon=2/step-20',
      'procedure=sgd,stepSize=0.01,horizon=2/step-40',
    ]);
  });
});

describe('configurations', () => {
  const responses = Array.from({ length: 30 }, (_, index) => ({ prompt: index % 2, tokens: [index % 3, 1, 2] }));
  write('data.jsonl', responses.map((line) => JSON.stringify(line)).join('\n'));
  write('features.json', '{}');

  const phi = '(prompt, tokens) => [Math.sin(prompt + tokens.at(-1)), tokens.length / 3]';
  const body = `{ data: { kind: 'sequences', train: 'data.jsonl', heldOut: 0.2 },
    features: { kind: 'function', by: 'promptPosition', dim: 2, phi: ${phi} }, training: { epochs: 3 } }`;

  test.each([
    ['fine.mjs', `export default ${body};`],
    ['fine.cjs', `module.exports = ${body};`],
    ['fine.ts', `const config: { readonly data: object } = ${body};\nexport default config;`],
  ])('%s', (name, source) => {
    write(name, source);
    const { status, stderr, stdout } = cli('train', name, '-o', `out-${name}`, '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout).runs[0]).toMatchObject({ step: 72, steps: 72, stopped: 'finished' });
    expect(readdirSync(folder).filter((file) => file.includes('train-config'))).toEqual([]);
  });

  test('a teacher from a file', () => {
    npy('teacher.npy', [90, 3], new Array(270).fill(Math.log(1 / 3)));
    write('taught.json', {
      data: { kind: 'sequences', train: 'data.jsonl' },
      features: { kind: 'ngram', order: 1, buckets: 3 },
      teacher: 'teacher.npy',
      training: { procedure: { kind: 'truncatedSgd', threshold: 0.1 }, batchSize: 5 },
    });
    const { status, stderr, stdout } = cli('train', 'taught.json', '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      runs: [{ step: 6, stopped: 'finished' }],
      sources: [{ file: 'data.jsonl' }, { file: 'teacher.npy' }],
    });
  });

  const problem = { kind: 'problem', name: 'prop-5.1' };
  const sequences = { kind: 'sequences', train: 'data.jsonl' };
  const ngram = { kind: 'ngram' };
  test.each<[string, unknown, RegExp]>([
    [
      'η = 0',
      { data: problem, training: { stepSize: 0, steps: 5 } },
      /training\.stepSize: .*>0.*\[ERR_INVALID_OPTION\]/s,
    ],
    [
      'several problems',
      { data: problem, training: { batchSize: 0, momentum: 1 } },
      /training\.batchSize: .*training: .*momentum/s,
    ],
    ['unknown key', { data: problem, trainng: {} }, /trainng/],
    ['unknown problem', { data: { kind: 'problem', name: 'prop-9' } }, /data\.name: /],
    ['unknown option of a problem', { data: { ...problem, options: { colour: 1 } }, training: { steps: 1 } }, /colour/],
    ['no steps', { data: problem }, /how many steps/],
    ['features of no problem', { data: sequences }, /features: only a named problem/],
    [
      'batch larger than data',
      { data: sequences, features: ngram, training: { batchSize: 31 } },
      /larger than the data set of 30/,
    ],
    ['missing file', { data: { kind: 'sequences', train: 'none.jsonl' }, features: ngram }, /none\.jsonl.*ERR_IO/s],
    ['vocabulary too small', { data: { ...sequences, vocabulary: 2 }, features: ngram }, /vocabulary has 2 tokens/],
    [
      'features of another shape',
      { data: sequences, features: { kind: 'table', by: 'prompt', file: 'short.npy' } },
      /has 12 values, not 2/,
    ],
    [
      '‖φ‖ > B',
      { data: sequences, features: { kind: 'table', by: 'prompt', file: 'table.npy', bound: 1 } },
      /above the bound B = 1/,
    ],
    ['NaN features', { data: sequences, features: { kind: 'table', by: 'prompt', file: 'nan.npy' } }, /NaN/],
    [
      'no features in the file',
      { data: sequences, features: { kind: 'table', by: 'prompt', file: 'features.json' } },
      /features\.json/,
    ],
    [
      'a teacher of another shape',
      { data: sequences, features: ngram, teacher: 'short.npy', training: { procedure: 'truncatedSgd' } },
      /teacher.*does not have 2/i,
    ],
    [
      'a teacher of responses held out',
      { data: { ...sequences, heldOut: 0.5 }, features: ngram, teacher: 'short.npy' },
      /another file/,
    ],
    ['exact without π_D', { data: sequences, features: ngram, validation: { exact: true } }, /validation\.exact/],
    [
      'a point of a sweep',
      { data: problem, training: { steps: 5 }, sweep: { 'training.stepSize': [0.1, -1] } },
      /training\.stepSize: .*stepSize=-1/s,
    ],
    ['a sweep over nothing', { data: problem, training: { steps: 5 }, sweep: { 'training.speed': [1] } }, /speed/],
  ])('refused, nothing written: %s', (_, bad, message) => {
    npy('short.npy', [2], [1, 2]);
    npy('table.npy', [2, 3, 2], new Array(12).fill(2));
    npy('nan.npy', [2, 3, 2], new Array(12).fill(Number.NaN));
    write('bad.json', bad);
    const { status, stdout, stderr } = cli('train', 'bad.json');
    expect(stderr).toMatch(message);
    expect([1, 2]).toContain(status);
    expect(stdout).toBe('');
    expect(existsSync(join(folder, 'bad'))).toBe(false);
  });

  test.each([
    ['broken.json', '{', /not valid JSON/],
    ['empty.mjs', 'export const a = 1;', /no default export/],
    ['throws.mjs', 'throw new Error("mine");', /mine/],
    ['config.yaml', 'a: 1', /\.json, \.js/],
  ])('%s is refused', (name, source, message) => {
    write(name, source);
    expect(cli('train', name)).toMatchObject({ status: 1, stderr: expect.stringMatching(message) });
  });

  test('--dry-run says what there is and writes nothing', () => {
    write('dry.json', config);
    const { status, stdout } = cli('train', 'dry.json', '--dry-run');
    expect(status).toBe(0);
    expect(stdout).toMatch(/1 text file.*pieces of 8 bytes.*The configuration is valid: 1 run/s);
    expect(existsSync(join(folder, 'dry'))).toBe(false);
  });
});

test('the example of --help ends in what `select` takes', () => {
  const { stdout: help } = cli('train', '--help');
  const [, training, selection] = help.match(/\$ coverage-principle (train .*)\n *\$ coverage-principle (select .*)/)!;
  write('model.json', help.slice(help.indexOf('{', help.indexOf('A configuration, model.json'))));
  expect(cli(...training!.split(' '), '--quiet').status).toBe(0);
  const { status, stdout, stderr } = cli(...selection!.split(' '), '--json');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(JSON.parse(stdout).models).toEqual(['step-100', 'step-200', 'step-300', 'step-400']);
});

describe('the schema', () => {
  test('is printed', () => {
    const { status, stdout } = cli('train', '--schema');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual(trainConfigJsonSchema());
  });
});

slow('the demonstration on text trains, selects and reports, the same every time', () => {
  write('demo.txt', text.repeat(8));
  const runs = ['demo-a', 'demo-b'].map((out) => cli('demo', 'text', 'demo.txt', '-o', out, '--quiet'));
  for (const { status, stderr } of runs) expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(runs[0]!.stdout).toContain('Where the runs ended');
  expect(runs[0]!.stdout.replaceAll('demo-a', 'demo-b')).toBe(runs[1]!.stdout);
  for (const name of ['report.html', 'selection.html', 'result.json', 'sweep.csv']) {
    const [a, b] = ['demo-a', 'demo-b'].map((out) => readFileSync(join(folder, out, name)));
    expect(a!.equals(b!), name).toBe(true);
  }
});

function npy(name: string, shape: readonly number[], values: readonly number[]): void {
  const header = `{'descr': '<f8', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`.padEnd(117);
  const prelude = Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1');
  const data = Buffer.from(Float64Array.from(values).buffer);
  writeFileSync(join(folder, name), Buffer.concat([prelude, Buffer.from(`${header}\n`, 'latin1'), data]));
}
