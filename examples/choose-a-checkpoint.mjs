// Log-probabilities already in memory: choose, say how sure, write a report.
import { LogProbs, reportHtml, selectCheckpoint, selectionReport, writeReportFile } from 'coverage-principle';

// Three checkpoints on 500 responses. The late one is better on nine of ten and gives up on the rest.
const score = (better, worse) => Float64Array.from({ length: 500 }, (_, i) => -30 + (i % 10 === 0 ? worse : better));
const logProbs = LogProbs.fromArrays([score(0, 0), score(1, -0.5), score(1.5, -4)], {
  models: ['early', 'middle', 'late'],
});

const selection = await selectCheckpoint(logProbs, { bestOf: [4, 64] });
for (const { bestOf, winner, verdict, possibleWinners } of selection.tournaments) {
  console.log(`Best-of-${bestOf}: ${winner} (${verdict}; may be best: ${possibleWinners.join(', ')})`);
}
console.log(`Validation loss would pick ${selection.crossEntropy.winner}.`);
await writeReportFile(process.argv[2] ?? 'report.html', reportHtml(selectionReport(selection)));
