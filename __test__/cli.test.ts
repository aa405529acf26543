import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { hasShared, sharedPath, slow } from './shared.js';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'coverage-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function cli(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', cwd: folder });
  return { status, stdout, stderr };
}

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

// Three checkpoints on six responses to three prompts: `late` gives up on r5, `middle` never does.
const scores = write(
  'scores.csv',
  [
    'id,early,middle,late',
    'r0,-9,-3,-2',
    'r1,-9,-3,-2',
    'r2,-9,-3,-2',
    'r3,-9,-3,-2',
    'r4,-9,-3,-2',
    'r5,-5,-4,-7',
    '',
  ].join('\n'),
);

describe('select', () => {
  test('prints one JSON object with what the contract names', () => {
    const { status, stdout, stderr } = cli('select', scores, '-N', '2,4,16', '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ models: ['early', 'middle', 'late'], responses: 6, warnings: expect.any(Array) });
    expect(result.tournaments.map(({ N, winner }: { N: number; winner: string }) => [N, winner])).toEqual([
      [2, 'late'],
      [4, 'middle'],
      [16, 'middle'],
    ]);
    expect(result.tournaments[2]).toMatchObject({
      scores: [5 / 6, 0, 1 / 6],
      rivals: ['middle', 'early', 'middle'],
      ranking: ['middle', 'late', 'early'],
    });
    expect(result.crossEntropy).toMatchObject({ winner: 'late', values: [50 / 6, 19 / 6, 17 / 6] });
    expect(result.disagreements).toContainEqual(
      expect.objectContaining({ N: 16, criterion: 'cross-entropy', pick: 'late', winner: 'middle', uncovered: 1 }),
    );
  });

  slow('the same seed gives the same bytes at any number of threads', () => {
    const outputs = ['1', '2', '3', '8'].map(
      (threads) => cli('select', scores, '-N', '4', '--json', '--threads', threads).stdout,
    );
    expect(new Set(outputs).size).toBe(1);
  });

  slow('writes report, table, figures and uncovered responses', () => {
    const { status } = cli(
      ...['select', scores, '-N', '4,16', '--report', 'out/report.html', '--csv', 'out/table.csv'],
      ...['--figures', 'out/figures', '--per-response', 'out/uncovered.csv'],
    );
    expect(status).toBe(0);
    expect(readFileSync(join(folder, 'out/report.html'), 'utf8')).toContain('middle');
    expect(readFileSync(join(folder, 'out/table.csv'), 'utf8').split('\n')[0]).toContain('bestOf,N,model,rank');
    expect(readFileSync(join(folder, 'out/uncovered.csv'), 'utf8')).toMatch(
      /16,cross-entropy,late,middle,r5,,3,-7,-4,-4/,
    );
    expect(readdirSync(join(folder, 'out/figures')).length).toBeGreaterThan(2);
  });

  describe('how sure a choice is', () => {
    // On 60 responses `b` falls behind on 20 and `c` on 3: `b` is ruled out, `c` is not.
    const sixty = write(
      'sixty.csv',
      [
        'id,a,b,c',
        ...Array.from({ length: 60 }, (_, i) => `r${i},-2,${i < 20 ? -6 : -2},${i > 56 ? -6 : -2}`),
        '',
      ].join('\n'),
    );
    const exit = (...args: string[]) => cli('select', sixty, '--best-of', '16', ...args).status;

    slow('a budget is answered at its ratio, with the models that may be best', () => {
      const result = JSON.parse(cli('select', sixty, '--best-of', '16', '-N', '1e9', '--json').stdout);
      expect(result).toMatchObject({ schemaVersion: 2, version: expect.any(String), prompts: null, unit: 'response' });
      expect(result.recommendation).toEqual({ model: 'a', verdict: 'silent', aboveLeast: 0 });
      expect(result.tournaments).toMatchObject([
        { bestOf: 16, N: 4, winner: 'a', verdict: 'noise', possibleWinners: ['a', 'c'] },
        { bestOf: null, N: 1e9, verdict: 'silent', responsesNeeded: null, sharing: 3 },
      ]);
      expect(result.tournaments[0].responsesNeeded).toBeGreaterThan(60);
      expect(result.tournaments[0].resolution).toBeCloseTo(Math.exp(4), 9);
      expect(cli('select', sixty, '--best-of', '16').stdout).toMatch(/within noise/i);
      expect(cli('select', scores, '-N', '16').stdout).toMatch(/too few/i);
    });

    slow('can be insisted on, or left to models named as equals', () => {
      expect(exit('--require-significant')).toBe(3);
      expect(exit('--require-significant', '--accept-ties', 'a,b')).toBe(3);
      expect(exit('--require-significant', '--accept-ties', 'a,c')).toBe(0);
      expect(exit('--require-significant', '--models', 'a,b')).toBe(0);
      expect(exit('--accept-ties', 'a,c')).toBe(2);
      expect(cli('select', sixty, '-N', '1e9', '--require-significant', '--accept-ties', 'a,b,c').status).toBe(3);
    });

    slow('fails against a baseline only where that is shown to be better', () => {
      expect(exit('--baseline', 'a', '--fail-if-worse', '--models', 'a,b')).toBe(3);
      expect(exit('--baseline', 'a', '--fail-if-worse', '--models', 'a,c')).toBe(0);
      expect(exit('--baseline', 'b', '--fail-if-worse')).toBe(0);
      expect(exit('--fail-if-worse')).toBe(2);
      expect(exit('--baseline', 'nobody', '--fail-if-worse')).toBe(2);
    });

    test('two models head to head', () => {
      const { status, stdout } = cli('compare', 'a', 'b', sixty, '--best-of', '16', '--json');
      expect(status).toBe(0);
      const { tournaments, responsesLed } = JSON.parse(stdout);
      expect(tournaments).toMatchObject([{ better: 'a', verdict: 'clear', leads: [{ count: 20 }, { count: 0 }] }]);
      expect(responsesLed[0]).toHaveLength(20);
      expect(cli('compare', 'a', 'b', sixty).status).toBe(2);
    });

    slow('two models head to head show what the responses say, where a file has it', () => {
      const said = (i: number) => ({ id: `r${i}`, prompt: `question\n${i}`, response: 'x'.repeat(10 * i) });
      const texts = write('texts.jsonl', Array.from({ length: 9 }, (_, i) => `${JSON.stringify(said(i))}\n`).join(''));
      const compared = (...args: string[]) => cli('compare', 'a', 'b', ...args, '-N', '16');
      const textOf = (id: string, ...args: string[]) => {
        const { responsesLed } = JSON.parse(compared(...args, '--json').stdout);
        return responsesLed[0].find(({ response }: { response: string }) => response === id).text;
      };
      expect(textOf('r8', sixty, '--texts', texts)).toEqual({ prompt: 'question\n8', response: 'x'.repeat(80) });
      expect(textOf('r9', sixty, '--texts', texts)).toBeNull();
      const shown = compared(sixty, '--texts', texts).stdout;
      expect(shown).toContain('question 8');
      expect(shown).not.toContain('x'.repeat(60));
      // Rows of the input itself, one file a model.
      const scored = (model: string) =>
        write(
          `${model}.jsonl`,
          Array.from({ length: 60 }, (_, i) => {
            const sum_logprobs = model === 'b' && i < 20 ? -6 : -2;
            return `${JSON.stringify({ ...said(i), sum_logprobs })}\n`;
          }).join(''),
        );
      expect(textOf('r8', scored('a'), scored('b')).prompt).toBe('question\n8');
      expect(compared(sixty, '--texts', join(folder, 'nowhere.jsonl')).stderr).toContain('nowhere.jsonl');
      expect(compared(sixty, '--texts', texts, '--csv', texts).status).toBe(2);
    });
  });

  test('the winner alone is the same', () => {
    const result = JSON.parse(cli('select', scores, '-N', '2,4,16', '--winner-only', '--json').stdout);
    expect(result.tournaments.map(({ winner }: { winner: string }) => winner)).toEqual(['late', 'middle', 'middle']);
  });

  slow('keeps a tournament, and extends it by new models alone', () => {
    const args = (...models: string[]) => [
      'select',
      scores,
      '-N',
      '4',
      '--tournament',
      'kept.tournament',
      '--json',
      '--models',
      models.join(','),
    ];
    expect(cli(...args('early', 'middle')).status).toBe(0);
    const { status, stdout } = cli(...args('early', 'middle', 'late'));
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(cli('select', scores, '-N', '4', '--json').stdout));
    expect(cli(...args('early', 'late'))).toMatchObject({ status: 1, stderr: expect.stringMatching(/middle/) });
  });

  test('sampled responses give the pick by Pass@N', () => {
    const samples = write(
      'samples.jsonl',
      ['early', 'middle', 'late'].map((model, c) => JSON.stringify({ model, id: 'p', n: 20, c: 3 * c })).join('\n'),
    );
    const result = JSON.parse(cli('select', scores, '-N', '4', '--samples', samples, '--json').stdout);
    expect(result.passAtK.picks).toMatchObject([{ k: 4, N: 4, winner: 'late' }]);
  });

  test('a reference gives KL divergences and does not compete', () => {
    const result = JSON.parse(cli('select', scores, '-N', '4', '--reference', 'middle', '--json').stdout);
    expect(result.models).toEqual(['early', 'late']);
    expect(result.kl).toMatchObject({ reference: 'middle', winner: 'late' });
  });

  test.each([
    ['no N', ['select', scores], 2, /--best-of 4,16, .* -N 4/],
    ['N below 1', ['select', scores, '-N', '0.5'], 2, /at least 1/],
    ['N that is no number', ['select', scores, '-N', 'four'], 2, /"four"/],
    ['N twice', ['select', scores, '-N', '4,4'], 2, /twice/],
    ['an unknown option', ['select', scores, '-N', '4', '--reprot', 'x'], 2, /--report/],
    ['an unknown model', ['select', scores, '-N', '4', '--reference', 'nobody'], 2, /early, middle, late/],
    ['a missing file', ['select', 'missing.npy', '-N', '4'], 1, /missing\.npy/],
    ['a folder', ['select', folder, '-N', '4'], 1, /ERR_/],
    [
      '--report beside --winner-only',
      ['select', scores, '-N', '4', '--winner-only', '--report', 'x.html'],
      2,
      /--report/,
    ],
    ['one model', ['select', scores, '-N', '4', '--models', 'late'], 1, /at least two models/],
  ] as [string, string[], number, RegExp][])('%s is an error that says so', (_, args, code, message) => {
    const { status, stdout, stderr } = cli(...args);
    expect(stderr).toMatch(message);
    expect({ status, stdout }).toEqual({ status: code, stdout: '' });
  });

  test('nothing is written if the input is bad', () => {
    const bad = write('bad.csv', 'id,a,b\nr0,-1,NaN\n');
    const { status, stderr } = cli('select', bad, '-N', '4', '--report', 'never.html');
    expect(status).toBe(1);
    expect(stderr).toMatch(/bad\.csv/);
    expect(existsSync(join(folder, 'never.html'))).toBe(false);
  });
});

describe.skipIf(!hasShared('data/olmo7b_checkpoints_lambada.npy'))('real measurements', () => {
  const winners = (file: string) => {
    const { stdout } = cli('select', sharedPath(`data/${file}`), '-N', '2,4,16,64', '--replicates', '0', '--json');
    const { tournaments, crossEntropy } = JSON.parse(stdout);
    return [...tournaments.map(({ winner }: { winner: string }) => winner), crossEntropy.winner];
  };

  test('OLMo-7B checkpoints on LAMBADA', () => {
    expect(winners('olmo7b_checkpoints_lambada.npy')).toEqual([
      'step541000-tokens2393B',
      'main (final)',
      'step541000-tokens2393B',
      'step481000-tokens2128B',
      'step541000-tokens2393B',
    ]);
  });

  test('fourteen models on whole sentences', () => {
    expect(new Set(winners('fourteen_models_sentences.npy'))).toEqual(new Set(['state-spaces/mamba-2.8b-hf']));
  });
});

describe('doctor', () => {
  test('says what it finds and fails on what cannot be used', () => {
    const good = cli('doctor', scores);
    expect(good.status).toBe(0);
    expect(good.stdout).toContain('3 models, 6 responses');
    const bad = cli('doctor', write('worse.csv', 'id,a,b\nr0,-1,3\nr0,-1,-2\n'));
    expect(bad.status).toBe(1);
    expect(bad.stdout).toMatch(/Not usable/);
  });

  test('as JSON', () => {
    expect(JSON.parse(cli('doctor', scores, '--json').stdout)).toMatchObject({ usable: true, responses: 6 });
  });
});

describe('profile', () => {
  test('gives Cov_N against a reference, with interval and band', () => {
    const { status, stdout, stderr } = cli('profile', scores, '--reference', 'middle', '-N', '2,16', '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ reference: 'middle', responses: 6 });
    expect(
      result.models.map(({ coverage }: { coverage: { value: number }[] }) => coverage.map(({ value }) => value)),
    ).toEqual([
      [1, 5 / 6],
      [1 / 6, 1 / 6],
    ]);
  });

  slow('writes a report, refuses an unknown reference', () => {
    expect(cli('profile', scores, '--reference', 'middle', '--report', 'profile.html').status).toBe(0);
    expect(readFileSync(join(folder, 'profile.html'), 'utf8')).toContain('early');
    expect(cli('profile', scores, '--reference', 'nobody').status).toBe(2);
  });
});

describe('files to write', () => {
  const copy = write('copy.csv', readFileSync(scores, 'utf8'));
  const before = readFileSync(copy, 'utf8');

  test.each([
    ['select', copy, '-N', '4', '--report', copy],
    ['select', copy, '-N', '4', '--csv', join(folder, '.', 'copy.csv')],
    ['select', copy, '-N', '4', '--tournament', copy],
    ['select', copy, '-N', '4', '--per-response', copy],
    ['profile', copy, '--reference', 'middle', '--markdown', copy],
    ['compare', 'early', 'middle', copy, '-N', '4', '--csv', copy],
  ])('never replace an input: %s %s', (...words) => {
    const { status, stderr } = cli(...words);
    expect(status).toBe(2);
    expect(stderr).toContain('it is an input, which would be lost');
    expect(readFileSync(copy, 'utf8')).toBe(before);
  });

  test('never replace each other', () => {
    const { status, stderr } = cli('select', copy, '-N', '4', '--report', 'one.html', '--csv', './one.html');
    expect(status).toBe(2);
    expect(stderr).toContain('--report cannot be written to one.html: --csv is to be written there');
    expect(existsSync(join(folder, 'one.html'))).toBe(false);
  });
});

describe('offset', () => {
  const own = write('own.csv', ['id,early,middle,late', 'o0,-2,-3,-4', 'o1,-3,-3,-9', ''].join('\n'));
  const onPolicy = (...models: string[]) => models.flatMap((model) => ['--on-policy', `${model}=${own}`]);

  // What `late` fails to cover it also under-weights on its own responses: the offset forgives it.
  slow('takes responses drawn from every model', () => {
    const { status, stdout } = cli('offset', scores, '-N', '16', ...onPolicy('early', 'middle', 'late'), '--json');
    expect(status).toBe(0);
    const { tournaments } = JSON.parse(stdout);
    expect(tournaments).toMatchObject([{ N: 16, a: 0.25, offset: 4, winner: 'late' }]);
    const files = ['--report', 'offset.html', '--csv', 'offset.csv', '--figures', 'offset'];
    const { stdout: text } = cli('offset', scores, '-N', '16', ...onPolicy('early', 'middle', 'late'), ...files);
    expect(text).toContain('For N = 16 take late');
    expect(readFileSync(join(folder, 'offset.html'), 'utf8')).toContain('<title>late: objective 0,');
    expect(readFileSync(join(folder, 'offset.csv'), 'utf8')).toContain('16,late,1,true,true,few,0,');
    expect(existsSync(join(folder, 'offset/objective-n-16.svg'))).toBe(true);
  });

  test('says whose responses are missing', () => {
    expect(cli('offset', scores, ...onPolicy('early', 'late'))).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/--on-policy middle=FILE/),
    });
  });
});

describe('pass-at-k', () => {
  const counts = write('counts.jsonl', '{"id":"a","n":10,"c":3}\n{"id":"b","n":10,"c":10}\n');

  test('is unbiased, and unknown with a reason above the number of samples', () => {
    const { status, stdout } = cli('pass-at-k', `base=${counts}`, '-k', '1,8,16', '--json');
    expect(status).toBe(0);
    const { models, perK } = JSON.parse(stdout);
    expect(models).toEqual(['base']);
    expect(perK[0].values[0].value).toBeCloseTo(0.65, 12);
    expect(perK[1].values[0].value).toBe(1);
    expect(perK[2].values[0]).toMatchObject({ value: null, reason: expect.stringMatching(/16/) });
  });

  test('k that is no whole number is refused', () => {
    expect(cli('pass-at-k', counts, '-k', '1.5')).toMatchObject({ status: 2, stderr: expect.stringMatching(/1\.5/) });
  });
});

describe('graph-task', () => {
  test('names nodes by numbers below --names', () => {
    const args = ['--layers', '2', '--count', '50'];
    const { status, stdout } = cli('graph-task', '--names', '26', ...args);
    expect(status).toBe(0);
    const prompts = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).promptTokens as number[]);
    // `|`, `/` and `=` are the three tokens after the names.
    expect(Math.max(...prompts.flat())).toBe(26 + 2);
    expect(new Set(prompts.flat().filter((token) => token < 26)).size).toBe(26);
    expect(cli('graph-task', ...args).stdout).toBe(cli('graph-task', '--names', '64', ...args).stdout);
    expect(cli('graph-task', '--names', '25', ...args)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/names/),
    });
  });
});

test('help lists the commands, version is that of the package', () => {
  expect(cli('--help').stdout).toMatch(/select.*doctor/s);
  expect(cli('--version').stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
  expect(cli('selct').status).toBe(2);
});
