import { Command, InvalidArgumentError, Option } from 'commander';
import { reportJson } from '../report/export/json.js';
import { terminalOptions } from '../report/export/terminal.js';
import { reportText } from '../report/export/text.js';
import { scoreReport } from '../report/score/report.js';
import { score } from '../score/score.js';
import { parseRatios, parseWholeNumber } from './arguments.js';
import { EXIT } from './exit-codes.js';
import type { CommandContext } from './program.js';
import { ProgressLine } from './progress.js';
import { AUTHORISATION, addServerOptions, type ServerOptions } from './server-options.js';

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
  readonly dtype?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `coverage-principle score`: log-probabilities of given responses under served checkpoints. */
export function scoreCommand({ signal, exitWith }: CommandContext): Command {
  const command = new Command('score')
    .description(
      'Score responses under checkpoints that are served by vLLM, SGLang or any OpenAI-shaped server that echoes prompts\n' +
        'with their log-probabilities. Writes a file a checkpoint, which `select` takes; cut off, it goes on when called again.',
    )
    .argument(
      '<responses>',
      'JSON Lines: { id, promptId?, prompt | promptTokens | messages, response | responseTokens }',
    )
    .requiredOption('--out <folder>', 'where to write NAME.jsonl; a run that is there is gone on with')
    .option('--shard <i/n>', 'part I of N of the rows, for a job of its own; parts lie in one folder', parseShard)
    .option('--token-log-probs', 'keep the log-probability of every token')
    .option('--dtype <name>', 'what the weights are served in, for the record')
    .option('--json', 'the result as one JSON object on stdout')
    .option('--quiet', 'no progress');
  addServerOptions(command)
    .option('--batch <count>', 'responses a request', parseWholeNumber(1), 4)
    .optionsGroup('Tokens:')
    .option('--bos <ids>', 'ids before prompts given as text: tokenizer (its own), none, or ids', parseBos, 'tokenizer')
    .option('--eos <ids>', 'ids after every response, scored with it', parseIds, [])
    .addOption(
      new Option(
        '--boundary <kind>',
        'joined: prompt and response are one text with a token end between them; separate: each has its own tokens',
      )
        .choices(['joined', 'separate'])
        .default('joined'),
    )
    .optionsGroup('Preflight:')
    .option('--preflight <count>', 'responses scored twice before anything else, 0 for none', parseWholeNumber(0), 32)
    .option('-N, --N <list>', 'ratios at which it counts the comparisons that would flip', parseRatios, [2, 4, 16]);
  return command
    .addHelpText('after', `${AUTHORISATION}\n${EXAMPLES}`)
    .action(async (responses: string, { server, json, quiet, ...options }: ScoreCommandOptions) => {
      const progress = new ProgressLine(quiet === true || json === true);
      const stages = {
        tokens: progress.stage('tokens', 'responses'),
        preflight: progress.stage('preflight'),
        scoring: progress.stage('scoring', 'responses'),
      };
      const result = await score(responses, {
        ...options,
        servers: server,
        signal,
        onProgress: (snapshot) => stages[snapshot.stage as keyof typeof stages](snapshot),
      }).finally(() => progress.clear());
      const report = scoreReport(result);
      process.stdout.write(json ? reportJson(report) : reportText(report, terminalOptions(process.stdout)));
      if (!result.complete) exitWith(EXIT.failed);
    });
}

function parseShard(text: string): [number, number] {
  const [, part, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (part === undefined) throw new InvalidArgumentError('Give I/N, as 3/16.');
  return [Number(part), Number(of)];
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
  $ coverage-principle score held-out.jsonl --server base=http://a:8000 --server base=http://b:8000 --out scores --shard 3/16
  $ coverage-principle select scores --best-of 16`;
