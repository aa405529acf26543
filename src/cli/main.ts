#!/usr/bin/env node
import * as nodeModule from 'node:module';
import { CoverageError } from '../error.js';
import { packageVersion } from '../version.js';
import { EXIT } from './exit-codes.js';

// Compiled code is kept from one command to the next where Node can (from 22.1 on); what it loads is most of a small
// command's time. NODE_DISABLE_COMPILE_CACHE=1 turns it off.
(nodeModule as { readonly enableCompileCache?: () => unknown }).enableCompileCache?.();

// Whoever reads has enough, as `head` has: other commands end by SIGPIPE then, which Node ignores.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(EXIT.unread);
    const said = `error: Standard output cannot be written: ${message}\n[ERR_WRITE_FAILED]\n`;
    if (stream === process.stdout) process.stderr.write(said);
    process.exit(EXIT.failed);
  });
}

/** What is answered without the parser of the command line, which takes longer to load than the addon. */
const VERSION = new Set(['-V', '--version']);

try {
  // Loaded here, not above: without an addon no command can run, and this is where it is said, even to --version.
  await import('../native.js');
  const words = process.argv.slice(2);
  if (words.length === 1 && VERSION.has(words[0]!)) process.stdout.write(`${packageVersion}\n`);
  else {
    const { run } = await import('./program.js');
    process.exitCode = await run(words);
  }
} catch (error) {
  if (!(error instanceof CoverageError)) throw error;
  process.stderr.write(`error: ${error.message}\n[${error.code}]\n`);
  process.exitCode = EXIT.failed;
}
