/**
 * Platforms for which an addon is built with each release: the package that holds it is `coverage-principle-` and the
 * name. A test holds the list to the targets in package.json and to the folders of `npm/`.
 */
export const PREBUILT: readonly string[] = [
  'darwin-arm64',
  'darwin-x64',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'linux-x64-gnu',
  'linux-x64-musl',
  'win32-arm64-msvc',
  'win32-x64-msvc',
];

/** The machine an addon is wanted for. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** Version of glibc; `null` where another C library, or none, is in use. */
  readonly glibc: string | null;
}

/** This machine. */
export function thisMachine(): Machine {
  const { platform, arch } = process;
  if (platform !== 'linux') return { platform, arch, glibc: null };
  // The report names the C library without starting a process; its part on the network, left out, can take seconds.
  const report = Object.assign(process.report, { excludeNetwork: true }).getReport() as {
    header?: { glibcVersionRuntime?: string };
  };
  return { platform, arch, glibc: report.header?.glibcVersionRuntime ?? null };
}

/** Name of a machine as addons are named: platform, processor, and what of the C library matters. */
export function machineName({ platform, arch, glibc }: Machine): string {
  if (platform === 'linux') return `linux-${arch}-${glibc === null ? 'musl' : 'gnu'}`;
  return platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`;
}

/** In one line: what machine this is, why there is no addon, and what to do about it. */
export function withoutAddon(machine: Machine, version: string, buildScript: string, reason: string | null): string {
  const name = machineName(machine);
  const libc = machine.platform !== 'linux' ? '' : machine.glibc === null ? ', musl' : `, glibc ${machine.glibc}`;
  const place = `${name} (Node ${process.version}${libc})`;
  const build = `build one, with Rust 1.89 or later: node ${buildScript}`;
  if (reason !== null)
    return `The addon of coverage-principle does not load on ${place}: ${reason}. To get another, ${build}`;
  if (!PREBUILT.includes(name)) return `There is no prebuilt addon of coverage-principle for ${place}: ${build}`;
  const addon = `coverage-principle-${name}@${version}`;
  return (
    `The addon of coverage-principle for ${place} is not installed, as happens where optional dependencies are left out ` +
    `or a lock file was made on another platform: npm install ${addon} (pnpm add, bun add, deno add npm:${addon}), or ${build}`
  );
}

/**
 * What the loader says of an addon that is there but does not load, or of one that was named and is not there; `null` if
 * there is none. Its error has one cause for each place it looked at, of which only the texts are kept.
 */
export function loadFailure(error: unknown, named: string | undefined): string | null {
  if (named) return `NAPI_RS_NATIVE_LIBRARY_PATH names ${named}, which cannot be loaded`;
  const looked = error instanceof Error ? error.cause : undefined;
  for (let cause = looked; cause instanceof Error; cause = cause.cause) {
    if (!/^(Cannot find module|Unsupported )/.test(cause.message))
      return cause.message.split('\n')[0]!.replace(/\.$/, '');
  }
  return null;
}
