import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  AnswerLogProbs,
  type CoverageError,
  coverageProfile,
  coverageProfileReport,
  LogProbs,
  readAnswerLogProbs,
  readLogProbs,
  reportCsv,
  reportText,
  selectCheckpoint,
  selectionReport,
} from '../src/index.js';
import { LinearModel, ngramFeatures, Responses, scoreAnswers, scoreResponses } from '../src/linear.js';

const folder = mkdtempSync(join(tmpdir(), 'answers-'));

function file(name: string, rows: readonly object[]): string {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

const MODELS = ['teacher', 'a', 'b'];
const IDS = Array.from({ length: 40 }, (_, index) => `q${index}`);

/** Of `a` every answer is as likely as of the teacher, of `b` that of every fourth response hardly ever comes. */
function logProb(model: string, index: number, reasoning: number): number {
  const leads = reasoning % 2 === 0;
  if (model === 'b' && index % 4 === 0) return Math.log(0.001);
  return leads ? Math.log(0.9) : Math.log(0.1);
}

const answerRows = (reasonings: number, more: (index: number, reasoning: number) => object = () => ({})) =>
  MODELS.flatMap((model) =>
    IDS.flatMap((id, index) =>
      Array.from({ length: reasonings }, (_, reasoningId) => ({
        model,
        id,
        reasoningId,
        logProb: logProb(model, index, reasoningId),
        ...more(index, reasoningId),
      })),
    ),
  );

const whole = () =>
  readLogProbs(
    file(
      'whole.jsonl',
      // Reasonings in other words: every model falls far behind the teacher.
      MODELS.flatMap((model) => IDS.map((id) => ({ model, id, logProb: model === 'teacher' ? -5 : -20 }))),
    ),
  );

async function failure(promise: Promise<unknown>): Promise<CoverageError> {
  return promise.then(
    () => expect.fail('nothing was thrown'),
    (error) => error as CoverageError,
  );
}

test('rows with an id of a reasoning are reasonings, in any order, and rows without are exact', async () => {
  const rows = answerRows(4, () => ({ answer: '42', prompt: Math.random() }));
  const answers = await readAnswerLogProbs(file('answers.jsonl', [...rows].reverse()));
  expect([answers.models.length, answers.responses, answers.values.responses]).toEqual([3, 40, 160]);
  expect(answers.responseIds).toContain('q17');
  expect([...answers.ofResponse!].filter((of) => of === 0)).toHaveLength(4);
  const plain = await readAnswerLogProbs(
    file(
      'exact.jsonl',
      rows
        .filter(({ reasoningId }) => reasoningId === 0)
        .map(({ reasoningId: _, ...row }) => ({ ...row, prompt: 'the same' })),
    ),
  );
  expect([plain.ofResponse, plain.responses]).toEqual([null, 40]);
  // An id beside the response's is the row's own.
  const own = rows.map(({ id, ...row }) => ({ ...row, responseId: id, id: `${id}/${row.reasoningId}` }));
  expect((await readAnswerLogProbs(file('own.jsonl', own))).responseIds).toEqual(answers.responseIds);
  const named = rows.map(({ reasoningId, ...row }) => ({ ...row, thought: `t${reasoningId}` }));
  const columns = { reasoning: 'thought' };
  expect((await readAnswerLogProbs(file('named.jsonl', named), { columns })).values.responses).toBe(160);
});

test('what could be two things is refused', async () => {
  const rows = answerRows(2);
  const forgotten = rows.map(({ reasoningId: _, ...row }) => row);
  const twice = await failure(readAnswerLogProbs(file('forgotten.jsonl', forgotten)));
  expect([twice.code, twice.message]).toEqual(['ERR_DUPLICATE_RESPONSE', expect.stringContaining('reasoningId')]);
  const mixed = await failure(
    readAnswerLogProbs([
      file(
        'some.jsonl',
        rows.filter(({ model }) => model === 'a'),
      ),
      file('others.jsonl', [{ model: 'b', id: 'q1', logProb: -1 }]),
    ]),
  );
  expect(mixed.code).toMatch(/ERR_MISS/);
  const bare = rows.map(({ id: _, ...row }) => row);
  expect((await failure(readAnswerLogProbs(file('bare.jsonl', bare)))).code).toBe('ERR_MISSING_COLUMN');
  const prompts = answerRows(2, (_, reasoning) => ({ promptId: `p${reasoning}` }));
  expect((await failure(readAnswerLogProbs(file('prompts.jsonl', prompts)))).code).toBe('ERR_MISMATCHED_RESPONSE');
  const texts = rows.map((row) => ({ ...row, answer: row.model }));
  expect((await failure(readAnswerLogProbs(file('texts.jsonl', texts)))).code).toBe('ERR_MISMATCHED_RESPONSE');
});

test('both levels stand side by side in a profile and its reports', async () => {
  const answers = await readAnswerLogProbs(file('many.jsonl', answerRows(200)));
  const logProbs = await whole();
  const profiles = await coverageProfile(logProbs, { reference: 'teacher', N: [4], answers });
  expect(profiles.models.map(({ coverage }) => coverage[0]!.value)).toEqual([1, 1]);
  const { models, exact, reasonings, misleads } = profiles.answers!;
  expect([exact, reasonings]).toEqual([false, [200, 200]]);
  expect(misleads).toBeCloseTo(0.01, 12);
  const [a, b] = models.map(({ coverage }) => coverage[0]!);
  expect([a!.count, b!.count, a!.undecided, b!.undecided]).toEqual([0, 10, 0, 0]);
  // Exact limits of 10 of 40, with room for one response in a hundred that misleads.
  expect(b!.interval[0]).toBeCloseTo((b!.samplingInterval[0] - misleads) / (1 - misleads), 12);
  expect(b!.interval[1]).toBeCloseTo(b!.samplingInterval[1] / (1 - misleads), 12);
  expect(models[1]!.kl.interval).toBeNull();
  const report = coverageProfileReport(profiles);
  expect(reportText(report)).toContain('Answers beside whole responses');
  const [head, first] = reportCsv(report).split('\n');
  expect(head).toContain('answerCoverage');
  expect(first!.split(',')).toHaveLength(head!.split(',').length);
  const without = await coverageProfile(logProbs, { reference: 'teacher', N: [4] });
  expect(without.answers).toBeNull();
  expect(reportCsv(coverageProfileReport(without))).not.toContain('answer');
});

test('a choice by answers stands beside the one by whole responses', async () => {
  const answers = await readAnswerLogProbs(file('many.jsonl', answerRows(200)));
  const logProbs = (await whole()).selectModels(['b', 'a']);
  const result = await selectCheckpoint(logProbs, { N: [4], answers });
  const [at] = result.answers!.tournaments;
  expect([at!.winner, at!.scores, at!.possibleWinners]).toEqual(['a', [0.25, 0], ['a']]);
  expect([at!.verdict, result.tournaments[0]!.verdict]).toEqual(['clear', 'silent']);
  expect(reportText(selectionReport(result))).toContain('take by answers');
  expect(reportCsv(selectionReport(result))).toContain('answerVerdict');
  // Few reasonings tell nothing of the same shares.
  const few = await readAnswerLogProbs(file('few.jsonl', answerRows(4)));
  const unsure = await selectCheckpoint(logProbs, { N: [4], answers: few });
  expect(unsure.answers!.tournaments[0]!.possibleWinners).toHaveLength(2);
  expect(unsure.answers!.tournaments[0]!.undecided[0]).toBeGreaterThan(0);
});

test('answers are of the same models and responses', async () => {
  const logProbs = await whole();
  const answers = AnswerLogProbs.fromArrays([[-1, -2, -1, -2]], { reasonings: 2, models: ['a'] });
  const settings = { reference: 'teacher', N: [2] };
  const unknown = await failure(coverageProfile(logProbs, { ...settings, answers }));
  expect([unknown.code, unknown.place.model]).toEqual(['ERR_UNKNOWN_MODEL', 'b']);
  const rows = answerRows(2).filter(({ id }) => id !== 'q3');
  const short = await readAnswerLogProbs(file('short.jsonl', rows));
  const missing = await failure(coverageProfile(logProbs, { ...settings, answers: short }));
  expect([missing.code, missing.place.response]).toEqual(['ERR_MISSING_RESPONSE', 'q3']);
  const exact = AnswerLogProbs.exact(logProbs);
  const proposal = { ...settings, answers: exact, answersProposal: 'a' };
  expect((await failure(coverageProfile(logProbs, proposal))).place.field).toBe('answersProposal');
  const reference = new Float64Array(40);
  expect((await failure(coverageProfile(logProbs, { reference, answers: exact }))).place.field).toBe('reference');
  expect(() => AnswerLogProbs.fromArrays([[-1, -2, -3]], { reasonings: 2 })).toThrow('add up');
});

test('exact answers give what the same log-probabilities give as responses, in any order', async () => {
  const values = MODELS.map((_, model) => IDS.map((__, index) => -1 - ((index * (model + 3)) % 7)));
  const logProbs = LogProbs.fromArrays(values, { models: MODELS, responseIds: IDS });
  const turned = LogProbs.fromArrays(
    values.map((row) => [...row].reverse()),
    { models: MODELS, responseIds: [...IDS].reverse() },
  );
  const answers = AnswerLogProbs.exact(turned);
  const { models, answers: found } = await coverageProfile(logProbs, { reference: 'teacher', N: [2, 9], answers });
  for (const [index, { coverage, kl }] of found!.models.entries()) {
    expect(coverage.map(({ count, interval }) => [count, interval])).toEqual(
      models[index]!.coverage.map(({ count, interval }) => [count, interval]),
    );
    expect(kl).toEqual(models[index]!.kl);
  }
});

test('of linear models answers are exact, and sampled reasonings agree', async () => {
  const features = ngramFeatures({ vocabulary: 2, order: 1, buckets: 2, bound: 3 });
  const theta = (sign: number) =>
    Array.from({ length: features.dim }, (_, index) => sign * (((index * 5) % 7) / 7 - 0.4));
  const policies = { up: new LinearModel(features, theta(1)), down: new LinearModel(features, theta(-1)) };
  const list = Array.from({ length: 8 }, (_, number) => ({
    prompt: 0,
    tokens: [number >> 2, (number >> 1) & 1, number & 1],
  }));
  const responses = Responses.from(list);
  const exact = await scoreAnswers(policies, responses, { reasoningTokens: 2 });
  const parts = await scoreResponses(policies, responses);
  for (const model of exact.models) {
    const sum = (answer: number) =>
      list.reduce((total, { tokens }, i) => total + (tokens[2] === answer ? Math.exp(parts.row(model)[i]!) : 0), 0);
    const found = exact.values.row(model);
    expect(found[0]).toBeCloseTo(Math.log(sum(0)), 12);
    expect(found[1]).toBeCloseTo(Math.log(sum(1)), 12);
  }
  const sampled = await scoreAnswers(policies, responses, { reasoningTokens: 2, reasonings: 3000, seed: 1 });
  expect([sampled.values.responses, sampled.ofResponse!.at(-1)]).toEqual([24_000, 7]);
  const options = { reference: 'up', N: [1.1] };
  const truth = await coverageProfile(parts, { ...options, answers: exact });
  const estimate = await coverageProfile(parts, { ...options, answers: sampled });
  const kl = (profiles: typeof truth) => profiles.answers!.models[0]!.kl.value!;
  expect(Math.abs(kl(truth) - kl(estimate))).toBeLessThan(0.03);
  const tooMany = scoreAnswers(policies, responses, { reasoningTokens: 2, maxResponses: 3 });
  expect((await failure(tooMany)).place.field).toBe('maxResponses');
  expect((await failure(scoreAnswers(policies, responses, { reasoningTokens: 3 }))).code).toBe('ERR_SHAPE_MISMATCH');
});
