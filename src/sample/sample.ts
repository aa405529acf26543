import { join } from 'node:path';
import { CoverageError } from '../error.js';
import { type Progress, tell } from '../job.js';
import { checkOptions } from '../options.js';
import type { Warning } from '../results/estimate.js';
import { linkedAbort } from '../score/abort.js';
import { clientsOf, makeOut, Opened, serverError } from '../score/checkpoint.js';
import { Lane, runLanes } from '../score/lane.js';
import { closeAll, type Held, LineFile } from '../score/line-file.js';
import { lock } from '../score/lock.js';
import { rowsOfPart } from '../score/rows.js';
import { fileName } from '../score/score-file.js';
import { EveryRow, together, Work } from '../score/work.js';
import { packageVersion } from '../version.js';
import { Generator, type Sampled, seedOf } from './generator.js';
import { bits, CUT, RIGHT, type SampleManifest, sampleFormat, sampleLine } from './manifest.js';
import { type CheckedSampleOptions, type SampleOptions, sampleSchema } from './options.js';
import { type PromptRow, type Prompts, readPrompts } from './prompts.js';
import { SameTexts } from './same-texts.js';
import { openVerifier, type Verifier } from './verifier.js';

/** A sample that is missing, and why. */
export interface MissingSample {
  /** Id of the prompt. */
  readonly id: string;
  /** Number of the sample, from 0. */
  readonly sample: number;
  readonly reason: string;
}

/** What became of one model. */
export interface SampledModel {
  readonly model: string;
  /** Its file, which `pass-at-k` takes. */
  readonly file: string;
  /** Software of its servers, as they tell; `null` if all was there before and no server was asked. */
  readonly software: string | null;
  /** Samples in the file. */
  readonly drawn: number;
  /** Those of them that this run drew. */
  readonly added: number;
  /** Samples that were to be drawn. */
  readonly total: number;
  /** Samples that are right. */
  readonly right: number;
  /** Samples that were cut at the greatest length. */
  readonly cut: number;
  readonly missing: readonly MissingSample[];
  readonly requests: number;
  /** Requests that brought no sample, sent again or given up. */
  readonly faults: number;
  /** Why its servers were given up; `null` if they were not. */
  readonly stopped: string | null;
}

/** Result of {@link sample}. */
export interface SampleResult {
  /** Version of this form of the result. */
  readonly schemaVersion: 1;
  /** Version of this package. */
  readonly version: string;
  /** Folder of the files. */
  readonly out: string;
  /** Samples of each prompt. */
  readonly n: number;
  readonly models: readonly SampledModel[];
  /** Whether every sample of every model is there. */
  readonly complete: boolean;
  /** Seconds that sampling took. */
  readonly seconds: number;
  /** Samples a second, all models together; `null` if none was drawn. */
  readonly rate: number | null;
  readonly warnings: readonly Warning[];
}

/**
 * Draws responses to prompts from served models, verifies them, and writes one file a model, which `pass-at-k` takes: a line a
 * sample, right or wrong.
 *
 * Each sample has a seed of its own, by the seed of the run, the id of its prompt and its number. A run that was cut off, by
 * kill −9 too, goes on where it was when it is called again; what lies in the folder and is of other prompts or options is
 * refused. Faults of servers are met with patience; what cannot be drawn or verified is named in the result.
 *
 * @param prompts JSON Lines file, or rows
 * @throws CoverageError before anything is spent: `ERR_INVALID_OPTION`, `ERR_SERVER`, `ERR_UNSUPPORTED_SERVER`,
 * `ERR_WRONG_MODEL`, `ERR_VERIFIER`, `ERR_OTHER_RUN`, `ERR_OUTPUT_IN_USE`; and those of reading
 */
export async function sample(prompts: string | readonly PromptRow[], options: SampleOptions): Promise<SampleResult> {
  const given = checkOptions('sample', sampleSchema, options);
  given.signal?.throwIfAborted();
  const abort = linkedAbort(given.signal);
  const opened = new Opened();
  try {
    const read = await readPrompts(prompts, abort.signal);
    const verifier = await openVerifier(given, read, abort.signal);
    await makeOut(given.out);
    return await new Run({ ...given, signal: abort.signal }, read, verifier, options.onProgress).all(opened);
  } finally {
    abort.end();
    await opened.close();
  }
}

/** One model of a run: its file and what that holds. */
interface HeldModel {
  readonly name: string;
  readonly path: string;
  readonly held: Held<SampleManifest> | null;
  readonly texts: SameTexts;
}

/** The servers of a model. */
interface Found {
  readonly generators: readonly Generator[];
  readonly urls: readonly string[];
}

/** The options with the signal that ends the run. */
type RunOptions = CheckedSampleOptions & { readonly signal: AbortSignal };

/** One call of {@link sample}. */
class Run {
  readonly #options: RunOptions;
  readonly #prompts: Prompts;
  readonly #verifier: Verifier;
  readonly #onProgress: ((progress: Progress) => void) | undefined;
  /** What is to be drawn, by keys: the first sample of every prompt comes before the second of any. */
  readonly #keys: readonly number[];

  constructor(
    options: RunOptions,
    prompts: Prompts,
    verifier: Verifier,
    onProgress: ((progress: Progress) => void) | undefined,
  ) {
    this.#options = options;
    this.#prompts = prompts;
    this.#verifier = verifier;
    this.#onProgress = onProgress;
    const { n, shard } = options;
    const rows = rowsOfPart(prompts, shard);
    this.#keys = Array.from({ length: n }, (_, index) => rows.map((row) => row * n + index)).flat();
  }

  async all(opened: Opened): Promise<SampleResult> {
    const { out, n, servers } = this.#options;
    const models: HeldModel[] = [];
    for (const name of new Set(servers.map(({ name }) => name))) models.push(await this.#hold(name, opened));
    const began = performance.now();
    const left = models.filter(({ held }) => (held?.known.size ?? 0) < this.#keys.length);
    const done = left.length > 0 ? await this.#draw(left, opened) : [];
    const results = models.map((each) => done.find(({ model }) => model === each.name) ?? this.#before(each));
    const seconds = (performance.now() - began) / 1000;
    const added = results.reduce((sum, each) => sum + each.added, 0);
    return {
      schemaVersion: 1,
      version: packageVersion,
      out,
      n,
      models: results,
      complete: results.every(({ drawn, total }) => drawn === total),
      seconds,
      rate: added > 0 ? added / seconds : null,
      warnings: results.flatMap((result, index) => this.#warnings(result, models[index]!.texts)),
    };
  }

  async #hold(name: string, opened: Opened): Promise<HeldModel> {
    const { out, shard, n } = this.#options;
    const path = join(out, fileName(name, shard));
    opened.add(await lock(path));
    const texts = new SameTexts();
    const format = sampleFormat(this.#prompts, n, (row, text) => texts.add(row, text));
    const held = await LineFile.peek(path, format);
    if (held !== null) checkSameRun(held.manifest, this.#manifest(name, '', '', []), path);
    return { name, path, held, texts };
  }

  #before({ name, path, held }: HeldModel): SampledModel {
    const nothing = { software: null, added: 0, missing: [], requests: 0, faults: 0, stopped: null };
    return { model: name, file: path, ...nothing, ...this.#counts((key) => held!.known.get(key)) };
  }

  /** Finds the servers, then draws from all models beside each other. */
  async #draw(left: readonly HeldModel[], opened: Opened): Promise<SampledModel[]> {
    const { servers, signal } = this.#options;
    const found: Found[] = [];
    for (const { name } of left) {
      const own = servers.filter((server) => server.name === name);
      const clients = clientsOf(name, this.#options, opened);
      const generators = await Promise.all(
        clients.map((client, index) =>
          Generator.find(client, own[index]!, this.#prompts.rows, signal).catch((error: unknown) => {
            throw serverError(error, name, client.url);
          }),
        ),
      );
      found.push({ generators, urls: clients.map(({ url }) => url) });
    }
    const files: LineFile<SampleManifest>[] = [];
    try {
      for (const [index, { name, path, held }] of left.entries()) {
        const { generators, urls } = found[index]!;
        const [{ software, served }] = generators as [Generator];
        files.push(await LineFile.open(path, this.#manifest(name, software, served, urls), held));
      }
      const began = performance.now();
      const onDrawn = () => {
        const done = files.reduce((sum, { count }) => sum + count, 0);
        const elapsed = (performance.now() - began) / 1000;
        tell(this.#onProgress, { done, total: files.length * this.#keys.length, elapsed, stage: 'sampling' });
      };
      onDrawn();
      const source = new EveryRow(this.#keys.length);
      const group = new Set<Work>();
      const works = files.map((file, index) => new Work(source, index, (at) => file.known(this.#keys[at]!), group));
      return await together(works, signal, (work, index) =>
        this.#drawOne(left[index]!, files[index]!, work, found[index]!, onDrawn),
      );
    } finally {
      const sorted = this.#keys.toSorted((a, b) => a - b);
      await closeAll(files, sorted);
    }
  }

  async #drawOne(
    { name, path, texts }: HeldModel,
    file: LineFile<SampleManifest>,
    work: Work,
    { generators, urls }: Found,
    onDrawn: () => void,
  ): Promise<SampledModel> {
    const { concurrency, retries, signal, n, seed } = this.#options;
    const before = file.count;
    const missing: MissingSample[] = [];
    const place = (at: number) => {
      const key = this.#keys[at]!;
      return { key, row: Math.floor(key / n), sample: key % n };
    };
    const lanes = generators.map(
      (generator) =>
        new Lane<Sampled>(work, {
          concurrency,
          batch: 1,
          retries,
          signal,
          ask: ([at], signal, onReceived) => {
            const { row, sample } = place(at!);
            const prompt = this.#prompts.rows[row]!;
            const one = generator.generate(prompt, this.#options, seedOf(seed, prompt.id, sample), signal, onReceived);
            return one.then((each) => [each]);
          },
          onAnswer: async (at, sampled) => {
            const { key, row, sample } = place(at);
            const prompt = this.#prompts.rows[row]!;
            const judged = await this.#verifier.judge(prompt, sampled.text, signal);
            if ('reason' in judged) return judged;
            const value = bits(judged.correct, sampled.finish);
            await file.append(key, value, sampleLine(file.manifest, prompt.id, sample, judged.correct, sampled));
            texts.add(row, sampled.text);
            onDrawn();
            return value;
          },
          onFailed: (at, reason) => {
            const { row, sample } = place(at);
            missing.push({ id: String(this.#prompts.rows[row]!.id), sample, reason });
          },
        }),
    );
    const { requests, faults, dead } = await runLanes(lanes, work);
    return {
      model: name,
      file: path,
      software: generators[0]!.software,
      added: file.count - before,
      missing,
      requests,
      faults,
      stopped: dead === null ? null : (serverError(dead, name, urls[0]!) as Error).message,
      ...this.#counts((key) => file.known(key)),
    };
  }

  #counts(known: (key: number) => number | undefined) {
    const values = this.#keys.map(known).filter((value) => value !== undefined);
    const having = (bit: number) => values.filter((value) => (value & bit) !== 0).length;
    return { drawn: values.length, total: this.#keys.length, right: having(RIGHT), cut: having(CUT) };
  }

  #manifest(model: string, software: string, served: string, urls: readonly string[]): SampleManifest {
    const { shard, n, temperature, topP, maxTokens, stop, seed, verifier } = this.#options;
    const { file, sha256, rows } = this.#prompts;
    return {
      'coverage-principle': 'samples',
      version: packageVersion,
      model,
      ...(shard && { part: [...shard] as [number, number] }),
      input: { file, sha256, rows: rows.length },
      server: { software, served, urls: [...urls] },
      sampling: { n, temperature, topP, maxTokens, stop: [...stop], seed },
      verifier,
    };
  }

  #warnings({ model, drawn, right, cut }: SampledModel, texts: SameTexts): Warning[] {
    const { n, maxTokens } = this.#options;
    const warnings: Warning[] = [];
    if (cut > 0) {
      const message = `${model}: ${cut} of ${drawn} responses were cut at ${maxTokens} tokens and are judged as they are: allow more (--max-tokens) unless that is what is asked.`;
      warnings.push({ code: 'WARN_CUT', message });
    }
    if (drawn > 0 && right === 0) {
      const said = this.#verifier.lastWords();
      const message = `${model}: no response is right. Make sure that the verifier is${said && `; it said last: ${said}`}.`;
      warnings.push({ code: 'WARN_NONE_RIGHT', message });
    }
    if (n > 1 && texts.allSame) {
      const message = `${model}: all responses to each prompt are the same text, so that Pass@k is Pass@1: make sure that the server draws anew (temperature, seed, a cache before it).`;
      warnings.push({ code: 'WARN_SAME_SAMPLES', message });
    }
    return warnings;
  }
}

/**
 * What is in a file must be of the same run: input, way of drawing and verifier.
 *
 * @throws CoverageError `ERR_OTHER_RUN`
 */
function checkSameRun(held: SampleManifest, now: SampleManifest, path: string): void {
  const parts: readonly (readonly [(manifest: SampleManifest) => unknown, string])[] = [
    [({ model }) => model, 'it holds the samples of another model'],
    [({ input }) => input.sha256, 'the file of prompts has changed since'],
    [({ part }) => part ?? null, 'it is another part of the prompts'],
    [
      ({ sampling }) => sampling,
      'its responses were drawn otherwise (-n, temperature, top-p, greatest length, stop, seed)',
    ],
    [({ verifier }) => verifier, 'its verifier is another'],
  ];
  const other = parts.find(([of]) => JSON.stringify(of(held)) !== JSON.stringify(of(now)));
  if (other === undefined) return;
  const message = `${path} is of another run: ${other[1]}. Go on with what it was begun with, or choose another folder (--out).`;
  throw new CoverageError('ERR_OTHER_RUN', message, { place: { file: path } });
}
