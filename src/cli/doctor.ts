import { Command } from 'commander';
import { doctor } from '../log-probs/doctor.js';
import { doctorText } from '../report/doctor/text.js';
import { resultJson } from '../report/export/json.js';
import { terminalOptions } from '../report/export/terminal.js';
import { parseRatios } from './arguments.js';
import { EXIT } from './exit-codes.js';
import { addInputOptions, INPUT_ARGUMENT, type InputOptions, toReadOptions } from './input-options.js';
import type { CommandContext } from './program.js';

interface DoctorOptions extends InputOptions {
  readonly N?: number[];
  readonly json?: boolean;
}

/** `coverage-principle doctor`: everything noteworthy about the input at once. */
export function doctorCommand({ signal, exitWith }: CommandContext): Command {
  const command = new Command('doctor')
    .description('Say everything that is wrong or odd about log-probabilities at once, and what to do about it.')
    .argument('<input...>', INPUT_ARGUMENT)
    .option('-N, --N <list>', 'ratios N that the numbers have to be precise enough for', parseRatios)
    .option('--json', 'the findings as one JSON object on stdout');
  return addInputOptions(command).action(async (inputs: string[], options: DoctorOptions) => {
    const report = await doctor(inputs, { ...toReadOptions(options), signal, ...(options.N && { N: options.N }) });
    process.stdout.write(options.json ? resultJson(report) : doctorText(report, terminalOptions(process.stdout)));
    if (!report.usable) exitWith(EXIT.failed);
  });
}
