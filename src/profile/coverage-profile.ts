import { alignAnswers } from '../answers/aligned.js';
import type { AnswerLogProbs } from '../answers/answer-log-probs.js';
import { answersSchema } from '../answers/read.js';
import { CoverageError } from '../error.js';
import { type JobOptions, runJob } from '../job.js';
import { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import { checkOptions, confidenceSchema, jobOptionsShape, ratiosSchema } from '../options.js';
import type { Estimate, Interval } from '../results/estimate.js';
import { promptLabels } from '../tournament/prompt-labels.js';
import * as z from '../zod.js';
import { type AnswerProfiles, answerProfiles } from './answer-profiles.js';

/** Options of {@link coverageProfile}. */
export interface CoverageProfileOptions extends JobOptions {
  /**
   * What plays π_D: the name of one of the models (which then is not profiled itself), the log-probabilities of a
   * teacher on the same responses, or one value a response.
   */
  readonly reference: string | LogProbs | Float64Array;
  /**
   * Values of N at which Cov_N is wanted, each finite and at least 1.
   * @defaultValue [2, 4, 8, 16]
   */
  readonly N?: readonly number[];
  /**
   * Confidence of every interval and of the band, strictly between 0 and 1.
   * @defaultValue 0.95
   */
  readonly confidence?: number;
  /**
   * Greatest number of points of each empirical profile, 3 to 100,000.
   * @defaultValue 400
   */
  readonly points?: number;
  /**
   * Log-probabilities of the answers, under the same models and the reference (then given by name): adds Cov_N of the
   * answers beside that of the whole responses.
   */
  readonly answers?: AnswerLogProbs;
  /**
   * Name of the model among the answers that reasonings were drawn from; the others' values are then log π(r, a | x).
   * @defaultValue each model drew its own
   */
  readonly answersProposal?: string;
}

/** Cov_N of one model at one N, with everything that says how sure it is. */
export interface CoverageAt {
  readonly N: number;
  /** Number of responses with π_D/π̂ ≥ N. */
  readonly count: number;
  /** Cov_N: `count` as a share of all responses. Small is good. */
  readonly value: number;
  /**
   * For this N alone: Clopper and Pearson's exact binomial interval or, where prompts repeat, the betting interval of the
   * prompts' shares (Waudby-Smith and Ramdas 2024). Both hold at any number of responses.
   */
  readonly interval: Interval;
  /** The band of Dvoretzky, Kiefer and Wolfowitz, which holds for all N at once; where prompts repeat, for prompts. */
  readonly band: Interval;
  /**
   * PD.1's bound on Cov_N from the estimated KL divergence; `null` at N = 1 and where the KL divergence is unknown. The
   * bound is one of population values, an estimate may break it.
   */
  readonly klBound: number | null;
  /**
   * E_N divergence: the greater of the two one-sided estimates, where prompts repeat the average over prompts of the
   * greater; the interval holds at any number of responses.
   */
  readonly eDivergence: Estimate;
}

/** 1/Q(ε): what reinforcement learning from outcomes pays for correct responses. */
export interface LikelihoodQuantile {
  /** ε, the share of correct responses that may be missed. */
  readonly epsilon: number;
  /**
   * log 1/Q(ε) in nats, Q(ε) = sup{α : P(π̂(y|x) ≤ α) ≤ ε}: policy gradient on outcome rewards needs about 1/Q(ε) reward
   * queries a problem (arXiv:2603.06957). The interval lies between order statistics.
   */
  readonly logQueries: Estimate;
}

/** How far one model is from the reference. */
export interface ModelProfile {
  readonly model: string;
  /** One entry for each N, in the order asked for. */
  readonly coverage: readonly CoverageAt[];
  /**
   * KL divergence, the mean log ratio, in nats. No interval is valid for every distribution: Student's, with a warning
   * where few responses carry the sum, where there are few, and where the estimate is impossibly negative.
   */
  readonly kl: Estimate;
  /** Cross-entropy, the mean of −log π̂, in nats; needs no reference. */
  readonly crossEntropy: Estimate;
  /** Squared Hellinger distance 1 − E√(π̂/π_D); unknown where the estimate lies far outside [0, 1]. */
  readonly hellinger: Estimate;
  /** Read as such where the responses are correct ones; ε = 0.5, 0.2, 0.1, 0.05. */
  readonly likelihoodQuantiles: readonly LikelihoodQuantile[];
  /** Greatest log ratio seen: a lower estimate of log W_max = log sup π_D/π̂; `null` if it is infinite. */
  readonly logWMax: number | null;
  /** How many responses the model rules out although the reference does not. */
  readonly infinite: number;
  /** How many responses the reference rules out: they never count against a model. */
  readonly impossible: number;
  /** The whole empirical profile: at `logN[k]` (nats) a share `share[k]` of the responses has log ratio ≥ `logN[k]`. */
  readonly curve: { readonly logN: readonly number[]; readonly share: readonly number[] };
}

/** Result of {@link coverageProfile}. */
export interface CoverageProfiles {
  /** What played π_D: a model's name, or `reference`. */
  readonly reference: string;
  /** n, the number of responses. */
  readonly responses: number;
  /** Number of prompts where they repeat and are the units of all intervals; `null` where responses are. */
  readonly prompts: number | null;
  /** Confidence of every interval and of the band. */
  readonly confidence: number;
  /** Half the width of the band. */
  readonly bandHalfWidth: number;
  /** One profile a model, in input order. */
  readonly models: readonly ModelProfile[];
  /** The same of the answers alone; `null` without answers. */
  readonly answers: AnswerProfiles | null;
}

const schema = z.strictObject({
  ...jobOptionsShape,
  reference: z.union([z.string(), z.instanceof(LogProbs), z.instanceof(Float64Array)], {
    error: 'must be the name of a model, LogProbs of one model, or a Float64Array',
  }),
  N: ratiosSchema.default([2, 4, 8, 16]),
  confidence: confidenceSchema.default(0.95),
  points: z.int().min(3).max(100_000).default(400),
  answers: answersSchema.optional(),
  answersProposal: z.string().optional(),
});

interface NativeProfiles {
  readonly responses: number;
  readonly prompts: number | null;
  readonly confidence: number;
  readonly bandHalfWidth: number;
  readonly models: Omit<ModelProfile, 'model' | 'crossEntropy' | 'curve'>[];
  readonly crossEntropy: Estimate[];
  readonly curveOffsets: number[];
}

/**
 * Coverage profile Cov_N(π_D‖π̂) = P_{y~π_D}(π_D(y|x)/π̂(y|x) ≥ N) [1,4] of every model against a reference that plays
 * π_D, with KL divergence, cross-entropy, squared Hellinger distance and PD.1's bound beside it.
 *
 * Intervals take the responses, or where prompts repeat the prompts, as independent draws from the reference. Where they
 * are not (held-out data and a
 * teacher's log-probabilities), the figures are averages over those responses of the log ratio to the teacher.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_UNKNOWN_MODEL`, `ERR_TOO_FEW_MODELS`, `ERR_SHAPE_MISMATCH`
 */
export async function coverageProfile(logProbs: LogProbs, options: CoverageProfileOptions): Promise<CoverageProfiles> {
  const { reference, N, confidence, points, threads, answers, answersProposal } = checkOptions(
    'coverageProfile',
    schema,
    options,
  );
  const { models, against, name } = split(logProbs, reference);
  // What does not fit is said before anything is computed.
  const aligned = answers ? alignedAnswers(answers, models, reference, answersProposal) : null;
  const output = await runJob(
    (job) =>
      native.coverageProfiles(
        models.handle,
        against.handle,
        promptLabels(logProbs),
        JSON.stringify({ N, confidence, points }),
        threads,
        job,
      ),
    options,
    models.placeNames,
  );
  const result = JSON.parse(output.json) as NativeProfiles;
  const [logN, share] = output.floats;
  const settings = { N, confidence, points };
  return {
    reference: name,
    responses: result.responses,
    prompts: result.prompts,
    confidence: result.confidence,
    bandHalfWidth: result.bandHalfWidth,
    models: result.models.map((profile, index) => {
      const range = [result.curveOffsets[index]!, result.curveOffsets[index + 1]!] as const;
      return {
        model: models.models[index]!,
        ...profile,
        crossEntropy: result.crossEntropy[index]!,
        curve: { logN: [...logN!.subarray(...range)], share: [...share!.subarray(...range)] },
      };
    }),
    answers: aligned && (await answerProfiles(aligned, { models, against }, settings, options)),
  };
}

function alignedAnswers(
  answers: AnswerLogProbs,
  models: LogProbs,
  reference: CoverageProfileOptions['reference'],
  proposal: string | undefined,
) {
  if (typeof reference !== 'string') {
    throw new CoverageError(
      'ERR_INVALID_OPTION',
      'With answers the reference must be the name of a model, which the answers have, too.',
      { place: { field: 'reference' } },
    );
  }
  const aligned = alignAnswers(answers, models, { models: models.models, reference, proposal });
  return { ...aligned, reference: aligned.reference! };
}

function split(logProbs: LogProbs, reference: string | LogProbs | Float64Array) {
  if (typeof reference !== 'string') {
    const against = reference instanceof LogProbs ? reference : LogProbs.fromArrays([reference]);
    return { models: logProbs, against, name: reference instanceof LogProbs ? against.models[0]! : 'reference' };
  }
  const teacher = logProbs.modelIndex(reference);
  const others = logProbs.models.map((_, index) => index).filter((index) => index !== teacher);
  if (others.length === 0) {
    throw new CoverageError('ERR_TOO_FEW_MODELS', `There is no model besides the reference ${reference}.`);
  }
  return { models: logProbs.selectModels(others), against: logProbs.selectModels([teacher]), name: reference };
}
