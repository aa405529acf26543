import { join } from 'node:path';
import { reportHtml } from '../report/export/page.js';
import { selectionReport } from '../report/selection/report.js';
import { writeLogProbs } from '../training/output.js';
import { writeReportFile } from '../write-file.js';
import type { GraphDemoResult } from './graph-demo.js';
import { graphDemoReport } from './graph-demo-report.js';

/** Where the demonstration writes what. */
export interface GraphDemoFiles {
  /** What happened, and the truth beside it. */
  readonly report: string;
  /** The selection as `select` reports it. */
  readonly selection: string;
  /** Log-probabilities of the held-out responses, what `select` reads; names beside it. */
  readonly logProbs: string;
}

/** Writes the reports, and the log-probabilities for `select`, to `folder`. */
export async function writeGraphDemo(result: GraphDemoResult, folder: string): Promise<GraphDemoFiles> {
  const { run, checkpoints, selection } = result;
  const logProbs = await writeLogProbs(folder, 'logprobs', {
    models: checkpoints.map(({ name }) => name),
    responses: run.heldOutClasses.length,
    rows: [run.logProbs],
  });
  const files = { report: join(folder, 'report.html'), selection: join(folder, 'selection.html'), logProbs };
  await writeReportFile(files.selection, reportHtml(selectionReport(selection)));
  await writeReportFile(files.report, reportHtml(graphDemoReport(result)));
  return files;
}
