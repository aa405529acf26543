import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FileFormat, InputSpec } from './case.js';
import { readNpy, type Values, writeNpy } from './npy.js';
import { ROOT } from './paths.js';
import { Random } from './random.js';

/**
 * Log-probabilities are multiples of 2^-13 nats. Then single precision holds every difference exactly, and the counts
 * of participants that subtract in single precision equal those of participants that widen first: without this, no
 * equality between them could be asked for.
 */
const RESOLUTION = 2 ** 13;

/** Ten measured checkpoints of one training run, which lie beside the project where they are at hand. */
const MEASURED = join(ROOT, '../shared/data/olmo7b_checkpoints_lambada.npy');

/** Inputs that others write. */
export interface Writers {
  /** Writes the draws of a bootstrap to a file; only the core knows them. */
  readonly draws: (file: string, spec: Extract<InputSpec, { kind: 'draws' }>) => Promise<void>;
  /** Writes the matrix of a `.npy` file in another format. */
  readonly convert: (source: string, file: string, format: FileFormat) => Promise<void>;
}

/** Makes the input in `folder`, unless an equal one is there, and returns its path. */
export async function makeInput(spec: InputSpec, folder: string, writers: Writers): Promise<string> {
  const name = createHash('sha256').update(JSON.stringify(spec)).digest('hex').slice(0, 16);
  const file = join(folder, `${spec.kind}-${name}.${spec.kind === 'converted' ? spec.format : 'npy'}`);
  if (existsSync(file)) return file;
  if (spec.kind === 'draws') await writers.draws(file, spec);
  else if (spec.kind === 'converted')
    await writers.convert(await makeInput(spec.from, folder, writers), file, spec.format);
  else write(spec, file);
  return file;
}

/** How an input came about, in words. */
export function describeInput(spec: InputSpec): string {
  switch (spec.kind) {
    case 'checkpoints': {
      const source =
        spec.measured && existsSync(MEASURED) ? 'measured checkpoints, interpolated' : 'synthetic checkpoints';
      return `${spec.models} × ${spec.responses} ${spec.dtype}, ${source}, noise ${spec.noise}`;
    }
    case 'converted':
      return `${describeInput(spec.from)}, as ${spec.format}`;
    case 'unrelated':
      return `${spec.models} × ${spec.responses} ${spec.dtype}, unrelated rows of spread ${spec.spread}`;
    case 'features':
      return `features of ${spec.prompts} prompts, H=${spec.horizon}, V=${spec.vocabulary}, d=${spec.dim}, ${
        spec.single ? 'values of single precision' : 'doubles'
      }`;
    case 'integers':
      return `integers below ${spec.below}, ${spec.shape.join(' × ')}`;
    case 'draws':
      return `draws of ${spec.replicates} replicates of ${spec.units} units`;
    case 'direction':
      return `a vector of ${spec.dim} coordinates, norm ${spec.norm}`;
  }
}

function write(spec: Exclude<InputSpec, { kind: 'draws' | 'converted' }>, file: string): void {
  const random = new Random(spec.seed);
  switch (spec.kind) {
    case 'checkpoints':
    case 'unrelated': {
      const { models, responses } = spec;
      const value =
        spec.kind === 'unrelated' ? () => -Math.abs(random.normal() * spec.spread) : checkpoints(spec, random);
      const rows = logProbRows(models, responses, spec.dtype, value);
      writeNpy(file, `<${spec.dtype}`, [models, responses], rows);
      break;
    }
    case 'features': {
      const { prompts, horizon, vocabulary, dim, single } = spec;
      const blocks = Array.from({ length: prompts }, () => {
        const block = directions(horizon * vocabulary, dim, 1, random);
        return single ? block.map(Math.fround) : block;
      });
      writeNpy(file, '<f8', [prompts, horizon, vocabulary, dim], blocks);
      break;
    }
    case 'integers': {
      const values = new Uint32Array(spec.shape.reduce((product, size) => product * size, 1));
      writeNpy(file, '<u4', spec.shape, [values.map(() => random.below(spec.below))]);
      break;
    }
    case 'direction':
      writeNpy(file, '<f8', [spec.dim], [directions(1, spec.dim, spec.norm, random)]);
      break;
  }
}

function* logProbRows(
  models: number,
  responses: number,
  dtype: 'f4' | 'f8',
  value: (model: number, response: number) => number,
): Generator<Values> {
  for (let model = 0; model < models; model++) {
    const row = dtype === 'f4' ? new Float32Array(responses) : new Float64Array(responses);
    for (let response = 0; response < responses; response++) {
      row[response] = Math.min(Math.round(value(model, response) * RESOLUTION), -1) / RESOLUTION;
    }
    yield row;
  }
}

/** Between ten skeleton checkpoints, linearly, plus noise of each checkpoint's own. */
function checkpoints(
  spec: Extract<InputSpec, { kind: 'checkpoints' }>,
  random: Random,
): (model: number, response: number) => number {
  const skeleton =
    spec.measured && existsSync(MEASURED) ? measuredSkeleton(spec.responses) : lookAlike(spec.responses, random);
  const last = skeleton.length - 1;
  return (model, response) => {
    const place = spec.models === 1 ? last : (model / (spec.models - 1)) * last;
    const below = Math.min(Math.floor(place), last - 1);
    const share = place - below;
    const between = (1 - share) * skeleton[below]![response]! + share * skeleton[below + 1]![response]!;
    return between + spec.noise * random.normal();
  };
}

function measuredSkeleton(responses: number): Values[] {
  const { shape, values } = readNpy(MEASURED);
  const [models, length] = shape as [number, number];
  return Array.from({ length: models }, (_, model) => {
    const row = values.subarray(model * length, (model + 1) * length);
    return Float64Array.from({ length: responses }, (_, response) => row[response % length]!);
  });
}

/**
 * Shaped like the measured ones: log-odds of a response are its easiness, plus a level that rises along training, plus
 * what the checkpoint makes of this response.
 */
function lookAlike(responses: number, random: Random): Values[] {
  const easiness = Float64Array.from({ length: responses }, () => 2.6 * random.normal());
  return Array.from({ length: 10 }, (_, checkpoint) => {
    const level = -1.4 + 2 * (1 - Math.exp(-checkpoint / 3));
    return easiness.map((easy) => -Math.log1p(Math.exp(-(easy + level + 0.8 * random.normal()))));
  });
}

/** `count` vectors of norm `norm` in random directions. */
function directions(count: number, dim: number, norm: number, random: Random): Float64Array {
  const values = new Float64Array(count * dim);
  for (let start = 0; start < values.length; start += dim) {
    const vector = values.subarray(start, start + dim);
    let square = 0;
    for (let j = 0; j < dim; j++) {
      const value = random.normal();
      vector[j] = value;
      square += value * value;
    }
    const factor = norm / Math.sqrt(square);
    for (let j = 0; j < dim; j++) vector[j]! *= factor;
  }
  return values;
}
