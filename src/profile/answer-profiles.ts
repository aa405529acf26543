import type { AlignedAnswers, MonteCarlo } from '../answers/aligned.js';
import { type JobOptions, runJob } from '../job.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { native } from '../native.js';
import type { Estimate, Interval } from '../results/estimate.js';

/** Cov_N of the answers of one model at one N. */
export interface AnswerCoverageAt {
  readonly N: number;
  /** Number of responses whose estimated ratio reaches N. */
  readonly count: number;
  /** `count` as a share of all responses. */
  readonly value: number;
  /** Of Cov_N, with what Monte Carlo adds: it holds at any number of responses and of reasonings. */
  readonly interval: Interval;
  /** What the responses alone leave open, as if the estimated ratios were the true ones. */
  readonly samplingInterval: Interval;
  /** Number of responses of which the reasonings leave open whether their ratio reaches N; 0 where values are exact. */
  readonly undecided: number;
  /**
   * The least of Cov_{tN}/(1 − t) of the whole responses over 0 < t < 1, which bounds Cov_N of the answers. A bound of
   * population values: an estimate may break it.
   */
  readonly wholeBound: number;
}

/** How far the answers of one model are from the reference's. */
export interface ModelAnswerProfile {
  readonly model: string;
  /** One entry for each N, in the order asked for. */
  readonly coverage: readonly AnswerCoverageAt[];
  /**
   * KL divergence of the answers in nats, each logarithm corrected by the jackknife; without an interval, and with the
   * reason, unless values are exact.
   */
  readonly kl: Estimate;
  /** Cross-entropy of the answers in nats, likewise. */
  readonly crossEntropy: Estimate;
  readonly monteCarlo: MonteCarlo;
}

/** Cov_N of the answers beside that of the whole responses. */
export interface AnswerProfiles {
  /** Number of prompts where they repeat and are the units of all intervals; `null` where responses are. */
  readonly prompts: number | null;
  /** Whether log π(a | x) was given as it is. */
  readonly exact: boolean;
  /** Least and greatest number of reasonings of a response; 0 where values are exact. */
  readonly reasonings: readonly [least: number, greatest: number];
  /** The model that reasonings were drawn from; `null` where each model drew its own, or values are exact. */
  readonly proposal: string | null;
  /** The chance that Monte Carlo misleads about one response, for which intervals make room; 0 where values are exact. */
  readonly misleads: number;
  readonly referenceMonteCarlo: MonteCarlo;
  /** One profile a model, in input order. */
  readonly models: readonly ModelAnswerProfile[];
}

type NativeAnswerProfiles = Omit<AnswerProfiles, 'proposal' | 'models'> & {
  readonly models: readonly Omit<ModelAnswerProfile, 'model'>[];
};

/** Cov_N of the answers against those of the reference. @internal */
export async function answerProfiles(
  aligned: AlignedAnswers & { readonly reference: LogProbs },
  whole: { readonly models: LogProbs; readonly against: LogProbs },
  settings: { readonly N: readonly number[]; readonly confidence: number; readonly points: number },
  options: JobOptions,
): Promise<AnswerProfiles> {
  const { answers, reference, ofResponse, exact, proposal, prompts } = aligned;
  const output = await runJob(
    (job) =>
      native.answerProfiles(
        answers.handle,
        reference.handle,
        ofResponse,
        exact,
        proposal?.handle ?? null,
        whole.models.handle,
        whole.against.handle,
        prompts,
        JSON.stringify(settings),
        options.threads,
        job,
      ),
    options,
    whole.models.placeNames,
  );
  const result = JSON.parse(output.json) as NativeAnswerProfiles;
  return {
    prompts: result.prompts,
    exact: result.exact,
    reasonings: result.reasonings,
    proposal: proposal?.models[0] ?? null,
    misleads: result.misleads,
    referenceMonteCarlo: result.referenceMonteCarlo,
    models: result.models.map((profile, index) => ({ model: answers.models[index]!, ...profile })),
  };
}
