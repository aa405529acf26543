// Samples of served checkpoints with each verifier, as a user draws them, judged once more here.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { byPython } from './checks.mjs';
import { command, json, linesIn } from './command.mjs';

/** Samples a prompt. */
const COUNT = 8;
/** Most tokens of a sample. */
const TOKENS = 24;
const KS = [1, 4, 8];

/** As the guide's: right where a test in the row says so of what comes on standard input. */
const CHECK = `import json, os, sys
row = json.loads(os.environ["COVERAGE_PRINCIPLE_ROW"])
sys.exit(row["letter"] not in sys.stdin.read())
`;

const choose = (n, k) => Array.from({ length: k }, (_, i) => (n - i) / (k - i)).reduce((a, b) => a * b, 1);

/** Of n samples c right: the probability that one of k drawn from them is. */
const passAtK = (n, c, k) => 1 - (n - c < k ? 0 : choose(n - c, k) / choose(n, k));

export async function samples(context) {
  const { python, folder, models, names, server, rows } = context;
  const found = [];
  const failures = [];
  const at = (what) => join(folder, `samples-${what}`);
  const prompts = [...new Map(rows.map((row) => [row.promptId, row])).values()].slice(0, 20);
  const problems = (what, more) => {
    const path = join(folder, `problems-${what}.jsonl`);
    const lines = prompts.map(({ promptId, prompt, promptTokens, messages }, index) =>
      JSON.stringify({ id: promptId, prompt, promptTokens, messages, ...more(index) }),
    );
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
  };
  const check = join(folder, 'check.py');
  writeFileSync(check, CHECK);
  const all = [];
  for (const [index, name] of names.entries()) all.push(await server(name, { beside: index > 0 }));
  const words = (what, path, more, servers = all) => [
    ...['sample', path, '--out', at(what), '--quiet', '--max-tokens', String(TOKENS), ...more],
    ...servers.flatMap(({ name, url }) => ['--server', `${name}=${url}`]),
  ];
  const samplesOf = (what, name) => linesIn(join(at(what), `${name}.jsonl`)).map((line) => JSON.parse(line));

  // What the OpenAI client gets of each prompt at temperature 0 is the answer of every second one.
  const plain = problems('plain', () => ({}));
  const greedy = byPython(python, 'openai_client.py', [
    'greedy',
    all[0].url,
    names[0],
    join(models, names[0]),
    plain,
    String(TOKENS),
  ]);
  const exact = problems('exact', (index) => ({ answer: index % 2 === 0 ? greedy[index].trim() : 'something else' }));
  const one = await json(words('exact', exact, ['-n', '1', '--exact', '--temperature', '0'], all.slice(0, 1)));
  const right = samplesOf('exact', names[0]).map(({ correct }) => correct);
  const asked = right.filter((each, index) => each === (index % 2 === 0 && greedy[index].trim() !== '')).length;
  found.push(`--exact at temperature 0: ${asked} of ${prompts.length} judged as the OpenAI client's text says`);
  if (!one.complete || asked !== prompts.length) failures.push('--exact: other texts or other judgements');

  const vowels = /[aeiou]/;
  const letters = ['e', 'z', 't', '%'];
  const kinds = [
    ['pattern', () => ({}), ['--pattern', vowels.source], ({ response }) => vowels.test(response)],
    [
      'number',
      () => ({ answer: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] }),
      ['--number'],
      // What is more than digits is left to the tests of the verifier.
      ({ response }) => (/[-+−.,]\d|\d[.,eE]/.test(response) ? null : endsInDigit(response)),
    ],
    [
      'command',
      (index) => ({ letter: letters[index % letters.length] }),
      ['--command', `'${python}' '${check}'`],
      ({ problemId, response }) => {
        const index = prompts.findIndex(({ promptId }) => promptId === problemId);
        return response.includes(letters[index % letters.length]);
      },
    ],
  ];
  for (const [kind, more, verifier, judge] of kinds) {
    const path = problems(kind, more);
    const args = words(kind, path, ['-n', String(COUNT), ...verifier]);
    // Killed once on the way: what is there is kept.
    const linesOf = () => names.reduce((sum, name) => sum + linesIn(join(at(kind), `${name}.jsonl`)).length, 0);
    const { code } = await command(args, { killWhen: () => linesOf() >= 60 });
    const before = new Set(names.flatMap((name) => linesIn(join(at(kind), `${name}.jsonl`))));
    const result = await json(args);
    const lines = names.map((name) => samplesOf(kind, name));
    const judged = lines.flat().map((line) => [line.correct, judge(line)]);
    const known = judged.filter(([, own]) => own !== null);
    const same = known.filter(([correct, own]) => correct === own).length;
    if (!result.complete || judged.length !== names.length * prompts.length * COUNT)
      failures.push(`--${kind}: ${judged.length} samples`);
    if (code !== null) failures.push(`--${kind}: it ended before it was killed`);
    const kept = new Set(names.flatMap((name) => linesIn(join(at(kind), `${name}.jsonl`))));
    if ([...before].some((line) => !kept.has(line))) failures.push(`--${kind}: samples are lost`);
    if (same !== known.length) failures.push(`--${kind}: ${known.length - same} are judged otherwise here`);
    const { perK } = await json(['pass-at-k', at(kind), '-k', KS.join(), '--replicates', '0']);
    const wanted = lines.map((own) =>
      KS.map((k) => {
        const counts = prompts.map(
          ({ promptId }) => own.filter(({ problemId, correct }) => problemId === promptId && correct).length,
        );
        return counts.reduce((sum, c) => sum + passAtK(COUNT, c, k), 0) / counts.length;
      }),
    );
    const off = Math.max(
      ...wanted.flatMap((own, model) => own.map((value, k) => Math.abs(value - perK[k].values[model].value))),
    );
    if (!(off < 1e-12)) failures.push(`--${kind}: Pass@k is off by ${off}`);
    const shares = perK.map(({ k, values }) => `Pass@${k} ${values.map(({ value }) => value.toFixed(2)).join(' ')}`);
    found.push(
      `--${kind}: killed −9 after ${before.size} of ${judged.length} samples and called again; ${same} of ${known.length} ` +
        `judged as here; ${shares.join(', ')}`,
    );
  }
  return { found, failures };
}

/** Whether the last number of a text, of digits alone, is at most 9. */
function endsInDigit(text) {
  const last = text.match(/\d+/g)?.at(-1);
  return last !== undefined && Number(last) <= 9;
}
