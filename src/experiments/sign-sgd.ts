import { type Claim, experiment } from './declare.js';
import { ends, geometric } from './series.js';
import { entryName, onRandomClasses, promptsNeeded, RULES, type Rule } from './update-rules.js';

const rules = Object.keys(RULES) as Rule[];
const CONJECTURE = 'SignSGD [20], conjecture';
/** Where a rule's exponent is claimed: the theorems speak of two rules, the others are the conjecture's. */
const SOURCES = { SGD: 'Proposition 5.1', 'normalized SGD': 'Theorem 5.1', SignSGD: CONJECTURE, Adam: CONJECTURE };
const conjectured = (rule: Rule) => (SOURCES[rule] === CONJECTURE ? ' (conjecture, measured)' : '');

const HORIZON = 8;
/** B at that H; σ*² is then about 55. */
const BOUND = 6;
const RANDOM =
  'random linear classes (V = 4, d = 32), one response a step. Both axes are logarithmic; bands are two standard errors.';

/** The paper's conjecture that normalising each coordinate helps like normalising the gradient: SignSGD and Adam, measured. */
export const signSgd = experiment({
  name: 'sign-sgd',
  title: 'SignSGD and Adam beside normalized SGD',
  source: '§5, SignSGD [20]',
  sweeps: (quick) => {
    const replicates = quick ? 8 : 24;
    const heldOut = quick ? 400 : 1000;
    const steps = quick ? 128 : 256;
    const claims = (
      rules: readonly Rule[],
      claim: (rule: Rule) => string,
      rest: Pick<Claim, 'exponent' | 'relation'>,
    ) =>
      rules.map((rule) => ({
        claim: `${claim(rule)}${conjectured(rule)}: exponent`,
        ...{ source: SOURCES[rule], series: entryName(rule), ...rest },
      }));
    return [
      {
        ...promptsNeeded(rules, quick),
        claims: rules.flatMap((rule) =>
          claims([rule], () => `Prompts + that ${rule} needs at its best step against H`, {
            exponent: rule === 'SGD' ? 1 : 0,
          }),
        ),
      },
      {
        variable: 'T',
        title: 'Averaged Cov_4 on random classes against T',
        caption: `H = ${HORIZON}, B = ${BOUND}, ${replicates} ${RANDOM}`,
        replicates,
        ...onRandomClasses(
          rules,
          geometric(128, 2, quick ? 4 : 6).map((T) => ({
            x: T,
            options: { steps: T, horizon: HORIZON, bound: BOUND, heldOut },
          })),
        ),
        claims: claims(rules, (rule) => `Averaged Cov_4 of ${rule} on random classes falls at least like 1/√T`, {
          exponent: -0.5,
          relation: 'atMost',
        }),
      },
      {
        variable: 'H',
        id: 'noisy-h',
        title: 'Averaged Cov_4 on random classes against H at fixed σ*²',
        caption: `T = ${steps}, B falling like 1/√H so that σ*² stays, ${replicates} ${RANDOM}`,
        replicates,
        ...onRandomClasses(
          rules,
          (quick ? geometric(12, Math.SQRT2, 4) : geometric(16, Math.SQRT2, 5)).map((horizon) => ({
            x: horizon,
            options: { steps, horizon, bound: BOUND * Math.sqrt(HORIZON / horizon), heldOut },
          })),
        ),
        claims: claims(
          rules.filter((rule) => rule !== 'SGD'),
          (rule) => `Averaged Cov_4 of ${rule} on random classes at fixed σ*² does not grow with H`,
          { exponent: 0, relation: 'atMost' },
        ),
      },
    ];
  },
  summary: (measured) => {
    const list = (sweep: string) =>
      rules.map((rule) => `${ends(measured(sweep, entryName(rule)))} (${rule})`).join(', ');
    return [
      `On the instance of Proposition 5.1, at the least and the greatest H, prompts + needed are ${list('h')}: per-coordinate normalisation helps as much there. From then on Cov_N is 0, so that its average over T iterates falls like 1/T for every rule.`,
      `On random classes, at the least and the greatest T, the averaged Cov_4 is ${list('t')}: with one kind of prompt only, normalising gains nothing over SGD at its best step.`,
      `At fixed σ*², at the least and the greatest H, it is ${list('noisy-h')}.`,
    ];
  },
});
