import { LogProbs } from '../log-probs/log-probs.js';

/**
 * A class of models on which likelihood misleads and which does not hold π_D. A prompt may fall into any of the sets of
 * the models, independently. There are three responses: the main one, a special one and junk.
 *
 * - `flat` is within N^a of π_D everywhere, but spreads itself thin: less likely than all but `bold`. It may have a
 *   set of its own where it, too, is wrong.
 * - `bold` (if there is a special response) gives that one nearly everything, N times what `flat` gives it and, outside a
 *   small set, the others enough for no ratio to it to reach N.
 * - `wrong-j` is π_D except on its set, where it gives the main response N^-(1+a)/3 of what π_D does.
 */
export interface EventsClass {
  readonly N: number;
  readonly a: number;
  /** π_D of main, special and junk. */
  readonly truth: readonly number[];
  readonly models: readonly EventsModel[];
}

/** A model: probabilities of the three responses outside and inside its set of prompts. */
export interface EventsModel {
  readonly name: string;
  readonly outside: readonly number[];
  readonly inside: readonly number[];
  /** Probability that a prompt is in its set. */
  readonly share: number;
}

/** What an {@link EventsClass} is made of. */
export interface EventsClassOptions {
  readonly N: number;
  readonly a: number;
  /** Of each wrong model, the probability under π_D that it fails: Cov of it at N^(1+a). */
  readonly wrong: readonly number[];
  /** Whether the rival is there that makes `flat` look bad to a simple tournament; default false. */
  readonly bold?: boolean;
  /** The same of `flat`; default 0. */
  readonly flat?: number;
}

/** The probability under π_D that `bold` fails, in units of N^-(1-a): well below what it costs `flat`. */
export const BOLD_FAILS = 0.2;
/** By how much a ratio that is to reach N exceeds it where `bold` gives everything. */
const MARGIN = 1.1;

export function eventsClass({ N, a, wrong, bold = false, flat = 0 }: EventsClassOptions): EventsClass {
  const thin = N ** -a;
  // flat gives the special response thin times what π_D does: so bold's ratio to it is at least N.
  const special = bold ? N ** (a - 1) / MARGIN : 0;
  const truth = [1 - special - thin, special, thin];
  const deny = ([main, ...rest]: readonly number[]) => {
    const left = main! * (N ** -(1 + a) / 3);
    return [left, rest[0]!, 1 - left - rest[0]!];
  };
  const spread = [truth[0]! * thin, special * thin];
  const flatOutside = [...spread, 1 - spread[0]! - spread[1]!];
  const boldly = [2 / N, 1 - 4 / N, 2 / N];
  const denied = deny(truth)[0]!;
  const boldInside = [denied, 1 - denied - 2 / N, 2 / N];
  const boldShare = (BOLD_FAILS * N ** (a - 1)) / truth[0]!;
  return {
    N,
    a,
    truth,
    models: [
      { name: 'flat', outside: flatOutside, inside: deny(truth), share: flat / truth[0]! },
      ...(bold ? [{ name: 'bold', outside: boldly, inside: boldInside, share: boldShare }] : []),
      ...wrong.map((fails, index) => ({
        name: `wrong-${index}`,
        outside: truth,
        inside: deny(truth),
        share: fails / truth[0]!,
      })),
    ],
  };
}

/** Cov_N of a model of the class at any N, exactly. */
export function covOf({ truth }: EventsClass, { outside, inside, share }: EventsModel, N: number): number {
  const at = (model: readonly number[]) =>
    truth.reduce((sum, p, response) => (p > 0 && p >= N * model[response]! ? sum + p : sum), 0);
  return share * at(inside) + (1 - share) * at(outside);
}

/** Prompts with a response each, and for each model which prompts are in its set. */
export interface Draws {
  readonly responses: Uint8Array;
  readonly sets: readonly Int32Array[];
}

/** n prompts with a response of π_D each. */
export function drawHeldOut(task: EventsClass, n: number, uniform: () => number): Draws {
  const responses = Uint8Array.from({ length: n }, () => choose(task.truth, uniform()));
  return { responses, sets: task.models.map(({ share }) => drawSet(share, n, uniform)) };
}

/** The indices below n that come up with probability `share` each, by jumping from one to the next. */
function drawSet(share: number, n: number, uniform: () => number): Int32Array {
  const chosen: number[] = [];
  const rate = Math.log1p(-share);
  for (let at = -1; share > 0; ) {
    at += 1 + Math.floor(Math.log1p(-uniform()) / rate);
    if (at >= n) break;
    chosen.push(at);
  }
  return Int32Array.from(chosen);
}

function choose(probabilities: readonly number[], at: number): number {
  let sum = 0;
  for (const [response, probability] of probabilities.entries()) {
    sum += probability;
    if (at < sum) return response;
  }
  return probabilities.findLastIndex((probability) => probability > 0);
}

/** `each` responses of a model to every prompt, prompt after prompt. */
export function drawOnPolicy(
  task: EventsClass,
  model: number,
  held: Draws,
  each: number,
  uniform: () => number,
): Draws {
  const { outside, inside } = task.models[model]!;
  const within = new Set(held.sets[model]);
  const responses = Uint8Array.from({ length: held.responses.length * each }, (_, index) =>
    choose(within.has(Math.floor(index / each)) ? inside : outside, uniform()),
  );
  const repeat = (set: Int32Array) =>
    Int32Array.from({ length: set.length * each }, (_, at) => set[Math.floor(at / each)]! * each + (at % each));
  return { responses, sets: held.sets.map(repeat) };
}

/** The responses under every model, row after row. */
export function score({ models }: EventsClass, { responses, sets }: Draws): LogProbs {
  const rows = models.map(({ outside, inside }, model) => {
    const [far, near] = [outside.map(Math.log), inside.map(Math.log)];
    const row = Float64Array.from(responses, (response) => far[response]!);
    for (const prompt of sets[model]!) row[prompt] = near[responses[prompt]!]!;
    return row;
  });
  return LogProbs.fromArrays(rows, { models: models.map(({ name }) => name) });
}

/** Numbers that fall geometrically from `first` to `last`. */
export function ladder(first: number, last: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first * (last / first) ** (index / Math.max(1, count - 1)));
}
