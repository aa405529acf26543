// Pass@k of a model before and after tuning: more problems at k = 1, fewer at k = 32.
import { passAtK } from 'coverage-principle';

const problems = Array.from({ length: 60 }, (_, i) => `problem-${i}`);
const before = problems.map((_, i) => 2 + (i % 12));
const after = problems.map((_, i) => (i % 3 === 0 ? 0 : 20 + (i % 12)));
const samples = problems.map(() => 32);

const result = await passAtK(
  { models: ['before', 'after'], problems, samples: [samples, samples], correct: [before, after] },
  { k: [1, 8, 32, 64], base: 'before' },
);
for (const { k, values } of result.perK) {
  const shown = values.map(({ value, interval, reason }) =>
    value === null ? reason : `${value.toFixed(3)} [${interval.map((end) => end.toFixed(3)).join(', ')}]`,
  );
  console.log(`k = ${k}: ${shown.join('  ')}`);
}
