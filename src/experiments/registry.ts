import { bernoulli } from './bernoulli.js';
import { bestOfNExperiment } from './best-of-n.js';
import type { Experiment } from './experiment.js';
import { figure1 } from './figure-1.js';
import { figure2 } from './figure-2.js';
import { prop31 } from './prop-3-1.js';
import { prop32 } from './prop-3-2.js';
import { prop41a } from './prop-4-1a.js';
import { prop41b } from './prop-4-1b.js';
import { prop51 } from './prop-5-1.js';
import { propE1 } from './prop-e-1.js';
import { propI1 } from './prop-i-1.js';
import { rlStart } from './rl-start.js';
import { signSgd } from './sign-sgd.js';
import { theorem41 } from './theorem-4-1.js';
import { theorem42 } from './theorem-4-2.js';
import { theorem51 } from './theorem-5-1.js';
import { theorem51LogN } from './theorem-5-1-log-n.js';
import { theorem61 } from './theorem-6-1.js';
import { theorem62 } from './theorem-6-2.js';
import { theorem63 } from './theorem-6-3.js';
import { theorem64 } from './theorem-6-4.js';
import { theoremE1 } from './theorem-e-1.js';

/** All experiments, in the paper's order. */
export const experiments: readonly Experiment[] = [
  figure1,
  figure2,
  bernoulli,
  prop31,
  prop32,
  theorem41,
  prop41a,
  prop41b,
  theorem42,
  prop51,
  theorem51,
  theorem51LogN,
  signSgd,
  theorem61,
  theorem62,
  theorem63,
  theorem64,
  bestOfNExperiment,
  propI1,
  propE1,
  theoremE1,
  rlStart,
];
