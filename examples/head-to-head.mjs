// Two models response by response: how often each is at least 4 times as likely, and on which responses most of all.
import { compareModels, LogProbs } from 'coverage-principle';

const base = Float64Array.from({ length: 300 }, (_, i) => -20 - (i % 7));
const tuned = base.map((value, i) => value + (i % 5 === 0 ? -3 : 1));
const logProbs = LogProbs.fromArrays([base, tuned], {
  models: ['base', 'tuned'],
  responseIds: Array.from(base, (_, i) => `response-${i}`),
});

const { tournaments, responsesLed } = await compareModels(logProbs, { models: ['base', 'tuned'], N: [4] });
const [{ better, verdict, leads }] = tournaments;
console.log(`better at N = 4: ${better} (${verdict}); leads: ${leads.map(({ count }) => count).join(' against ')}`);
console.log('base leads most on', responsesLed[0].slice(0, 3));
