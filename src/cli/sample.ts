import { Command, InvalidArgumentError } from 'commander';
import { CoverageError } from '../error.js';
import { reportJson } from '../report/export/json.js';
import { terminalOptions } from '../report/export/terminal.js';
import { reportText } from '../report/export/text.js';
import { sampleReport } from '../report/sample/report.js';
import { commandSecondsSchema, sampleSchema, type VerifierOptions } from '../sample/options.js';
import { sample } from '../sample/sample.js';
import { parsePositive, parseShard, parseWholeNumber } from './arguments.js';
import { EXIT } from './exit-codes.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';
import { AUTHORISATION, addServerOptions, type ServerOptions, schemaOption } from './server-options.js';

interface SampleCommandOptions extends ServerOptions, VerifierFlags {
  readonly out: string;
  readonly n: number;
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
  readonly stop?: string[];
  readonly seed: number;
  readonly shard?: [number, number];
  readonly jobs?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

interface VerifierFlags {
  readonly exact?: boolean;
  readonly number?: boolean;
  readonly pattern?: string;
  readonly command?: string;
  readonly commandSeconds: number;
}

/** `coverage-principle sample`: responses drawn from served models, right or wrong, for Pass@k. */
export function sampleCommand({ signal, exitWith }: CommandContext): Command {
  const { temperature, topP, maxTokens, seed, shard, jobs, n } = sampleSchema.shape;
  const command = new Command('sample')
    .description(
      'Draw responses to prompts from served checkpoints and say which are right. Writes a file a checkpoint, which ' +
        '`pass-at-k` takes, so that Pass@k stands beside the tournament; cut off, it goes on when called again.',
    )
    .argument('<prompts>', 'JSON Lines: { id, prompt | promptTokens | messages, answer? }')
    .requiredOption('-n, --n <count>', n.description ?? '', parseWholeNumber(1))
    .requiredOption('--out <folder>', 'where to write NAME.jsonl; a run that is there is gone on with')
    .addOption(schemaOption('--shard <i/n>', shard, parseShard))
    .option('--json', 'the result as one JSON object on stdout')
    .option('--quiet', 'no progress');
  addServerOptions(command)
    .optionsGroup('What is right (give one):')
    .option('--exact', 'the response, without blanks around it, is the answer of the row, or one of several')
    .option('--number', 'the last number in the response equals the answer')
    .option(
      '--pattern <regex>',
      'the group of its last match is the answer; without a group, any match is right (and rows have no answer)',
    )
    .option(
      '--command <command>',
      'a shell command that gets the response on standard input and ends with 0 if it is right; the row is in COVERAGE_PRINCIPLE_ROW as JSON',
    )
    .addOption(schemaOption('--command-seconds <seconds>', commandSecondsSchema, parsePositive))
    .addOption(schemaOption('--jobs <count>', jobs, parseWholeNumber(1)))
    .optionsGroup('Sampling:')
    .addOption(schemaOption('--temperature <value>', temperature, parseNumber))
    .addOption(schemaOption('--top-p <share>', topP, parsePositive))
    .addOption(schemaOption('--max-tokens <count>', maxTokens, parseWholeNumber(1)))
    .option('--stop <text>', 'text that ends a response; again for each', collect)
    .addOption(schemaOption('--seed <seed>', seed, parseWholeNumber(0)));
  return command
    .addHelpText('after', `${AUTHORISATION}\n${EXAMPLES}`)
    .action(async (prompts: string, options: SampleCommandOptions) => {
      const {
        server,
        json,
        quiet,
        exact: _,
        number: __,
        pattern: ___,
        command: ____,
        commandSeconds: _____,
        ...rest
      } = options;
      const progress = new ProgressLine(quiet === true || json === true);
      const result = await sample(prompts, {
        ...rest,
        servers: server,
        verifier: toVerifier(options, command.getOptionValueSource('commandSeconds') !== 'default'),
        signal,
        onProgress: progress.stage('sampling', 'samples'),
      }).finally(() => progress.end(signal));
      const report = sampleReport(result);
      process.stdout.write(json ? reportJson(report) : reportText(report, terminalOptions(process.stdout)));
      if (!result.complete) exitWith(EXIT.failed);
    });
}

/** The one verifier that is asked for. */
function toVerifier(
  { exact, number, pattern, command, commandSeconds: seconds }: VerifierFlags,
  timed: boolean,
): VerifierOptions {
  const refuse = (message: string) =>
    new CoverageError('ERR_INVALID_OPTION', message, { place: { field: 'verifier' } });
  const given: VerifierOptions[] = [
    ...(exact ? [{ kind: 'exact' as const }] : []),
    ...(number ? [{ kind: 'number' as const }] : []),
    ...(pattern === undefined ? [] : [{ kind: 'pattern' as const, pattern }]),
    ...(command === undefined ? [] : [{ kind: 'command' as const, command, seconds }]),
  ];
  const [verifier] = given;
  if (verifier === undefined || given.length > 1)
    throw refuse('Say by one of --exact, --number, --pattern and --command which responses are right.');
  if (timed && verifier.kind !== 'command') throw refuse('--command-seconds goes with --command.');
  return verifier;
}

function parseNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Give a number of at least 0.');
}

function collect(text: string, previous: string[] = []): string[] {
  return [...previous, text];
}

const EXAMPLES = `
Examples:
  $ coverage-principle sample problems.jsonl --server step-1000=http://localhost:8000 -n 16 --number --out samples
  $ coverage-principle sample problems.jsonl --server step-1000=http://localhost:8000 -n 16 --command 'python check.py' --out samples
  $ coverage-principle pass-at-k samples -k 1,4,16`;
