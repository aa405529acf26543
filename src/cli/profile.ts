import { Command } from 'commander';
import { readLogProbs } from '../log-probs/read.js';
import { coverageProfile } from '../profile/coverage-profile.js';
import { coverageProfileReport } from '../report/profile/report.js';
import { packageVersion } from '../version.js';
import { parseConfidence, parseRatios } from './arguments.js';
import {
  type AnswerOptions,
  addAnswerOptions,
  addInputOptions,
  INPUT_ARGUMENT,
  type InputOptions,
  readAnswers,
  toReadOptions,
} from './input-options.js';
import { addOutputOptions, checkOutputs, type OutputOptions, writeOutputs } from './output-options.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';

interface ProfileOptions extends InputOptions, OutputOptions, AnswerOptions {
  readonly reference: string;
  readonly N: number[];
  readonly confidence: number;
}

/** `coverage-principle profile`: coverage profiles against a reference. */
export function profileCommand({ signal }: CommandContext): Command {
  const command = new Command('profile')
    .description(
      'Coverage profile Cov_N [1,4] of every model against a reference that plays the data distribution (a teacher), ' +
        'with a band that holds for all N at once, KL divergence, cross-entropy and the bound that KL puts on Cov_N.',
    )
    .argument('<input...>', INPUT_ARGUMENT)
    .requiredOption('--reference <model>', 'model whose log-probabilities play the data distribution')
    .option('-N, --N <list>', 'values of N, e.g. 2,4,16', parseRatios, [2, 4, 8, 16])
    .option('--confidence <share>', 'confidence of all intervals and of the band', parseConfidence, 0.95);
  addAnswerOptions(command);
  addOutputOptions(command, 'one row a model and N');
  return addInputOptions(command).action(async (inputs: string[], options: ProfileOptions) => {
    const progress = new ProgressLine(options.quiet);
    const { reference, N, confidence, threads } = options;
    const logProbs = await readLogProbs(inputs, {
      ...toReadOptions(options),
      signal,
      onProgress: progress.stage('reading'),
    });
    const answers = await readAnswers(options, { signal, onProgress: progress.stage('reading answers') });
    const sources = [...logProbs.metadata.sources, ...(answers?.metadata.sources ?? [])];
    await checkOutputs(options, sources);
    const job = { signal, onProgress: progress.stage('profiles'), ...(threads !== undefined && { threads }) };
    const profiles = await coverageProfile(logProbs, {
      ...job,
      reference,
      N,
      confidence,
      ...(answers && { answers }),
      ...(options.answersProposal !== undefined && { answersProposal: options.answersProposal }),
    }).finally(() => progress.clear());
    const warnings = [...logProbs.metadata.warnings, ...(answers?.metadata.warnings ?? [])];
    const extras = { warnings, provenance: { version: packageVersion, sources, seed: '0' } };
    await writeOutputs(coverageProfileReport(profiles, extras), options);
  });
}
