import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../paths.js';
import { LineProcess } from './line-process.js';

const FOLDER = join(ROOT, 'benchmark/peers');

/**
 * The Python with NumPy to run the peers in: the one that PEERS_PYTHON names, that of `benchmark/peers/.venv`, or
 * python3; `null` if none has NumPy.
 */
export function findPython(): string | null {
  const named = process.env['PEERS_PYTHON'];
  const own = join(FOLDER, '.venv/bin/python');
  for (const python of named ? [named] : [...(existsSync(own) ? [own] : []), 'python3']) {
    if (spawnSync(python, ['-c', 'import numpy'], { stdio: 'ignore' }).status === 0) return python;
  }
  if (named) throw new Error(`PEERS_PYTHON is ${named}, which does not run or has no NumPy.`);
  return null;
}

/** Starts the Python process that all peers run in. */
export function startPeers(python: string): LineProcess {
  return new LineProcess(python, [join(FOLDER, 'serve.py')], {
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    // Matrix products of the sizes here lose by being shared out; each peer sets its own threads where it can use them.
    OPENBLAS_NUM_THREADS: '1',
    MKL_NUM_THREADS: '1',
    NUMBA_NUM_THREADS: String(availableParallelism()),
    JAX_PLATFORMS: 'cpu',
    XLA_FLAGS: '--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1',
  });
}
