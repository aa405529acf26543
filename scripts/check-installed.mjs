// Checks by tools that are no packages of npm: each runs where it is installed, and is named where it is not. The
// workflow installs all of them.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const CARGO_DENY = { version: ['cargo', 'deny', '--version'], install: 'cargo install --locked cargo-deny' };

const TOOLS = [
  {
    of: 'the workflows',
    command: ['actionlint'],
    version: ['actionlint', '-version'],
    install: 'go install github.com/rhysd/actionlint/cmd/actionlint@latest',
  },
  {
    of: 'licences and sources of the crates',
    command: ['cargo', 'deny', '--all-features', '--log-level', 'error', 'check', 'bans', 'licenses', 'sources'],
    ...CARGO_DENY,
  },
  {
    of: 'advisories of the crates',
    command: ['cargo', 'deny', '--all-features', '--log-level', 'error', 'check', 'advisories'],
    // They are kept on GitHub.
    unreachable: /failed to fetch advisory database/,
    ...CARGO_DENY,
  },
];

const cwd = dirname(dirname(fileURLToPath(import.meta.url)));
const required = process.argv.includes('--required');
let failed = false;
for (const { of, command, version, install, unreachable } of TOOLS) {
  const name = command.slice(0, 2).join(' ');
  if (spawnSync(version[0], version.slice(1), { cwd }).status !== 0) {
    process.stderr.write(`${required ? 'error' : 'skipped'}: ${of}: ${name} is not installed (${install})\n`);
    failed ||= required;
    continue;
  }
  const { status, stdout, stderr } = spawnSync(command[0], command.slice(1), { cwd, encoding: 'utf8' });
  if (unreachable?.test(stderr)) {
    process.stderr.write(`${required ? 'error' : 'skipped'}: ${of}: what ${name} asks cannot be reached from here\n`);
    failed ||= required;
    continue;
  }
  process.stderr.write(stdout + stderr);
  process.stderr.write(`${status === 0 ? 'passed' : 'failed'}: ${of} (${name})\n`);
  failed ||= status !== 0;
}
process.exitCode = failed ? 1 : 0;
