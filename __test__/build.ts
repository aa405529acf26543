import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

const root = fileURLToPath(new URL('..', import.meta.url));

function build(): void {
  // A release addon, built elsewhere for this machine, is tested as it is (`npm run test:prebuilt`).
  if (process.env['COVERAGE_TEST_PREBUILT']) return;
  const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'build-test.mjs')], { stdio: 'inherit' });
  if (status !== 0) throw new Error('Building what the tests run failed.');
  process.env['NAPI_RS_NATIVE_LIBRARY_PATH'] = readFileSync(join(root, 'native', 'test-addon'), 'utf8');
}

/** Runs before the tests, and before each further run while watching: no test meets stale Rust or a stale `dist`. */
export default function setup(project: TestProject): void {
  build();
  project.onTestsRerun(build);
}
