import type { JobOptions } from '../job.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { budgetsSchema, checkOptions, confidenceSchema, jobOptionsShape, ratiosSchema } from '../options.js';
import type { Interval, Provenance, Warning } from '../results/estimate.js';
import { uncoveredResponses } from '../tournament/uncovered-responses.js';
import * as z from '../zod.js';
import { type ResponseText, readResponseTexts } from './response-texts.js';
import type { SelectionRecommendation, SelectionVerdict } from './result.js';
import { selectCheckpoint } from './select.js';

const compareModelsSchema = z.strictObject({
  ...jobOptionsShape,
  models: z
    .tuple([z.string(), z.string()])
    .readonly()
    .refine(([a, b]) => a !== b, 'a model cannot be compared with itself')
    .describe('The two models.'),
  bestOf: budgetsSchema
    .default([])
    .describe(
      'Budgets K in samples a prompt, whole numbers of at least 3: compared at N = (K/2)^(2/3); what to take is held ' +
        'against √(K/2) and K/2, too.',
    ),
  N: ratiosSchema
    .or(z.array(z.never()).readonly())
    .default([])
    .describe('Ratios N at which to compare besides, each a finite number of at least 1.'),
  confidence: confidenceSchema
    .default(0.95)
    .describe('Confidence of the intervals, and of the verdicts at all N together.'),
  texts: z
    .array(z.string())
    .readonly()
    .default([])
    .describe(
      'Files of JSON Lines whose rows have the `id` of a response and its `prompt` and `response` as texts, to be shown ' +
        'beside it.',
    ),
});

/** Options of {@link compareModels}. */
export type CompareModelsOptions = JobOptions & Omit<z.input<typeof compareModelsSchema>, keyof JobOptions>;

/** A response on which one model leads. */
export interface LeadingResponse {
  readonly response: string;
  /** Id of its prompt; `null` if unknown. */
  readonly prompt: string | null;
  /** What prompt and response say; `null` if unknown. */
  readonly text: ResponseText | null;
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
  /** The model that leads more often at N: on its responses the other falls behind by N and more. */
  readonly better: string;
  /** How sure that is; paired, on the responses where just one of the two leads. */
  readonly verdict: SelectionVerdict;
  readonly explanation: string;
  /** The N that what to take is held against: for a budget √(K/2), (K/2)^(2/3) and K/2, where N was given that one. */
  readonly span: readonly number[];
  /** Which of the two to take: the better one where N was given, for a budget the one closest to the least scores of its span. */
  readonly recommendation: SelectionRecommendation;
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
 * @throws CoverageError `ERR_INVALID_OPTION`, `ERR_UNKNOWN_MODEL`; for files of texts that cannot be read; the signal's
 * reason when aborted
 */
export async function compareModels(logProbs: LogProbs, options: CompareModelsOptions): Promise<Comparison> {
  const {
    models,
    bestOf,
    N,
    confidence,
    texts,
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
  const found = async (model: 0 | 1) =>
    uncoveredResponses(pair, { ...job, model: models[1 - model]!, rival: models[model], N: least });
  const [ofFirst, ofSecond] = [await found(0), await found(1)];
  const ids = new Set([...ofFirst, ...ofSecond].map(({ response }) => pair.responseId(response)));
  const known = new Map<string, ResponseText>();
  for (const file of texts) {
    for (const [id, text] of await readResponseTexts(file, ids, signal)) if (!known.has(id)) known.set(id, text);
  }
  const led = (all: typeof ofFirst) =>
    all.map(
      ({ response, logRatio }): LeadingResponse => ({
        response: pair.responseId(response),
        prompt: pair.metadata.promptIds?.[response] ?? null,
        text: known.get(pair.responseId(response)) ?? null,
        logRatio: Number.isFinite(logRatio) ? logRatio : null,
      }),
    );
  const { curves, responses, prompts, unit, units, warnings, provenance } = result;
  return {
    models: [models[0], models[1]],
    responses,
    prompts,
    unit,
    units,
    confidence,
    tournaments: result.tournaments.map(({ scores, scoreCounts, scoreIntervals, ...at }) => {
      // The score of a model is how often the other leads.
      const lead = (model: 0 | 1): Lead => ({
        model: models[model],
        count: scoreCounts[1 - model]!,
        share: scores[1 - model]!,
        interval: scoreIntervals[1 - model]!,
      });
      return {
        bestOf: at.bestOf,
        N: at.N,
        leads: [lead(0), lead(1)],
        better: at.winner,
        verdict: at.verdict,
        explanation: at.explanation,
        span: at.span,
        recommendation: at.recommendation,
        responsesNeeded: at.responsesNeeded,
      };
    }),
    responsesLed: [led(ofFirst), led(ofSecond)],
    profile: { N: curves.N, shares: [curves.scores[1]!, curves.scores[0]!] },
    warnings,
    provenance,
  };
}
