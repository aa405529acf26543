// The core's test binary, for tools that run it themselves.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export function fail(reason) {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}

/** Path of the binary, built if it has to be, with these further variables; `CORE_TESTS` names one that is there. */
export function coreTests(variables = {}) {
  if (process.env.CORE_TESTS) return process.env.CORE_TESTS;
  // As `npm run test:rust` selects: of the core alone dependencies would have other features, and all be compiled again.
  const args = ['test', '--no-run', '--message-format=json', '--workspace', '--tests'];
  const { status, stdout } = spawnSync('cargo', args, {
    cwd: root,
    env: { ...process.env, ...variables },
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) fail('The tests do not compile; what cargo says of it stands above.');
  const messages = stdout.split('\n').filter((line) => line.startsWith('{'));
  const built = messages.map((line) => JSON.parse(line)).filter(({ executable }) => executable);
  const core = built.find(({ target }) => target.name === 'coverage_principle_core');
  return core?.executable ?? fail('Cargo named no test binary.');
}
