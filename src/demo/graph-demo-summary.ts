import type { GraphCheckpoint } from '../problems/graph-task.js';
import type { Phrase } from '../results/phrase.js';
import { type Cell, numberCell, type Table } from '../results/table.js';
import { compact, count, decimal, percent } from '../text/format.js';
import { BEST_OF, type GraphDemoResult } from './graph-demo.js';

/** Cov_{N/2} is what bounds Best-of-N. */
export const COVERAGE_AT = BEST_OF / 2;
/** Shares are told of so many prompts. */
const OF = 1000;

/** Pass@N of a checkpoint. */
export function passAt({ measures }: GraphCheckpoint, N: number = BEST_OF): number {
  return measures.all.pass[measures.passN.indexOf(N)]!;
}

/** Cov_N of a checkpoint. */
export function coverageAt({ measures }: GraphCheckpoint, N: number = COVERAGE_AT): number {
  return measures.all.coverage[measures.N.indexOf(N)]!;
}

/** The checkpoint called `name`. */
export function checkpointOf({ checkpoints }: GraphDemoResult, name: string): GraphCheckpoint {
  return checkpoints.find((each) => each.name === name)!.checkpoint;
}

/** What is done, in plain words. */
export function story({ checkpoints, selection }: GraphDemoResult): Phrase[] {
  return [
    [
      'A linear model learns to find a path in a graph. Two layers leave a choice: in fine-tuning 90% of the prompts want ' +
        'the one path and 10% another, and nothing the model can learn tells which prompt is which.',
    ],
    [
      `Of the ${checkpoints.length} checkpoints of fine-tuning, which one goes into Best-of-${BEST_OF}? All there is to see ` +
        `is what anyone has: their log-probabilities of ${count(selection.responses)} held-out responses.`,
    ],
  ];
}

/** Who was right, and by how much. */
export function verdict(result: GraphDemoResult): Phrase {
  const { picks } = result;
  const [ours, theirs] = [picks.tournament, picks.crossEntropy].map((name) => checkpointOf(result, name)) as [
    GraphCheckpoint,
    GraphCheckpoint,
  ];
  if (picks.tournament === picks.crossEntropy) {
    return [{ stress: 'Both picked the same checkpoint' }, ', ', { model: picks.tournament }, '.'];
  }
  const missed = (checkpoint: GraphCheckpoint) => compact(OF * (1 - passAt(checkpoint)), 2);
  const better = passAt(ours) > passAt(theirs);
  return [
    { stress: better ? 'The tournament picked the better one.' : 'Validation loss picked the better one this time.' },
    ` Of ${count(OF)} prompts, ${BEST_OF} tries miss the answer on ${missed(ours)} with `,
    { model: picks.tournament },
    ' (tournament) and on ',
    `${missed(theirs)} with `,
    { model: picks.crossEntropy },
    ' (least validation loss).',
    ...(better
      ? [' The latter has the lower loss because it bets on the 90%; the price is the answers to the other 10%.']
      : []),
  ];
}

/** How sure the tournament's pick is by what it saw. */
export function certainty({ selection }: GraphDemoResult): Phrase {
  const { explanation, N, possibleWinners } = selection.tournaments[0]!;
  const loss = selection.crossEntropy.winner;
  return [
    `The tournament was held at N = ${compact(N)}, (${BEST_OF}/2)^(2/3): Theorem 6.3 then bounds Cov_${COVERAGE_AT} of its pick`,
    `. ${explanation}`,
    ...(possibleWinners.includes(loss) ? [] : [' The pick of validation loss, ', { model: loss }, ', is ruled out.']),
  ];
}

/** The picks side by side: what everyone sees, then the truth. */
export function picksTable(result: GraphDemoResult): Table {
  const { selection, picks } = result;
  const { N, scores } = selection.tournaments[0]!;
  const row = (criterion: string, name: string): Cell[] => {
    const at = selection.models.indexOf(name);
    const checkpoint = checkpointOf(result, name);
    return [
      { text: criterion },
      { text: name },
      numberCell(selection.crossEntropy.values[at]!, (value) => decimal(value)),
      numberCell(scores[at]!, (value) => percent(value)),
      numberCell(checkpoint.measures.all.kl, (value) => decimal(value)),
      numberCell(coverageAt(checkpoint), (value) => percent(value)),
      numberCell(passAt(checkpoint), (value) => percent(value)),
    ];
  };
  const best: Cell[] = row(`best Pass@${BEST_OF}`, picks.oracle).map((cell) => ({ ...cell, tone: 'muted' }));
  return {
    caption: `What anyone sees (loss, score) and the truth (KL, Cov_${COVERAGE_AT}, Pass@${BEST_OF})`,
    columns: [
      { label: 'picked by' },
      { label: 'checkpoint', name: true },
      { label: 'loss', align: 'right', title: 'Cross-entropy of the held-out responses, nats a response' },
      { label: 'score', align: 'right', title: `Score in the tournament at N = ${compact(N)}; small is good` },
      { label: 'KL', align: 'right', title: 'Exact KL divergence from π_D, nats' },
      { label: `Cov_${COVERAGE_AT}`, align: 'right', title: `Exact Cov_${COVERAGE_AT}; small is good` },
      {
        label: `Pass@${BEST_OF}`,
        align: 'right',
        title: `Exact probability that one of ${BEST_OF} responses is right`,
      },
    ],
    rows: [row('tournament', picks.tournament), row('validation loss', picks.crossEntropy), best],
  };
}
