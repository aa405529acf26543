import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { matchNames } from '../src/cli/arguments.js';
import { PROJECT_FILE } from '../src/cli/command-line.js';
import { completionScript } from '../src/cli/completion.js';
import { program } from '../src/cli/program.js';
import { ProgressLine } from '../src/cli/progress.js';
import { applyProjectFile, projectFileSchema } from '../src/cli/project-file.js';
import { slow } from './shared.js';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coverage-command-line-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
write(
  'scores.csv',
  ['id,step-1,step-2,base', ...Array.from({ length: 40 }, (_, i) => `r${i},-1,-3,-9`), ''].join('\n'),
);

function cli(...args: string[]) {
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', cwd: folder });
}

const context = { signal: new AbortController().signal, exitWith: () => undefined };
const tree = () => program(context);

slow('a command that is called loads no other; the list of all loads none', async () => {
  const all = await tree();
  const loaded = (root: typeof all) => root.commands.filter(({ options }) => options.length > 0).length;
  expect(loaded(all)).toBeGreaterThan(8);
  const one = await program(context, ['doctor']);
  expect(loaded(one)).toBe(1);
  const none = await program(context, []);
  expect(none.helpInformation()).toBe(all.helpInformation());
  expect(none.commands.map((command) => command.summary())).not.toContain('');
});

describe('names of models', () => {
  const names = ['base', 'step-10', 'step-2', 'org/step-3', 'a*b'];

  test('may be patterns, which stand for names in the order of the input', () => {
    expect(matchNames(['step-*'], names)).toEqual(['step-10', 'step-2']);
    expect(matchNames(['*step*', 'base', 'step-2'], names)).toEqual(['step-10', 'step-2', 'org/step-3', 'base']);
    expect(matchNames(['a*b', 'nobody'], names)).toEqual(['a*b', 'nobody']);
    expect(() => matchNames(['s.ep-*'], names)).toThrow(/No model is called like s\.ep-\*: there are base, step-10/);
  });
});

describe('a project file', () => {
  const inFolder = <T>(text: string, then: () => T): T => {
    write(PROJECT_FILE, text);
    const before = process.cwd();
    process.chdir(folder);
    try {
      return then();
    } finally {
      process.chdir(before);
      rmSync(join(folder, PROJECT_FILE));
    }
  };
  const apply = async (settings: object) => {
    const root = await tree();
    inFolder(JSON.stringify(settings), () => applyProjectFile(root));
    return (name: string) => root.commands.find((command) => command.name() === name)!.opts();
  };

  test('gives options that are checked as on the command line', async () => {
    const options = await apply({
      all: { threads: 2, column: ['id=doc', 'model=name'] },
      select: { 'best-of': [4, 16], 'require-significant': true, quiet: false, threads: 1 },
    });
    expect(options('select')).toMatchObject({ bestOf: [4, 16], requireSignificant: true, threads: 1 });
    expect(options('select')['column']).toEqual([
      ['id', 'doc'],
      ['model', 'name'],
    ]);
    expect(options('select')['quiet']).toBeUndefined();
    expect(options('pass-at-k')).toMatchObject({ threads: 2, k: [1] });
  });

  test('is refused with the place', async () => {
    const refused = (settings: object) =>
      apply(settings).then(
        () => undefined,
        (error) => error,
      );
    expect(await refused({ select: { 'best-of': 2 } })).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      place: { file: PROJECT_FILE, field: 'select.best-of' },
      message: expect.stringMatching(/at least 3/),
    });
    expect(await refused({ select: { bestof: 4 } })).toMatchObject({
      message: expect.stringMatching(/select: .*bestof/),
    });
    expect(await refused({ selct: {} })).toMatchObject({ message: expect.stringMatching(/selct/) });
    expect(await refused({ all: { format: 'xlsx' } })).toMatchObject({ place: { field: 'all.format' } });
    const root = await tree();
    expect(() => inFolder('{', () => applyProjectFile(root))).toThrow(/not valid JSON/);
  });

  test('knows every option of every command', async () => {
    const root = await tree();
    const schema = projectFileSchema(root);
    for (const command of root.commands.filter(({ options }) => options.length > 0)) {
      expect(Object.keys(schema.shape)).toContain(command.name());
    }
  });

  slow('is what a command runs with; the command line goes before it, and a report says both', () => {
    write(PROJECT_FILE, '{ "select": { "N": 4, "models": ["step-*"], "report": "report.html" } }');
    const models = (...args: string[]) => JSON.parse(cli('select', 'scores.csv', '--json', ...args).stdout).models;
    expect(models()).toEqual(['step-1', 'step-2']);
    expect(readFileSync(join(folder, 'report.html'), 'utf8')).toMatch(
      /coverage-principle select scores\.csv --json --N 4 --models \S+ --report report\.html/,
    );
    expect(models('--models', '*')).toEqual(['step-1', 'step-2', 'base']);
    rmSync(join(folder, PROJECT_FILE));
  });
});

test('--png without a folder says what it needs, before anything is read', () => {
  const { status, stdout, stderr } = cli('reproduce', 'prop-3.2', '--png');
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/--figures FOLDER --png/);
});

test('a configuration nested without end is refused with the place', () => {
  write('deep.json', `{"features":${'{"kind":"sum","parts":['.repeat(3000)}${']}'.repeat(3000)}}`);
  const { status, stderr } = cli('train', 'deep.json', '--dry-run');
  expect(status).toBe(1);
  expect(stderr).toMatch(/deep\.json cannot be used: it is nested .* at features\.parts\.0\.parts/);
});

describe('progress', () => {
  const record = (isTTY: boolean) => {
    const written: string[] = [];
    const clock = { now: 0 };
    const line = new ProgressLine(false, { isTTY, write: (text) => written.push(text) }, () => clock.now);
    for (clock.now = 0; clock.now <= 25_000; clock.now += 100) {
      line.stage('counting')({ done: clock.now, total: 50_000, elapsed: clock.now / 1000 });
    }
    line.clear();
    return written;
  };

  test('is a line every ten seconds where there is no terminal', () => {
    expect(record(false)).toEqual(['counting 20% · 10.0 s · 40.0 s left\n', 'counting 40% · 20.0 s · 30.0 s left\n']);
  });

  test('says where it was interrupted that the same command goes on', () => {
    const written: string[] = [];
    const line = new ProgressLine(false, { isTTY: true, write: (text) => written.push(text) });
    line.end(new AbortController().signal);
    expect(written).toEqual([]);
    line.end(AbortSignal.abort());
    expect(written).toEqual(['Interrupted. The same command goes on where it was.\n']);
    new ProgressLine(true).end(AbortSignal.abort());
  });

  test('is written over, and taken away, on a terminal', () => {
    const written = record(true);
    expect(written.at(-2)).toMatch(/^\r.*counting █+░+ 50% · 25\.0 s · 25\.0 s left$/);
    expect(written.at(-1)).toBe('\r\x1b[K');
  });
});

describe('completion', () => {
  const bash = spawnSync('bash', ['--version']).status === 0;

  test.skipIf(!bash)('bash completes commands, options, their values and files', async () => {
    const script = `${completionScript(await tree(), 'bash')}
      try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _coverage_principle; echo "\${COMPREPLY[*]}"; }
      try coverage-principle sel
      try coverage-principle select --for
      try coverage-principle select --format = n
      try coverage-principle demo te
      try coverage-principle demo text --q
      try coverage-principle select --report sc
      try coverage-principle completion ''`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8', cwd: folder });
    expect(stderr).toBe('');
    expect(stdout.trimEnd().split('\n')).toEqual([
      'select',
      '--format',
      'npy npz',
      'text',
      '--quiet',
      'scores.csv',
      'bash zsh fish',
    ]);
  });

  test.each(['zsh', 'fish'] as const)('%s reads its script', async (shell) => {
    const script = completionScript(await tree(), shell);
    for (const word of ['pass-at-k', 'best-of', 'evalplus', 'text']) expect(script).toContain(word);
    write(`completion.${shell}`, script);
    const { status, stderr, error } = spawnSync(shell, ['-n', join(folder, `completion.${shell}`)], {
      encoding: 'utf8',
    });
    // The shell itself need not be there.
    if (!error) expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

test.skipIf(process.platform !== 'linux')('a command runs in 4 GB of address space', () => {
  const { status, stdout } = spawnSync(
    'sh',
    ['-c', `ulimit -v 4194304; "${process.execPath}" "${main}" select scores.csv -N 4 --json`],
    { encoding: 'utf8', cwd: folder },
  );
  expect(status).toBe(0);
  expect(JSON.parse(stdout).recommendation.model).toBe('step-1');
});
