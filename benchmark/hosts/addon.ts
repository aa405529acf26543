import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Binding from '../../native/binding.cjs';
import type * as Experiments from '../../src/experiments.js';
import type * as Root from '../../src/index.js';
import type * as Linear from '../../src/linear.js';
import type { Task } from '../case.js';
import { FACTORIES, type Installed, type Run } from './addon-tasks.js';
import { type Host, type Prepared, type Round, Skipped } from './host.js';

/** Loads the package that lies in `folder`, built. */
/** All that the package exports, whichever of its doors it comes through. */
export type Facade = typeof Root & typeof Linear & typeof Experiments;

export async function loadPackage(folder: string): Promise<Installed> {
  const doors = ['index', 'linear', 'experiments'].map((door) => join(folder, `dist/${door}.js`));
  const opened = await Promise.all(doors.map((door) => import(pathToFileURL(door).href)));
  const facade: Facade = Object.assign({}, ...opened);
  const binding = createRequire(join(folder, 'package.json'))('./native/binding.cjs') as typeof Binding;
  return { facade, binding };
}

/** Binding, facade and a plain JavaScript loop, in this process. */
export class AddonHost implements Host {
  readonly #installed: Installed;
  readonly #slots = new Map<string, Run>();

  constructor(installed: Installed) {
    this.#installed = installed;
  }

  async prepare(slot: string, task: Task, resultFile: string): Promise<Prepared> {
    const factory = FACTORIES[`${task.kind} ${task.method}`];
    if (!factory) throw new Skipped(`${task.method} has no ${task.kind}`);
    const run = factory(this.#installed, task);
    const start = performance.now();
    const bytes = await run();
    const seconds = (performance.now() - start) / 1000;
    writeFileSync(resultFile, bytes());
    this.#slots.set(slot, run);
    return { seconds, facts: {} };
  }

  async round(slot: string, iterations: number): Promise<Round> {
    const run = this.#slots.get(slot);
    if (!run) throw new Error(`nothing is prepared under ${slot}`);
    let bytes: () => Uint8Array = () => new Uint8Array();
    const start = performance.now();
    for (let iteration = 0; iteration < iterations; iteration++) bytes = await run();
    const seconds = (performance.now() - start) / 1000;
    return { seconds, checksum: createHash('sha1').update(bytes()).digest('hex') };
  }

  async release(slot: string): Promise<void> {
    this.#slots.delete(slot);
  }

  close(): void {
    this.#slots.clear();
  }
}
