// Checks by tools that are no packages of npm: each runs where it is installed, and is named where it is not. The
// workflow installs all of them.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOOLS = [
  {
    of: 'the workflows',
    command: ['actionlint'],
    version: ['actionlint', '-version'],
    install: 'go install github.com/rhysd/actionlint/cmd/actionlint@latest',
  },
  {
    of: 'licences, sources and advisories of the crates',
    command: ['cargo', 'deny', '--all-features', 'check'],
    version: ['cargo', 'deny', '--version'],
    install: 'cargo install --locked cargo-deny',
  },
];

const cwd = dirname(dirname(fileURLToPath(import.meta.url)));
const required = process.argv.includes('--required');
let failed = false;
for (const { of, command, version, install } of TOOLS) {
  const name = command.slice(0, 2).join(' ');
  if (spawnSync(version[0], version.slice(1), { cwd }).status !== 0) {
    process.stderr.write(`${required ? 'error' : 'skipped'}: ${of}: ${name} is not installed (${install})\n`);
    failed ||= required;
    continue;
  }
  const { status } = spawnSync(command[0], command.slice(1), { cwd, stdio: 'inherit' });
  process.stderr.write(`${status === 0 ? 'passed' : 'failed'}: ${of} (${name})\n`);
  failed ||= status !== 0;
}
process.exitCode = failed ? 1 : 0;
