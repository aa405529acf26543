import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { globSync } from 'tinyglobby';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { run } from '../src/cli/program.js';
import { npyPieces } from '../src/log-probs/npy.js';

/*
 * Every command and snippet of README and docs is run, page by page, in a folder that holds the files that pages speak of.
 *
 *   sh            each line by itself, in this process where it is only a command of ours, else by bash
 *   yaml          the commands behind `run:`
 *   js, mjs       by Node
 *   python        by the interpreter that VLLM_PYTHON names, or python3, where there is one; the snippets of a page are
 *                 cells of a notebook, each after those before it
 *   json          parsed
 *
 * `<!-- file: NAME -->` before a snippet writes it there, for what comes after; `<!-- not run: REASON -->` leaves it out,
 * for what needs a server, a GPU or hours; `<!-- needs: MODULE, … -->` runs it where the interpreter has these modules;
 * `<!-- exit: 3 -->` says how its last command ends, if not by 0.
 */

const root = fileURLToPath(new URL('..', import.meta.url));
/** The interpreter of a machine that has vLLM, Transformers and what else pages speak of; see `npm run test:vllm`. */
const equipped = process.env['VLLM_PYTHON'];
const pages = ['README.md', ...globSync('docs/**/*.md', { cwd: root })].sort();
const folder = mkdtempSync(join(tmpdir(), 'coverage-docs-'));
// PyTorch alone takes seconds to be imported.
if (equipped !== undefined) vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });
const before = process.cwd();

interface Snippet {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
  readonly marks: Readonly<Record<string, string>>;
}

function snippetsOf(page: string): Snippet[] {
  const lines = readFileSync(join(root, page), 'utf8').split('\n');
  const snippets: Snippet[] = [];
  for (let line = 0; line < lines.length; line += 1) {
    const [, indent = '', language] = /^( *)```(\w+)/.exec(lines[line]!) ?? [];
    if (language === undefined) continue;
    const end = lines.findIndex((text, index) => index > line && text.startsWith(`${indent}\`\`\``));
    const marks: Record<string, string> = {};
    for (let above = line - 1; above >= 0; above -= 1) {
      const [, name, value] = /^ *<!-- (file|not run|needs|exit): (.+) -->$/.exec(lines[above]!) ?? [];
      if (name === undefined) break;
      marks[name] = value!;
    }
    const text = lines.slice(line + 1, end).map((each) => each.slice(indent.length));
    snippets.push({ page, line: line + 1, language, text: `${text.join('\n')}\n`, marks });
    line = end;
  }
  return snippets;
}

/** The files that pages speak of. */
function furnish(): void {
  const write = (name: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  };
  const models = ['base', 'step-1000', 'step-2000', 'step-3000'];
  // Later checkpoints are better on most responses and far worse on some of every ten.
  const rows = models.map((_, m) =>
    Float64Array.from({ length: 200 }, (_, i) => -20 + (i % 10 < 8 ? m : -1.1 * m) + 0.3 * Math.sin(7 * i + m)),
  );
  const npy = Buffer.concat([...npyPieces([models.length, 200], rows)]);
  write('logprobs.npy', npy);
  write('logprobs.json', JSON.stringify({ models }));
  const csv = (names: readonly string[]) =>
    ['id', ...names].join(',') +
    `\n${Array.from({ length: 200 }, (_, i) => [`r${i}`, ...names.map((name) => rows[models.indexOf(name)]![i])].join(',')).join('\n')}\n`;
  write('scores.csv', csv(models));
  write('runs/scores.csv', csv(models));
  for (const [m, name] of models.entries()) {
    const lines = Array.from({ length: 200 }, (_, i) => JSON.stringify({ id: `r${i}`, logProb: rows[m]![i] }));
    write(`scored/${name}.jsonl`, `${lines.join('\n')}\n`);
    const samples = Array.from({ length: 40 }, (_, p) => JSON.stringify({ id: `p${p}`, n: 16, c: (p * (m + 1)) % 17 }));
    write(`samples/${name}.jsonl`, `${samples.join('\n')}\n`);
  }
  // A teacher's log-probabilities, those of two checkpoints, and of their answers after three reasonings each.
  const jsonl = (lines: readonly object[]) => `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
  const whole = ['teacher', 'step-1000', 'step-2000'].flatMap((model, m) =>
    Array.from({ length: 60 }, (_, i) => ({ model, id: `problem-${i}`, logProb: -8 - (m && ((i * m) % 7) / 2) })),
  );
  write('whole.jsonl', jsonl(whole));
  const draws = ({ model, id, logProb }: (typeof whole)[number]) =>
    [0, 1, 2].map((reasoningId) => ({ model, id, reasoningId, logProb: logProb / 4 - reasoningId / 2 }));
  write('answers.jsonl', jsonl(whole.flatMap(draws)));
  const fixtures = join(root, '__test__/fixtures/log-probs');
  cpSync(join(fixtures, 'responses/vllm-http'), join(folder, 'vllm'), { recursive: true });
  cpSync(join(fixtures, 'responses/sglang'), join(folder, 'sglang'), { recursive: true });
  cpSync(join(fixtures, 'lm-eval/choice'), join(folder, 'lm-eval'), { recursive: true });
  cpSync(join(fixtures, 'lm-eval/rolling'), join(folder, 'rolling'), { recursive: true });
  const pairs = Array.from({ length: 40 }, (_, i) => ({
    id: `r${i}`,
    promptId: `p${i >> 1}`,
    prompt: `Response ${i >> 1} of the checkpoint`,
    response: ` is ${7 * i} better.`,
  }));
  write('held-out.jsonl', `${pairs.map((pair) => JSON.stringify(pair)).join('\n')}\n`);
  const tokens = JSON.stringify({ id: 'r0', promptTokens: [5, 6, 7], responseTokens: [8, 9] });
  write('pairs.jsonl', `${tokens}\n`);
  if (equipped !== undefined) {
    const checkpoints = ['checkpoint-1000', 'checkpoint-2000'];
    const args = [
      join(root, 'scripts/vllm/tiny_models.py'),
      join(folder, 'runs'),
      join(root, 'README.md'),
      ...checkpoints,
    ];
    const { status, stderr } = spawnSync(equipped, args, { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
  }
  write('corpus.txt', readFileSync(join(root, 'README.md'), 'utf8').repeat(2));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/coverage-principle'), 'junction');
  write('package.json', '{ "type": "module" }');
  mkdirSync(join(folder, 'bin'));
  const command = `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'dist/cli/main.js')}" "$@"\n`;
  writeFileSync(join(folder, 'bin/coverage-principle'), command, { mode: 0o755 });
  writeFileSync(join(folder, 'bin/npx'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
  if (equipped !== undefined) {
    writeFileSync(join(folder, 'bin/python'), `#!/bin/sh\nexec "${equipped}" "$@"\n`, { mode: 0o755 });
  }
}

const path = [join(folder, 'bin'), ...(equipped === undefined ? [] : [dirname(equipped)]), process.env['PATH']];
/** Nothing is fetched and nothing reported by what pages start. */
const env = { ...process.env, HF_HUB_OFFLINE: '1', VLLM_CPU_KVCACHE_SPACE: '1', PATH: path.join(delimiter) };

/** The words of a command of ours, or `null` where it takes a shell to read the line. */
function ownWords(line: string): string[] | null {
  const words = line.match(/'[^']*'|"[^"$]*"|[^\s'"]+/g) ?? [];
  if (words[0] === 'npx') words.shift();
  if (words.shift() !== 'coverage-principle' || /[|<>$&;*{]/.test(line.replace(/'[^']*'/g, ''))) return null;
  return words.map((word) => (/^['"]/.test(word) ? word.slice(1, -1) : word));
}

async function runLine(line: string): Promise<{ status: number | null; said: string }> {
  const words = ownWords(line);
  if (words === null) {
    const { status, stdout, stderr } = spawnSync('bash', ['-ec', line], { cwd: folder, env, encoding: 'utf8' });
    return { status, said: stdout + stderr };
  }
  const said: string[] = [];
  const record = (text: unknown) => said.push(String(text)) > 0;
  const streams = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')];
  for (const stream of streams) stream.mockImplementation(record);
  try {
    return { status: await run(words), said: said.join('') };
  } finally {
    for (const stream of streams) stream.mockRestore();
  }
}

/** The lines of a script; one that ends in a backslash goes on, loops and conditions are one. */
function linesOf(script: string): string[] {
  const plain = script.replace(/\\\n\s*/g, ' ').replace(/(^|\s)#.*$/gm, '');
  if (/^\s*(for|if|while)\b|<<|^\s*export\b|^\w+=/m.test(plain)) return [plain];
  return plain
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

const interpreter = equipped ?? 'python3';
const python = spawnSync(interpreter, ['--version']).status === 0;

/** What a snippet needs and the interpreter lacks. */
function lacking({ language, marks }: Snippet): string | null {
  const modules = marks['needs']?.split(', ') ?? [];
  if (modules.length === 0) return language === 'python' && !python ? 'Python' : null;
  const find = 'import sys, importlib.util as u; print(*[m for m in sys.argv[1:] if u.find_spec(m) is None])';
  const { status, stdout } = spawnSync(interpreter, ['-c', find, ...modules], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() || null : 'Python';
}

function runScript(command: string, name: string, text: string): void {
  writeFileSync(join(folder, name), text);
  const { status, stdout, stderr } = spawnSync(command, [name], { cwd: folder, env, encoding: 'utf8' });
  expect(status, `${stdout}${stderr}`).toBe(0);
}

async function runCommands(lines: readonly string[], exit: number): Promise<void> {
  for (const [index, line] of lines.entries()) {
    const { status, said } = await runLine(line);
    expect(status, `$ ${line}\n${said}`).toBe(index === lines.length - 1 ? exit : 0);
  }
}

async function tryOut(snippet: Snippet, cells: string): Promise<void> {
  const { language, text, marks } = snippet;
  const exit = Number(marks['exit'] ?? 0);
  if (marks['file'] !== undefined) {
    mkdirSync(dirname(join(folder, marks['file'])), { recursive: true });
    writeFileSync(join(folder, marks['file']), text);
  }
  if (language === 'json') JSON.parse(text);
  else if (marks['file'] !== undefined && language !== 'js') return;
  else if (language === 'sh') await runCommands(linesOf(text), exit);
  else if (language === 'yaml') {
    const block = /run: \|\n((?: {8,}.*\n)+)/g;
    const lines = [...text.matchAll(block)].flatMap(([, lines]) => linesOf(lines!.replace(/^ +/gm, '')));
    await runCommands(
      lines.filter((line) => !/^npm (ci|install)/.test(line)),
      exit,
    );
  } else if (language === 'js' || language === 'mjs') runScript(process.execPath, 'snippet.mjs', text);
  else if (language === 'python') runScript(interpreter, 'snippet.py', `${cells}${text}`);
  else throw new Error(`Nothing is known of ${language}: use text for what is shown, not run.`);
}

beforeAll(() => {
  furnish();
  process.chdir(folder);
});

afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

describe.each(pages)('%s', (page) => {
  const snippets = snippetsOf(page).filter(({ language }) => language !== 'text');

  let cells = '';
  for (const snippet of snippets) {
    const lack = lacking(snippet);
    const reason = snippet.marks['not run'] ?? (lack === null ? undefined : `needs ${lack}`);
    const before = cells;
    test.skipIf(reason !== undefined)(`${snippet.language} at line ${snippet.line}${reason ? `: ${reason}` : ''}`, () =>
      tryOut(snippet, before),
    );
    const isCell = snippet.language === 'python' && snippet.marks['file'] === undefined && reason === undefined;
    if (isCell) cells += snippet.text;
  }

  test('its links lead to files that are there', () => {
    const text = readFileSync(join(root, page), 'utf8').replace(/^( *)```[\s\S]*?^\1```/gm, '');
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
    for (const link of links.filter((link) => !/^(https?:|#)/.test(link))) {
      const [path, anchor] = link.split('#');
      const target = join(root, dirname(page), decodeURI(path!));
      const there = readFileSync(/\.\w+$/.test(target) ? target : join(target, 'README.md'), 'utf8');
      if (anchor !== undefined) expect(anchorsOf(there), link).toContain(anchor);
    }
  });
});

/** Anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}

test('the table of what is linked into the addon names what the core depends on, and nothing else', () => {
  const [, rows] = readFileSync(join(root, 'docs/robustness.md'), 'utf8').split('Linked into the addon:');
  const cells = [...rows!.matchAll(/^\| ([^|]+) \|/gm)].slice(2).map(([, cell]) => cell!);
  const named = cells.flatMap((cell) => cell.split(', ').map((crate) => crate.split(' with ')[0]!));
  const ofCrate = (crate: string) => {
    const [tables] = readFileSync(join(root, `crates/${crate}/Cargo.toml`), 'utf8').split('[dev-dependencies]');
    return [...tables!.matchAll(/^([\w-]+)\.workspace = true$/gm)].map(([, name]) => name!);
  };
  const own = [
    'version',
    'edition',
    'rust-version',
    'license',
    'publish',
    'coverage-principle-core',
    'coverage-principle-problems',
  ];
  const used = new Set(['core', 'problems', 'node'].flatMap(ofCrate).filter((name) => !own.includes(name)));
  // What belongs to napi goes with it.
  for (const part of ['napi-derive', 'napi-build']) used.delete(part);
  expect(named.toSorted()).toEqual([...used].toSorted());
});
