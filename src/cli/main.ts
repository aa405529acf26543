#!/usr/bin/env node
import { CoverageError } from '../error.js';

try {
  // Loaded here, not above: without an addon no command can run, and this is where it is said, even to --version.
  await import('../native.js');
  const { run } = await import('./program.js');
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CoverageError)) throw error;
  process.stderr.write(`error: ${error.message}\n[${error.code}]\n`);
  process.exitCode = 1;
}
