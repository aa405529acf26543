import { expect, test } from 'vitest';
import { loadFailure, machineName, PREBUILT, withoutAddon } from '../src/addon.js';

const glibc = { platform: 'linux', arch: 'x64', glibc: '2.36' };

test('machines are named as their addons are', () => {
  expect(machineName(glibc)).toBe('linux-x64-gnu');
  expect(machineName({ platform: 'linux', arch: 'arm64', glibc: null })).toBe('linux-arm64-musl');
  expect(machineName({ platform: 'win32', arch: 'arm64', glibc: null })).toBe('win32-arm64-msvc');
  expect(machineName({ platform: 'darwin', arch: 'x64', glibc: null })).toBe('darwin-x64');
});

test('one line says what machine it is, why there is no addon, and the way out', () => {
  const missing = withoutAddon(glibc, '1.2.3', 'p/build-addon.mjs', null);
  expect(missing).toContain('linux-x64-gnu');
  expect(missing).toContain('glibc 2.36');
  expect(missing).toContain('npm install coverage-principle-linux-x64-gnu@1.2.3');
  const unsupported = withoutAddon(
    { platform: 'freebsd', arch: 'x64', glibc: null },
    '1.2.3',
    'p/build-addon.mjs',
    null,
  );
  expect(unsupported).toMatch(/no prebuilt addon .* freebsd-x64 .*node p\/build-addon\.mjs$/);
  expect(unsupported).not.toContain('npm install');
  const broken = withoutAddon(glibc, '1.2.3', 'p/build-addon.mjs', 'GLIBC_2.99 not found');
  expect(broken).toMatch(/does not load on linux-x64-gnu .*: GLIBC_2\.99 not found\./);
  for (const message of [missing, unsupported, broken]) expect(message).not.toContain('\n');
  expect(PREBUILT).toContain(machineName(glibc));
});

test('an addon that is there but does not load is told from one that is missing', () => {
  const chain = (...messages: string[]) =>
    messages.reduceRight<Error | undefined>((cause, message) => new Error(message, { cause }), undefined);
  const missing = "Cannot find module 'coverage-principle-linux-x64-gnu'\nRequire stack:";
  const broken = 'x.node: version `GLIBC_2.99` not found\nstack';
  const head = 'Cannot find native binding.';
  expect(loadFailure(chain(head, missing, missing), undefined)).toBeNull();
  expect(loadFailure(chain(head, 'Unsupported OS: haiku, architecture: x64'), undefined)).toBeNull();
  expect(loadFailure(chain(head, missing, broken), undefined)).toBe('x.node: version `GLIBC_2.99` not found');
  expect(loadFailure(chain(head, missing), '/elsewhere.node')).toContain('/elsewhere.node');
  expect(loadFailure('not even an error', undefined)).toBeNull();
});
