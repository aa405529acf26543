// Builds the release addon into native and notes what it was built from; options of `napi build` are passed on.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonSources, releaseSourcesFile } from './addon-sources.mjs';

// Before the build: what changes meanwhile may or may not be in it.
const sources = addonSources();
rmSync(releaseSourcesFile, { force: true });
const napi = ['napi', 'build', '--platform', '--release', '--manifest-path', 'crates/node/Cargo.toml'];
const output = ['--package-json-path', 'package.json', '-o', 'native', '--js', 'binding.cjs', '--dts', 'binding.d.cts'];
const given = process.argv.slice(2);
const target = given.includes('--target') ? given[given.indexOf('--target') + 1] : process.arch;
// Training's loops over arrays become vectors at the third level only. On x86-64 their vectors are named, and the second is 100 KB less.
const level = 'profile.release.package.coverage-principle-core.opt-level=3';
const cargo = /^(aarch64|arm64)/.test(target) ? ['--', '--config', level] : [];
const { status } = spawnSync('npx', ['--no-install', ...napi, ...output, ...given, ...cargo], {
  cwd: dirname(dirname(fileURLToPath(import.meta.url))),
  stdio: 'inherit',
  shell: process.platform === 'win32',
});
if (status !== 0) process.exit(status ?? 1);
writeFileSync(releaseSourcesFile, sources);
