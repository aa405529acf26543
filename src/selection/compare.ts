import * as z from 'zod';
import type { JobOptions } from '../job.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { budgetsSchema, checkOptions, confidenceSchema, jobOptionsShape, ratiosSchema } from '../options.js';
import type { Interval, Provenance, Warning } from '../results/estimate.js';
import { uncoveredResponses } from '../tournament/uncovered-responses.js';
import type { SelectionVerdict } from './result.js';
import { selectCheckpoint } from './select.js';

const compareModelsSchema = z.strictObject({
  ...jobOptionsShape,
  models: z
    .tuple([z.string(), z.string()])
    .readonly()
    .refine(([a, b]) => a !== b, 'a model cannot be compared with itself')
    .describe('The two models.'),
  bestOf: budgetsSchema.default([]).describe('Budgets K in samples a prompt, each answered at N = (K/2)^(2/3).'),
  N: ratiosSchema
    .or(z.array(z.never()).readonly())
    .default([])
    .describe('Ratios N at which to compare besides, each a finite number of at least 1.'),
  confidence: confidenceSchema
    .default(0.95)
    .describe('Confidence of the intervals, and of the verdicts at all N together.'),
});

/** Options of {@link compareModels}. */
export type CompareModelsOptions = JobOptions & Omit<z.input<typeof compareModelsSchema>, keyof JobOptions>;

/** A response on which one model leads. */
export interface LeadingResponse {
  readonly response: string;
  /** Its prompt; `null` if unknown. */
  readonly prompt: string | null;
  /** log of the leader's probability over the other's, in nats; `null` where the other rules it out. */
  readonly logRatio: number | null;
}

/** How often one model leads by N and more. */
export interface Lead {
  readonly model: string;
  readonly count: number;
  /** `count` as a share of all responses. */
  readonly share: number;
  /** Interval of the share, valid at the size at hand, by prompts where they repeat. */
  readonly interval: Interval;
}

/** The comparison at one N. */
export interface ComparedAt {
  /** Budget K that N was made from; `null` where N was given. */
  readonly bestOf: number | null;
  readonly N: number;
  /** Of both models, in the order given. */
  readonly leads: readonly [Lead, Lead];
  /** The model that leads more often: on its responses the other falls behind by N and more. */
  readonly better: string;
  /** How sure that is; paired, on the responses where just one of the two leads. */
  readonly verdict: SelectionVerdict;
  readonly explanation: string;
  /** Number of responses at which the verdict would be clear if the shares stayed as they are; `null` if never. */
  readonly responsesNeeded: number | null;
}

/** Two models head to head, plain data. */
export interface Comparison {
  readonly models: readonly [string, string];
  readonly responses: number;
  readonly prompts: number | null;
  readonly unit: 'response' | 'prompt';
  readonly units: number;
  readonly confidence: number;
  readonly tournaments: readonly ComparedAt[];
  /** For each model the responses on which it leads by the least N and more, by falling log ratio. */
  readonly responsesLed: readonly [readonly LeadingResponse[], readonly LeadingResponse[]];
  /** `shares[model][k]` = share of the responses on which it leads by `N[k]` and more: the coverage profile both ways. */
  readonly profile: { readonly N: readonly number[]; readonly shares: readonly [readonly number[], readonly number[]] };
  readonly warnings: readonly Warning[];
  readonly provenance: Provenance;
}

/**
 * Two models head to head: how often each leads the other by N and more, on which responses, and whether the difference
 * is shown. It is the tournament of the two.
 *
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_UNKNOWN_MODEL`; the signal's reason when aborted
 */
export async function compareModels(logProbs: LogProbs, options: CompareModelsOptions): Promise<Comparison> {
  const {
    models,
    bestOf,
    N,
    confidence,
    signal,
    onProgress: _,
    threads,
  } = checkOptions('compareModels', compareModelsSchema, options);
  const pair = logProbs.selectModels([...models]);
  const job = { ...(signal && { signal }), ...(threads !== undefined && { threads }) };
  const result = await selectCheckpoint(pair, {
    ...job,
    ...(options.onProgress && { onProgress: options.onProgress }),
    bestOf,
    N,
    confidence,
    replicates: 0,
    counts: false,
  });
  const least = Math.min(...result.tournaments.map((each) => each.N));
  const led = async (model: 0 | 1): Promise<LeadingResponse[]> => {
    const [leader, other] = [models[model], models[1 - model]!];
    const found = await uncoveredResponses(pair, { ...job, model: other, rival: leader, N: least });
    return found.map(({ response, logRatio }) => ({
      response: pair.responseId(response),
      prompt: pair.metadata.promptIds?.[response] ?? null,
      logRatio: Number.isFinite(logRatio) ? logRatio : null,
    }));
  };
  const { curves, responses, prompts, unit, units, warnings, provenance } = result;
  return {
    models: [models[0], models[1]],
    responses,
    prompts,
    unit,
    units,
    confidence,
    tournaments: result.tournaments.map(
      ({ bestOf: budget, N, winner, verdict, explanation, responsesNeeded, scores, scoreCounts, scoreIntervals }) => {
        // The score of a model is how often the other leads.
        const lead = (model: 0 | 1): Lead => ({
          model: models[model],
          count: scoreCounts[1 - model]!,
          share: scores[1 - model]!,
          interval: scoreIntervals[1 - model]!,
        });
        return {
          bestOf: budget,
          N,
          leads: [lead(0), lead(1)],
          better: winner,
          verdict,
          explanation,
          responsesNeeded,
        };
      },
    ),
    responsesLed: [await led(0), await led(1)],
    profile: { N: curves.N, shares: [curves.scores[1]!, curves.scores[0]!] },
    warnings,
    provenance,
  };
}
