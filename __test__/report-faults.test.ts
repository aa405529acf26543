import { describe, expect, test } from 'vitest';
import * as experiments from '../src/experiments.js';
import * as root from '../src/index.js';
import * as linear from '../src/linear.js';
import { SELECTION } from './report-selection-fixture.js';

/*
 * A fault of ours in a builder of reports, or in an exporter, is no fault of the caller. A fault is here what the language
 * throws in its body while what it was given is of the right kind.
 */

/** The value, which makes whoever looks at it first fail, and nobody after. */
function failingOnce<T extends object>(value: T): T {
  let armed = true;
  return new Proxy(value, {
    get: (target, key) => {
      if (!armed) return Reflect.get(target, key);
      armed = false;
      throw new TypeError('undefined is not a function');
    },
  });
}

const rows = [
  [-1, -2, -3, -1],
  [-2, -2, -2, -4],
];
const logProbs = root.LogProbs.fromArrays(rows, { models: ['a', 'b'] });
const race = root.createRace(['a', 'b'], { responses: 100, N: 2 });
const counts = { models: ['a'], problems: ['p', 'q'], samples: [[4, 4]], correct: [[1, 2]] };
const { models, responses } = logProbs;
const profiles = await root.coverageProfile(logProbs, { reference: 'a', N: [2] });
const tournaments = await root.offsetTournament(logProbs, { N: [2], onPolicy: [logProbs, logProbs] });
const { data, class: sets } = experiments.namedProblem({ name: 'prop-i.1', horizon: 4, responses: 20 });
const validation = { every: 2, heldOut: 5 };
const run = await linear.train({ ...sets!, data, steps: 4, checkpoints: { every: 2 }, validation });
const training = { results: [run], title: 'A run', facts: [], config: {}, version: '0' };
const points = [1, 2].map((x) => ({ x, value: 1 / x, standardError: 0 }));
const plot = {
  kind: 'sweep',
  id: 'p',
  title: '',
  caption: '',
  variable: 'n',
  quantity: 'KL',
  series: [{ name: 's', points }],
};
const verdict = { claim: '', source: '', predicted: 1, measured: 1, interval: null, holds: true };
const experiment = { name: 'e', title: '', source: '', summary: [], verdicts: [verdict], tables: [], plots: [plot] };
const scored = {
  ...{ model: 'a', file: 'a.jsonl', software: null, scored: 1, added: 1, total: 1, unscored: [], clampedTokens: 0 },
  ...{ requests: 1, faults: 0, stopped: null, preflight: null },
};
const scoring = {
  version: '0',
  out: 'o',
  checkpoints: [scored],
  race: null,
  complete: true,
  seconds: 1,
  rate: 1,
  warnings: [],
};
const report = root.selectionReport(SELECTION);
const sheet = { columns: ['a'], rows: [5] };

/** A function, what it is given by this package, and the same where one part is of another kind, with what is said of it. */
const CASES: readonly (readonly [string, (given: never) => unknown, object, unknown, RegExp])[] = [
  ['selectionReport', root.selectionReport, SELECTION, { ...SELECTION, tournaments: [5] }, /tournaments\.0: /],
  [
    'comparisonReport',
    root.comparisonReport,
    await root.compareModels(logProbs, { models: ['a', 'b'], N: [2] }),
    { models: 3 },
    /models: /,
  ],
  [
    'offsetReport',
    root.offsetReport,
    {
      ...{ models, responses, tournaments, confidence: 0.95, warnings: [] },
      provenance: { version: '0', sources: models.map(() => ({})), seed: '0' },
    },
    { models, tournaments: 1 },
    /: /,
  ],
  ['coverageProfileReport', root.coverageProfileReport, profiles, { ...profiles, models: [{}] }, /models\.0/],
  ['passAtKReport', root.passAtKReport, await root.passAtK(counts, { k: [1, 2] }), { models: 'a' }, /models: /],
  ['raceReport', root.raceReport, root.raceResult(race), { models: [] }, /responses: /],
  ['raceResult', root.raceResult, race, {}, /Race/],
  ['scoreReport', root.scoreReport, scoring, { ...scoring, checkpoints: [{}] }, /checkpoints\.0\.model: /],
  ['trainingReport', linear.trainingReport, training, { ...training, results: [5] }, /results\.0: /],
  [
    'experimentReport',
    experiments.experimentReport,
    [experiment],
    [{ ...experiment, plots: 1 }],
    /experiments\.0\.plots: /,
  ],
  ['plotFigure', experiments.plotFigure, plot, { ...plot, series: [null] }, /: /],
  ['reportText', root.reportText, report, { ...report, sections: [{}] }, /sections\.0\.id: /],
  ['reportMarkdown', root.reportMarkdown, report, { ...report, sections: 5 }, /sections: /],
  ['reportHtml', root.reportHtml, report, { ...report, sections: [{ blocks: [null] }] }, /sections\.0\.id: /],
  ['reportCsv', root.reportCsv, report, { ...report, sheet }, /sheet\.rows\.0: /],
];

async function thrown(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return 'nothing';
  } catch (error) {
    return error;
  }
}

describe.each(CASES)('%s()', (_, call, right, wrong, says) => {
  test('a fault of ours is said to be one', async () => {
    expect(await thrown(() => call(right as never))).toBe('nothing');
    expect(await thrown(() => call(failingOnce(right) as never))).toMatchObject({
      code: 'ERR_INTERNAL',
      message: expect.stringMatching(/undefined is not a function.*fault of coverage-principle.*report it/),
      cause: expect.any(TypeError),
    });
  });

  test('what is of another kind is said with its place', async () => {
    const error = await thrown(() => call(wrong as never));
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION', message: expect.stringMatching(says) });
  });
});
