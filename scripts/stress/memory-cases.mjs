// One call of each function that does real work, on inputs as small as shows a leak: three models on 4,000 responses, so that
// a row that a call leaves behind weighs 32 KB. What is made once for all calls stands before the `return`.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { numbers } from './shared.mjs';

const RESPONSES = 4_000;
const MODELS = ['a', 'b', 'c'];

/** Log-probabilities of three models that differ by a nat or two, and are not alike for any two responses. */
function rows(responses = RESPONSES) {
  const next = numbers(7);
  const common = Array.from({ length: responses }, () => -20 * next());
  return MODELS.map((_, model) => Float64Array.from(common, (value) => value - model * next() - 2 * next()));
}

/** A problem of the paper that takes microseconds: data, features, a model of them, responses. */
async function linearProblem({ linear, experiments }) {
  const { data, class: settings } = experiments.namedProblem({ name: 'prop-i.1', horizon: 4, responses: 20 });
  const model = new linear.LinearModel(settings.features, new Float64Array(settings.features.dim));
  return { data, settings, model, responses: await data.sample(50) };
}

const matrixOf = ({ root }) => root.LogProbs.fromArrays(rows(), { models: MODELS });

/** A folder with the same log-probabilities as files of several formats, and samples of three problems. */
function files() {
  const folder = mkdtempSync(join(tmpdir(), 'stress-memory-'));
  const values = rows(1_000);
  const lines = Array.from(values[0], (_, row) => [`r${row}`, ...values.map((model) => model[row])]);
  writeFileSync(join(folder, 'scores.csv'), ['id,a,b,c', ...lines.map((line) => line.join())].join('\n'));
  const objects = lines.map(([id, ...logProbs]) => MODELS.map((model, at) => ({ model, id, logProb: logProbs[at] })));
  const jsonLines = (list) => list.map((each) => `${JSON.stringify(each)}\n`).join('');
  writeFileSync(join(folder, 'scores.jsonl'), jsonLines(objects.flat()));
  writeFileSync(join(folder, 'counts.csv'), 'problem,n,c\np,4,1\nq,4,2\nr,4,0\n');
  writeFileSync(join(folder, 'broken.jsonl'), `${jsonLines(objects.flat())}{"model": "a", "id": }\n`);
  const answers = lines
    .slice(0, 200)
    .flatMap(([id, ...logProbs]) =>
      MODELS.flatMap((model, at) =>
        [0, 1].map((draw) => ({ model, responseId: id, draw, logProb: logProbs[at] - draw })),
      ),
    );
  writeFileSync(join(folder, 'answers.jsonl'), jsonLines(answers));
  return folder;
}

const reading = (name, call) => async (doors) => {
  const path = join(files(), name);
  return () => call(doors.root, path);
};

const ofMatrix = (call) => async (doors) => {
  const matrix = matrixOf(doors);
  return () => call(doors.root, matrix);
};

const ofProblem = (call) => async (doors) => {
  const problem = await linearProblem(doors);
  return () => call(doors.linear, problem, doors.root);
};

const ofSelection = (call) => async (doors) => {
  const { root } = doors;
  const matrix = root.LogProbs.fromArrays(rows(300), { models: MODELS });
  const result = await root.selectCheckpoint(matrix, { bestOf: [4, 16], replicates: 20 });
  const report = root.selectionReport(result);
  return () => call(root, report, result);
};

/** A case that takes other numbers of calls than most, or allows other growth. */
const counted = (numbers, make) => Object.assign(make, numbers);

export const CASES = {
  // What any job would leave behind is little beside what one returns: it shows over many of the smallest.
  'the smallest job': counted({ calls: 20_000, warmUp: 5_000, allowedMB: 1.5 }, async ({ root }) => {
    const matrix = root.LogProbs.fromArrays([Float64Array.of(-1, -2), Float64Array.of(-2, -1)], { models: ['a', 'b'] });
    return () => root.nearTies(matrix, { N: [2], models: ['a'] });
  }),
  'readLogProbs of CSV': reading('scores.csv', (root, path) => root.readLogProbs([path])),
  'readLogProbs of JSON Lines': reading('scores.jsonl', (root, path) => root.readLogProbs([path])),
  'readLogProbs that fails': reading('broken.jsonl', (root, path) => root.readLogProbs([path]).catch(() => undefined)),
  readSampleCounts: reading('counts.csv', (root, path) => root.readSampleCounts([path])),
  readAnswerLogProbs: reading('answers.jsonl', (root, path) => root.readAnswerLogProbs([path])),
  doctor: reading('scores.csv', (root, path) => root.doctor([path])),
  'LogProbs.fromArrays': async ({ root }) => {
    const values = rows();
    return () => root.LogProbs.fromArrays(values, { models: MODELS }).row('a');
  },
  matrixFacts: ofMatrix((root, matrix) => root.matrixFacts(matrix)),
  selectCheckpoint: ofMatrix((root, matrix) => root.selectCheckpoint(matrix, { bestOf: [4, 16], replicates: 20 })),
  selectWinner: ofMatrix((root, matrix) => root.selectWinner(matrix, { N: [4] })),
  tournament: ofMatrix((root, matrix) => root.tournament(matrix, { N: [2, 4], counts: true })),
  offsetTournament: ofMatrix((root, matrix) =>
    root.offsetTournament(matrix, { onPolicy: [matrix, matrix, matrix], N: [64] }),
  ),
  compareModels: ofMatrix((root, matrix) => root.compareModels(matrix, { models: ['a', 'b'], N: [2] })),
  nearTies: ofMatrix((root, matrix) => root.nearTies(matrix, { N: [2], models: ['a'] })),
  uncoveredResponses: ofMatrix((root, matrix) => root.uncoveredResponses(matrix, { model: 'c', N: 2 })),
  'SavedTournament, started and extended': async (doors) => {
    const matrix = matrixOf(doors);
    const two = matrix.selectModels(['a', 'b']);
    return async () => (await doors.root.SavedTournament.start(two, { N: [2] })).extend(matrix);
  },
  'a race to its end': async ({ root }) => {
    const values = rows(300);
    return async () => {
      const race = root.createRace(MODELS, { responses: 300, N: 2 });
      for (let pairs = race.next(300); pairs.length > 0; pairs = race.next(300))
        await race.add(pairs.map((pair) => ({ ...pair, logProb: values[MODELS.indexOf(pair.model)][pair.response] })));
    };
  },
  coverageProfile: ofMatrix((root, matrix) => root.coverageProfile(matrix, { reference: 'a', N: [2, 4] })),
  passAtK: async ({ root }) => {
    const counts = { models: ['a'], problems: ['p', 'q', 'r'], samples: [[4, 4, 4]], correct: [[1, 2, 0]] };
    return () => root.passAtK(counts, { k: [1, 2] });
  },
  selectionReport: ofSelection((root, _, result) => root.selectionReport(result)),
  reportText: ofSelection((root, report) => root.reportText(report)),
  reportJson: ofSelection((root, report) => root.reportJson(report)),
  reportMarkdown: ofSelection((root, report) => root.reportMarkdown(report)),
  // Tens of figures a call.
  reportHtml: counted(
    { calls: 400, warmUp: 100 },
    ofSelection((root, report) => root.reportHtml(report)),
  ),
  train: ofProblem(({ train }, { data, settings }) =>
    train({ ...settings, data, steps: 10, checkpoints: { every: 5 }, validation: { heldOut: 20, every: 5 } }),
  ),
  maximumLikelihood: ofProblem(({ maximumLikelihood }, { settings, responses }) =>
    maximumLikelihood({ features: settings.features, data: responses, constraint: { kind: 'ball', radius: 1 } }),
  ),
  exactMeasures: ofProblem(({ exactMeasures }, { data, model }) => exactMeasures(data, model, { N: [2] })),
  monteCarloMeasures: ofProblem(({ monteCarloMeasures }, { data, model }) =>
    monteCarloMeasures(data, model, { N: [2], samples: 200 }),
  ),
  scoreResponses: ofProblem(({ scoreResponses }, { model, responses }) => scoreResponses({ model }, responses)),
  'sample of a policy': ofProblem(({ sample }, { data, model }) => sample(model, { prompts: data.prompts })),
  bestOfN: ofProblem(({ bestOfN }, { data, model }) =>
    bestOfN(model, { prompts: data.prompts, N: 4, reward: ({ tokens }) => tokens.length }),
  ),
  problemTrials: async ({ experiments }) => {
    const options = { problems: [{ name: 'prop-i.1', horizon: 4, responses: 20 }], N: [2], replicates: 2 };
    return () => experiments.problemTrials(options);
  },
};
