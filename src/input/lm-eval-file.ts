import { basename, dirname, join } from 'node:path';
import { isObject } from './json.js';
import { nameFiles, readSidecar } from './names.js';

/** `samples_<task>_<date>.jsonl`, as lm-evaluation-harness names its files. */
const SAMPLES = /^samples_(?<task>.+)_(?<date>\d{4}-\d{2}-\d{2}T[\d.-]+?)\.jsonl(\.gz)?$/;

/** What the name of a file of lm-evaluation-harness and the results beside it say. */
export interface LmEvalFile {
  /** Name of the model; `undefined` if only the folder's name is known and two files of a task share it. */
  readonly model: string;
  /** Name of the task, if the file name has it. */
  readonly task: string | undefined;
}

/**
 * Model and task of a `samples_<task>_<date>.jsonl` file. The folder is named after the repository alone, so that
 * revisions of one model share it; `results_<date>.json` beside it has the arguments the model was loaded with.
 */
export async function describeLmEvalFile(path: string): Promise<LmEvalFile> {
  const match = SAMPLES.exec(basename(path));
  const folder = basename(dirname(path));
  const fallback = folder === '' || folder === '.' ? nameFiles([{ path }])[0]! : folder;
  if (!match?.groups) return { model: nameFiles([{ path }])[0]!, task: undefined };
  const { task, date } = match.groups;
  const results = await readSidecar(join(dirname(path), `results_${date}.json`));
  return { model: (results && modelOfResults(results)) ?? fallback, task };
}

function modelOfResults(results: object): string | undefined {
  if (!isObject(results)) return undefined;
  const config = isObject(results['config']) ? results['config'] : {};
  const given = config['model_args'];
  const args: Record<string, unknown> =
    typeof given === 'string'
      ? Object.fromEntries(
          given.split(',').map((part) =>
            part
              .split(/=(.*)/s)
              .slice(0, 2)
              .map((text) => text.trim()),
          ),
        )
      : isObject(given)
        ? { ...given }
        : {};
  const name = [args['peft'], args['delta'], args['pretrained'], args['model'], results['model_name']].find(
    (value) => typeof value === 'string' && value !== '',
  );
  const revision = args['revision'];
  return typeof name === 'string'
    ? name + (typeof revision === 'string' && revision !== 'main' ? `@${revision}` : '')
    : undefined;
}
