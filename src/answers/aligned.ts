import { CoverageError } from '../error.js';
import type { LogProbs } from '../log-probs/log-probs.js';
import { promptLabels, toLabels } from '../tournament/prompt-labels.js';
import type { AnswerLogProbs } from './answer-log-probs.js';

/** What Monte Carlo over reasonings does to one model's log-probabilities of answers. */
export interface MonteCarlo {
  /** Mean over responses of the standard error of log π(a | x), in nats; `null` where it is not known for any. */
  readonly standardError: number | null;
  /** Mean over responses of the jackknife's bias of log π(a | x), in nats, never positive; `null` where it is not known. */
  readonly bias: number | null;
  /** Responses whose bias is not known: at most one of their reasonings leads to the answer. */
  readonly unknownBias: number;
  /** Responses none of whose reasonings leads to the answer (or, of exact values, that the model rules out). */
  readonly unreached: number;
}

/** Answers that stand beside whole responses: models and responses in their order. */
export interface AlignedAnswers {
  /** The competing models. */
  readonly answers: LogProbs;
  /** Reference; `null` without one. */
  readonly reference: LogProbs | null;
  /** Proposal that reasonings were drawn from; `null` where each model draws its own. */
  readonly proposal: LogProbs | null;
  /** The whole response that each column is of. */
  readonly ofResponse: Uint32Array;
  readonly exact: boolean;
  /** A label for each response's prompt; `null` where responses are the unit. */
  readonly prompts: Uint32Array | null;
}

/**
 * The answers of `models`, and of `reference` and `proposal` where there are, column by column beside `whole`.
 *
 * @throws CoverageError `ERR_UNKNOWN_MODEL` for a model without answers; `ERR_MISSING_RESPONSE` for a response without one,
 * or an answer without a whole response; `ERR_INVALID_OPTION` for a proposal of exact values
 */
export function alignAnswers(
  answers: AnswerLogProbs,
  whole: LogProbs,
  names: { readonly models: readonly string[]; readonly reference?: string; readonly proposal?: string | undefined },
): AlignedAnswers {
  const named = (name: string) => {
    if (!answers.models.includes(name)) {
      const shown = answers.models.slice(0, 10).join(', ') + (answers.models.length > 10 ? ', …' : '');
      throw new CoverageError(
        'ERR_UNKNOWN_MODEL',
        `The answers have no model called ${name}: they are of ${shown}. Score the answers under it, too, or name it as there.`,
        { place: { model: name } },
      );
    }
    return name;
  };
  const exact = answers.ofResponse === null;
  if (exact && names.proposal !== undefined) {
    throw new CoverageError(
      'ERR_INVALID_OPTION',
      'A proposal is what reasonings were drawn from, and these answers have none: their values are taken as exact.',
      { place: { field: 'answersProposal' } },
    );
  }
  const one = (name: string | undefined) => (name === undefined ? null : answers.values.selectModels([named(name)]));
  const competing = answers.values.selectModels(names.models.map(named));
  const positions = positionsIn(whole, answers);
  return {
    answers: competing,
    reference: one(names.reference),
    proposal: one(names.proposal),
    ofResponse: answers.ofResponse === null ? positions : answers.ofResponse.map((response) => positions[response]!),
    exact,
    prompts: promptLabels(whole) ?? (whole.metadata.promptIds === null ? labelsOf(answers, positions) : null),
  };
}

/** The position among whole responses of each response that has an answer. */
function positionsIn(whole: LogProbs, answers: AnswerLogProbs): Uint32Array {
  const { responseIds } = whole.metadata;
  if (responseIds === null || answers.responseIds === null) {
    if (answers.responses !== whole.responses) {
      throw new CoverageError(
        'ERR_MISSING_RESPONSE',
        `There are answers of ${answers.responses} responses and ${whole.responses} whole responses, and no ids to tell which are which: both must be of the same.`,
      );
    }
    return Uint32Array.from({ length: whole.responses }, (_, index) => index);
  }
  const places = new Map(responseIds.map((id, index) => [id, index]));
  const positions = Uint32Array.from(answers.responseIds, (id) => {
    const place = places.get(id);
    if (place !== undefined) return place;
    throw new CoverageError(
      'ERR_MISSING_RESPONSE',
      `The answer of response ${id} has no whole response beside it: both levels must be of the same responses.`,
      { place: { response: id } },
    );
  });
  if (positions.length < responseIds.length) {
    const there = new Set(answers.responseIds);
    const missing = responseIds.find((id) => !there.has(id))!;
    throw new CoverageError(
      'ERR_MISSING_RESPONSE',
      `${responseIds.length - positions.length} of ${responseIds.length} responses have no answer (${missing}): score theirs, too, or leave them out of both.`,
      { place: { response: missing } },
    );
  }
  return positions;
}

/** A label for each whole response's prompt, where only the answers say. */
function labelsOf({ promptIds }: AnswerLogProbs, positions: Uint32Array): Uint32Array | null {
  if (promptIds === null || new Set(promptIds).size === promptIds.length) return null;
  const inOrder = new Array<string>(promptIds.length);
  positions.forEach((position, response) => {
    inOrder[position] = promptIds[response]!;
  });
  return toLabels(inOrder);
}
