import type { Case, Goal, Participant, RoofUse } from './case.js';
import type { CaseResult, GoalResult, Growth, Roof, Timing } from './result.js';
import { growthExponent, ratio } from './statistics.js';

type Timed = Timing & { readonly seconds: NonNullable<Timing['seconds']> };

const isTimed = (timing: Timing | undefined): timing is Timed => timing?.seconds !== undefined;

/** What the times of a case say: speeds, shares of the roofline, ratios, goals. */
export function evaluateCase(
  aCase: Case,
  inputs: readonly string[],
  measured: readonly Timing[],
  roofline: readonly Roof[],
): CaseResult {
  const timings = measured.map((timing, index) => withSpeed(timing, aCase, aCase.participants[index]!, roofline));
  const ours = timings.find(isTimed);
  const goals = aCase.goals.filter((goal) => goal.kind !== 'exponent');
  return {
    ...description(aCase, inputs),
    ours: ours ? { id: ours.id, seconds: ours.seconds.min } : null,
    peers: timings
      .filter(isTimed)
      .filter((timing) => timing !== ours)
      .map((timing) => ({
        id: timing.id,
        seconds: timing.seconds.min,
        ratio: ratio(timing.seconds.rounds!, ours!.seconds.rounds!),
        equal: timing.equal ?? null,
      })),
    timings,
    goals: goals.map((goal) => evaluateGoal(goal, timings)),
  };
}

/** A case that could not be measured. */
export function failedCase(aCase: Case, inputs: readonly string[], failure: string): CaseResult {
  return { ...description(aCase, inputs), ours: null, peers: [], timings: [], goals: [], failure };
}

function description(aCase: Case, inputs: readonly string[]) {
  const { name, title, about, work, tolerance, series } = aCase;
  return { name, title, about, inputs, work, tolerance, ...(series && { series }) };
}

function withSpeed(timing: Timing, aCase: Case, participant: Participant, roofline: readonly Roof[]): Timing {
  if (!isTimed(timing)) return timing;
  const perSecond = (participant.work ?? aCase.work.amount) / timing.seconds.min;
  const shares = (participant.roofs ?? []).flatMap((use) => {
    const roof = findRoof(use, timing.threads, roofline);
    if (!roof) return [];
    const { name, instructions } = roof;
    return [{ name, instructions, share: (perSecond * (use.perUnit ?? 1)) / roof.perSecond }];
  });
  const binding = shares.sort((a, b) => b.share - a.share)[0];
  return binding ? { ...timing, perSecond, roofline: binding } : { ...timing, perSecond };
}

/** The limit for that many threads; without instructions named, the greatest there is. */
function findRoof({ name, instructions }: RoofUse, threads: number, roofline: readonly Roof[]): Roof | undefined {
  return roofline
    .filter((roof) => roof.name === name && roof.threads === threads)
    .filter((roof) => instructions === undefined || roof.instructions === instructions)
    .sort((a, b) => b.perSecond - a.perSecond)[0];
}

function evaluateGoal(goal: Exclude<Goal, { kind: 'exponent' }>, timings: readonly Timing[]): GoalResult {
  const find = (id: string) => timings.find((timing) => timing.id === id);
  switch (goal.kind) {
    case 'ratio': {
      const { slow, fast, note } = goal;
      const [of, to] = [find(slow), find(fast)];
      const measured = isTimed(of) && isTimed(to) ? ratio(of.seconds.rounds!, to.seconds.rounds!).ofMinima : null;
      const text = `time of ${slow} over time of ${fast}${note ? ` (${note})` : ''}`;
      return goal.atLeast === undefined
        ? atMost(text, measured, goal.atMost ?? Number.POSITIVE_INFINITY)
        : atLeast(text, measured, goal.atLeast);
    }
    case 'roofline': {
      const timing = find(goal.participant);
      return atLeast(`${goal.participant} as a share of the roofline`, timing?.roofline?.share ?? null, goal.atLeast);
    }
    case 'fact': {
      const value = find(goal.participant)?.facts?.[goal.fact] ?? null;
      return atMost(`${goal.fact} of ${goal.participant}`, value, goal.atMost);
    }
  }
}

function atLeast(text: string, measured: number | null, bound: number): GoalResult {
  return { text: `${text} ≥ ${bound}`, measured, bound, met: measured === null ? null : measured >= bound };
}

function atMost(text: string, measured: number | null, bound: number): GoalResult {
  return { text: `${text} ≤ ${bound}`, measured, bound, met: measured === null ? null : measured <= bound };
}

/** How times grow along each series of cases, for everyone who was timed at two points or more. */
export function evaluateGrowth(cases: readonly Case[], results: readonly CaseResult[]): Growth[] {
  const names = new Set(results.flatMap(({ series }) => series?.name ?? []));
  return [...names].flatMap((name) => {
    const members = results.filter(({ series }) => series?.name === name);
    const ids = new Set(members.flatMap(({ timings }) => timings.filter(isTimed).map(({ id }) => id)));
    return [...ids].flatMap((participant): Growth[] => {
      const points = members.flatMap(({ series, timings }) => {
        const timing = timings.find(({ id }) => id === participant);
        return isTimed(timing) ? [[series!.value, timing.seconds.min] as const] : [];
      });
      if (points.length < 2) return [];
      const { exponent, standardError } = growthExponent(points);
      const goal = cases
        .filter(({ series }) => series?.name === name)
        .flatMap(({ goals }) => goals)
        .find((goal) => goal.kind === 'exponent' && goal.participant === participant);
      const axis = members[0]!.series!.axis;
      const text = `exponent of the time of ${participant} in ${axis}`;
      return [
        {
          series: name,
          axis,
          participant,
          points,
          exponent,
          standardError,
          ...(goal?.kind === 'exponent' && { goal: atMost(text, exponent, goal.atMost) }),
        },
      ];
    });
  });
}
