import { Command, InvalidArgumentError } from 'commander';
import { reportJson } from '../report/export/json.js';
import { terminalOptions } from '../report/export/terminal.js';
import { reportText } from '../report/export/text.js';
import { scoreReport } from '../report/score/report.js';
import { scoreSchema } from '../score/options.js';
import { score } from '../score/score.js';
import { parseBudgets, parseRatios, parseShard, parseShareOrPercent, parseWholeNumber } from './arguments.js';
import { EXIT } from './exit-codes.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';
import { AUTHORISATION, addServerOptions, type ServerOptions, schemaOption } from './server-options.js';

interface ScoreCommandOptions extends ServerOptions {
  readonly out: string;
  readonly shard?: [number, number];
  readonly batch: number;
  readonly tokenLogProbs?: boolean;
  readonly bos: 'tokenizer' | 'none' | number[];
  readonly eos: number[];
  readonly boundary: 'joined' | 'separate';
  readonly preflight: number;
  readonly N: number[];
  readonly bestOf?: number[];
  readonly untilDecided?: number;
  readonly within: number;
  readonly settle?: boolean;
  readonly seed: number;
  readonly dtype?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `coverage-principle score`: log-probabilities of given responses under served checkpoints. */
export function scoreCommand({ signal, exitWith }: CommandContext): Command {
  const { shard, tokenLogProbs, dtype, batch, bos, eos, boundary, preflight, N } = scoreSchema.shape;
  const { untilDecided, within, settle, seed, bestOf } = scoreSchema.shape;
  const command = new Command('score')
    .description(
      'Score responses under checkpoints that are served by vLLM, SGLang or any OpenAI-shaped server that echoes prompts ' +
        'with their log-probabilities. Writes a file a checkpoint, which `select` takes; cut off, it goes on when called ' +
        'again. With --until-decided it ends as soon as it is known which one is best.',
    )
    .argument(
      '<responses>',
      'JSON Lines: { id, promptId?, prompt | promptTokens | messages, response | responseTokens }',
    )
    .requiredOption('--out <folder>', 'where to write NAME.jsonl; a run that is there is gone on with')
    .addOption(schemaOption('--shard <i/n>', shard, parseShard))
    .addOption(schemaOption('--token-log-probs', tokenLogProbs))
    .addOption(schemaOption('--dtype <name>', dtype))
    .option('--json', 'the result as one JSON object on stdout')
    .option('--quiet', 'no progress');
  addServerOptions(command)
    .addOption(schemaOption('--batch <count>', batch, parseWholeNumber(1)))
    .optionsGroup('Tokens:')
    .addOption(schemaOption<ScoreCommandOptions['bos'] | readonly number[]>('--bos <ids>', bos, parseBos))
    .addOption(schemaOption<readonly number[]>('--eos <ids>', eos, parseIds))
    .addOption(schemaOption('--boundary <kind>', boundary).choices(boundary.unwrap().options))
    .optionsGroup('No further than needed:')
    .addOption(schemaOption('--until-decided <share>', untilDecided, parseShareOrPercent))
    .addOption(schemaOption('--within <share>', within, parseShareOrPercent))
    .addOption(schemaOption('--settle', settle))
    .addOption(schemaOption('--seed <seed>', seed, parseWholeNumber(0)))
    .optionsGroup('Preflight, and what is decided:')
    .addOption(schemaOption('--preflight <count>', preflight, parseWholeNumber(0)))
    .addOption(schemaOption('-K, --best-of <list>', bestOf, parseBudgets))
    .addOption(schemaOption('-N, --N <list>', N, parseRatios));
  return command
    .addHelpText('after', `${AUTHORISATION}\n${EXAMPLES}`)
    .action(async (responses: string, { server, json, quiet, N, ...options }: ScoreCommandOptions) => {
      const progress = new ProgressLine(quiet === true || json === true);
      const stages = {
        tokens: progress.stage('tokens', 'responses'),
        preflight: progress.stage('preflight'),
        scoring: progress.stage('scoring', 'responses'),
        racing: progress.stage('racing', 'responses'),
      };
      // Budgets take the place of ratios that nobody asked for.
      const asked = command.getOptionValueSource('N') !== 'default';
      const result = await score(responses, {
        ...options,
        ...(asked && { N }),
        servers: server,
        signal,
        onProgress: (snapshot) => stages[snapshot.stage as keyof typeof stages](snapshot),
      }).finally(() => progress.end(signal));
      const report = scoreReport(result);
      process.stdout.write(json ? reportJson(report) : reportText(report, terminalOptions(process.stdout)));
      if (!result.complete) exitWith(EXIT.failed);
    });
}

function parseIds(text: string): number[] {
  const ids = text.split(',').map((id) => (id.trim() === '' ? Number.NaN : Number(id)));
  if (ids.every((id) => Number.isSafeInteger(id) && id >= 0)) return ids;
  throw new InvalidArgumentError('Give token ids, separated by commas.');
}

function parseBos(text: string): 'tokenizer' | 'none' | number[] {
  return text === 'tokenizer' || text === 'none' ? text : parseIds(text);
}

const EXAMPLES = `
Examples:
  $ coverage-principle score held-out.jsonl --server step-1000=http://localhost:8000 --server step-2000=http://localhost:8001 --out scores
  $ coverage-principle score held-out.jsonl --server step-1000=http://localhost:8000 --server step-2000=http://localhost:8001 --out scores --until-decided 0.05 --within 1% --best-of 16
  $ coverage-principle score held-out.jsonl --server base=http://a:8000 --server base=http://b:8000 --out scores --shard 3/16
  $ coverage-principle select scores --best-of 16`;
