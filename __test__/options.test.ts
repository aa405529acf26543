import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import {
  candidateSchema,
  choiceSchema,
  experimentSchema,
  meanClaimSchema,
  measureSchema,
  pointSchema,
  seriesClaimSchema,
  seriesSchema,
  sweepSchema,
} from '../src/experiments/experiment-options.js';
import { scoreAnswersSchema } from '../src/linear/answers.js';
import { constraintSchema } from '../src/linear/constraint.js';
import { sampleSchema as drawDataSchema } from '../src/linear/data-distribution.js';
import { bestOfNSchema, exactPassAtNSchema, sampleSchema } from '../src/linear/decode.js';
import { exactMeasuresSchema, inherentVarianceSchema, monteCarloSchema } from '../src/linear/measures.js';
import { maximumLikelihoodSchema } from '../src/linear/mle.js';
import { ngramSchema, randomFeaturesSchema } from '../src/linear/sequence-features.js';
import { tableLayoutSchema, tableSizesSchema } from '../src/linear/table-features.js';
import { runJobSchema, validationSettingsShape } from '../src/linear/train.js';
import {
  procedureSchema,
  stageSettingsShape,
  stepSizeSchema,
  trainSettingsShape,
} from '../src/linear/train-settings.js';
import { truncationSchema } from '../src/linear/truncation.js';
import { readLogProbsSchema, scoreColumnsSchema } from '../src/log-probs/read.js';
import { native } from '../src/native.js';
import { countColumnsSchema, readSampleCountsSchema } from '../src/pass-at-k/read-sample-counts.js';
import {
  graphConjunctionsSchema,
  graphFeaturesSchema,
  graphMeasureSchema,
  graphPromptsSchema,
  graphRunSchema,
  graphStageSchema,
  graphTaskSchema,
} from '../src/problems/graph-options.js';
import { problemSchema } from '../src/problems/problem-options.js';
import { problemTrialsSchema } from '../src/problems/trials.js';
import { raceSchema } from '../src/race/race.js';
import { selectCheckpointSchema } from '../src/selection/select.js';
import { nearTiesSchema } from '../src/tournament/near-ties.js';
import { offsetTournamentSchema } from '../src/tournament/offset-tournament.js';
import { startSchema } from '../src/tournament/saved-tournament.js';
import { selectWinnerSchema } from '../src/tournament/select-winner.js';
import { tournamentSchema } from '../src/tournament/tournament.js';
import { uncoveredResponsesSchema } from '../src/tournament/uncovered-responses.js';

interface Pair {
  readonly schema: z.ZodType;
  /** Fields of the struct that the facade fills in by itself. */
  readonly core?: readonly string[];
  /** Fields of the schema that reach the core another way: as handles and arrays, or under the name it has for them. */
  readonly facade?: readonly string[];
}

/**
 * Every type that options are read into (`crates/node/src/options.rs` lists them), and the schema that says what may be
 * written there.
 */
const PAIRS: Readonly<Record<string, Pair>> = {
  AdvanceOptions: { schema: runJobSchema },
  AnswersOptions: { schema: scoreAnswersSchema },
  CountColumns: { schema: countColumnsSchema },
  CountOptions: { schema: readSampleCountsSchema },
  ScoreColumns: { schema: scoreColumnsSchema },
  ScoreOptions: { schema: readLogProbsSchema },
  BestOfNOptions: { schema: bestOfNSchema, facade: ['prompts'] },
  Constraint: { schema: constraintSchema },
  DrawOptions: { schema: drawDataSchema },
  // Candidates are drawn part by part where a function of the caller's scores them.
  DrawsOptions: { schema: sampleSchema, core: ['candidates'], facade: ['prompts'] },
  ExactBestOfNOptions: { schema: exactPassAtNSchema },
  ExactOptions: { schema: exactMeasuresSchema },
  LayoutOption: { schema: tableLayoutSchema },
  MleOptions: { schema: maximumLikelihoodSchema, facade: ['features', 'data'] },
  MonteCarloOptions: { schema: monteCarloSchema },
  NgramOptions: { schema: ngramSchema, facade: ['prompts'] },
  Procedure: { schema: procedureSchema },
  RandomOptions: { schema: randomFeaturesSchema, core: ['index'] },
  StageOptions: { schema: z.strictObject(stageSettingsShape), core: ['run'] },
  StepSize: { schema: stepSizeSchema },
  TableOptions: { schema: tableSizesSchema, core: ['layout'] },
  TrainOptions: {
    schema: z.strictObject(trainSettingsShape),
    core: ['before', 'theta0', 'validateEvery', 'checkpointEvery', 'checkpointTheta', 'checkpoints'],
  },
  TruncationOptions: { schema: truncationSchema },
  ValidationOptions: { schema: z.strictObject(validationSettingsShape), facade: ['every'] },
  VarianceOptions: { schema: inherentVarianceSchema },
  NearTiesOptions: { schema: nearTiesSchema },
  OffsetOptions: { schema: offsetTournamentSchema, facade: ['onPolicy'] },
  RaceOptions: { schema: raceSchema, core: ['models'] },
  SelectionOptions: {
    schema: selectCheckpointSchema,
    facade: ['reference', 'samples', 'answers', 'answersProposal', 'saved', 'parts'],
  },
  StartOptions: { schema: startSchema },
  TournamentOptions: { schema: tournamentSchema },
  UncoveredOptions: { schema: uncoveredResponsesSchema },
  WinnerOptions: { schema: selectWinnerSchema },
  GraphConjunctions: { schema: graphConjunctionsSchema },
  GraphExportOptions: { schema: graphPromptsSchema },
  GraphFeatureOptions: { schema: graphFeaturesSchema },
  GraphMeasureOptions: { schema: graphMeasureSchema },
  GraphOptions: { schema: graphTaskSchema },
  GraphRunOptions: { schema: graphRunSchema },
  GraphStage: { schema: graphStageSchema },
  ProblemOptions: { schema: problemSchema },
  TrialsOptions: { schema: problemTrialsSchema },
  CandidateOptions: { schema: candidateSchema },
  Choice: { schema: choiceSchema },
  ExperimentOptions: { schema: experimentSchema },
  MeanClaim: { schema: meanClaimSchema },
  Measure: { schema: measureSchema },
  PointOptions: { schema: pointSchema },
  SeriesClaim: { schema: seriesClaimSchema },
  SeriesOptions: { schema: seriesSchema },
  SweepOptions: { schema: sweepSchema },
};

/** What the core says of a type. */
type Shape =
  | { readonly kind: 'object'; readonly fields: readonly string[] }
  | { readonly kind: 'tagged'; readonly tag: string; readonly variants: Readonly<Record<string, readonly string[]>> }
  | { readonly kind: 'names'; readonly names: readonly string[] }
  | { readonly kind: 'open' };

/** Options of every job, which never reach a struct. */
const OF_JOBS = ['signal', 'onProgress', 'threads'];

const shapes: Readonly<Record<string, Shape>> = JSON.parse(native.optionShapes());

/** The fields of an object's schema. */
function fieldsOf(schema: z.ZodType, leftOut: readonly string[] = []): string[] {
  if (!(schema instanceof z.ZodObject)) throw new Error('This schema is of no object.');
  return Object.keys(schema.shape).filter((key) => !OF_JOBS.includes(key) && !leftOut.includes(key));
}

/** The objects of a tagged union by their tags, wherever in a union of shorthands it stands. */
function variantsOf(schema: z.ZodType, tag: string): Record<string, string[]> {
  if (!(schema instanceof z.ZodUnion)) return {};
  const variants = schema.options.map((member): [string, string[]][] => {
    const plain = member as z.ZodType;
    if (!(plain instanceof z.ZodObject)) return Object.entries(variantsOf(plain, tag));
    const { value } = plain.shape[tag] as z.ZodLiteral<string>;
    return [[value, fieldsOf(plain, [tag])]];
  });
  return Object.fromEntries(variants.flat());
}

describe('schemas and the structs that their options are read into', () => {
  test('every struct has a schema here', () => {
    expect(Object.keys(PAIRS).sort()).toEqual(Object.keys(shapes).sort());
  });

  test.each(Object.entries(PAIRS))('%s has the fields of its schema', (name, { schema, core = [], facade = [] }) => {
    const shape = shapes[name]!;
    if (shape.kind === 'tagged') {
      const sorted = (variants: Readonly<Record<string, readonly string[]>>) =>
        Object.fromEntries(Object.entries(variants).map(([variant, fields]) => [variant, [...fields].sort()]));
      expect(sorted(variantsOf(schema, shape.tag))).toEqual(sorted(shape.variants));
      return;
    }
    if (shape.kind !== 'object') throw new Error(`${name} does not refuse unknown fields.`);
    expect([...fieldsOf(schema, facade), ...core].sort()).toEqual([...shape.fields].sort());
  });
});
