// Train, select, decode: the checkpoint whose coverage is best, then Best-of-N from it.
import { selectCheckpoint } from 'coverage-principle';
import { namedProblem } from 'coverage-principle/experiments';
import { bestOfN, train } from 'coverage-principle/linear';

const { data, class: linear } = namedProblem({ name: 'prop-i.1', horizon: 16, responses: 50 });
const validation = { heldOut: 1000, N: [4], every: 50 };
const run = await train({ ...linear, data, stepSize: 0.05, steps: 400, validation, checkpoints: { every: 50 } });
const { tournaments } = await selectCheckpoint(run.logProbs, { N: [4], replicates: 200 });
const model = run.checkpoint(tournaments[0].winner);
const reward = ({ tokens }) => tokens.filter((token) => token === 1).length;
const best = await bestOfN(model, { prompts: data.prompts, N: 16, reward });
console.log(`${tournaments[0].winner}: Best-of-16 has a mean reward of ${best.meanReward}`);
