// Installs the package as a stranger would, from a registry, in an empty folder, with no Rust on the PATH, under each
// package manager, and uses it: the command on a .npy file, and a program. The registry is a small one on this machine
// that serves the staged release and passes everything else on.
//   npm run try:install [-- npm pnpm bun deno]
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const work = mkdtempSync(join(tmpdir(), 'try-install-'));
const upstream = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim().replace(/\/$/, '');

/** How each manager installs and runs; all but npm come from the registry themselves. */
const MANAGERS = {
  npm: { add: ['npm', 'install', 'coverage-principle'], exec: ['npx', '--no-install', 'coverage-principle'] },
  pnpm: {
    get: 'pnpm@10',
    add: ['pnpm', 'add', 'coverage-principle'],
    exec: ['pnpm', 'exec', 'coverage-principle'],
  },
  bun: {
    get: 'bun@1',
    add: ['bun', 'add', 'coverage-principle'],
    exec: ['bun', 'x', '--bun', 'coverage-principle'],
    program: ['bun', 'program.mjs'],
  },
  deno: {
    get: 'deno@2',
    add: ['deno', 'add', 'npm:coverage-principle'],
    exec: ['deno', 'run', '--allow-all', 'npm:coverage-principle'],
    program: ['deno', 'run', '--allow-all', 'program.mjs'],
  },
};

const program = `
import { readLogProbs, selectCheckpoint } from 'coverage-principle';
const { tournaments } = await selectCheckpoint(await readLogProbs('logprobs.npy'), { N: [2] });
console.log(tournaments[0].winner);
`;

/** A matrix of two models on four responses, as NumPy writes it. */
function matrix() {
  const header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 4), }".padEnd(117, ' ');
  const magic = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0]);
  const values = Float64Array.of(-1, -9, -3, -2, -2, -2, -3, -2);
  return Buffer.concat([magic, Buffer.from(`${header}\n`), Buffer.from(values.buffer)]);
}

function pack(folder) {
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', work], { cwd: folder, encoding: 'utf8' }),
  );
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const bytes = readFileSync(join(work, filename));
  return { manifest, filename, bytes, integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}` };
}

function serve(packages) {
  const server = createServer(async (request, response) => {
    try {
      const path = decodeURIComponent(request.url.split('?')[0].slice(1));
      const file = packages.find(({ filename }) => path.endsWith(`/-/${filename}`));
      const found = packages.find(({ manifest }) => manifest.name === path);
      if (file) return response.end(file.bytes);
      if (found) {
        const { manifest, filename, integrity } = found;
        const tarball = `http://127.0.0.1:${server.address().port}/${manifest.name}/-/${filename}`;
        const version = { ...manifest, dist: { tarball, integrity } };
        response.setHeader('content-type', 'application/json');
        const versions = { [manifest.version]: version };
        return response.end(
          JSON.stringify({ name: manifest.name, 'dist-tags': { latest: manifest.version }, versions, time: {} }),
        );
      }
      const { accept } = request.headers;
      const answer = await fetch(upstream + request.url, { headers: accept ? { accept } : {} });
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' });
      response.end(Buffer.from(await answer.arrayBuffer()));
    } catch (error) {
      response.writeHead(502).end(String(error));
    }
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** A PATH that holds node and what comes with it, and no compiler. */
function bareEnvironment(extra, registry, home) {
  const bin = join(home, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const tool of ['node', 'npm', 'npx']) symlinkSync(join(dirname(process.execPath), tool), join(bin, tool));
  for (const tool of ['sh', 'env', 'uname', 'ldd', 'getconf', 'cat', 'sed', 'dirname']) {
    for (const folder of ['/bin', '/usr/bin']) {
      if (existsSync(join(folder, tool)) && !existsSync(join(bin, tool)))
        symlinkSync(join(folder, tool), join(bin, tool));
    }
  }
  return {
    HOME: home,
    PATH: [...extra, bin].join(delimiter),
    npm_config_registry: registry,
    NPM_CONFIG_REGISTRY: registry,
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
    CI: 'true',
  };
}

function run(command, cwd, env) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    let output = '';
    const child = spawn(command[0], command.slice(1), { cwd, env });
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (status) => {
      const seconds = (performance.now() - began) / 1000;
      if (status === 0) resolve({ output, seconds });
      else reject(new Error(`${command.join(' ')} exited with ${status}:\n${output}`));
    });
  });
}

function megabytes(folder) {
  const output = execFileSync('du', ['-sk', folder], { encoding: 'utf8' });
  return Number(output.split('\t')[0]) / 1024;
}

execFileSync(process.execPath, [
  join(root, 'scripts/stage-release.mjs'),
  join(work, 'release'),
  join(root, 'native'),
  '--partial',
]);
const packages = [
  pack(join(work, 'release', 'package')),
  ...readdirSync(join(work, 'release', 'npm')).map((name) => pack(join(work, 'release', 'npm', name))),
];
// The other platforms' packages are there without their addons: Deno fetches those of another C library, too.
const built = packages.map(({ manifest }) => manifest.name);
for (const name of readdirSync(join(root, 'npm'))) {
  if (!built.includes(`coverage-principle-${name}`)) packages.push(pack(join(root, 'npm', name)));
}
const server = await serve(packages);
const registry = `http://127.0.0.1:${server.address().port}/`;
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(MANAGERS);
let failed = 0;
for (const { filename, bytes } of packages.slice(0, built.length).filter(({ bytes }) => bytes))
  console.log(`${filename}: ${(bytes.length / 1e6).toFixed(2)} MB packed`);
for (const name of wanted) {
  const { get, add, exec, program: runProgram = ['node', 'program.mjs'] } = MANAGERS[name];
  const home = join(work, name);
  const project = join(home, 'project');
  mkdirSync(project, { recursive: true });
  try {
    const tools = [];
    if (get) {
      execFileSync('npm', [
        'install',
        '--prefix',
        join(home, 'tool'),
        '--no-audit',
        '--no-fund',
        '--loglevel=error',
        get,
      ]);
      tools.push(join(home, 'tool', 'node_modules', '.bin'));
    }
    const env = bareEnvironment(tools, registry, home);
    writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
    const installed = await run(add, project, env);
    const version = await run([...exec, '--version'], project, env);
    writeFileSync(join(project, 'logprobs.npy'), matrix());
    writeFileSync(join(project, 'program.mjs'), program);
    const selected = await run([...exec, 'select', 'logprobs.npy', '-N', '2', '--json'], project, env);
    const { models, responses } = JSON.parse(selected.output.slice(selected.output.indexOf('{')));
    const ran = await run(runProgram, project, env);
    if (!version.output.includes(packages[0].manifest.version)) throw new Error(`--version: ${version.output}`);
    if (models.length !== 2 || responses !== 4) throw new Error(`select: ${selected.output}`);
    if (!models.includes(ran.output.trim())) throw new Error(`program: ${ran.output}`);
    console.log(
      `${name}: installed in ${installed.seconds.toFixed(1)} s, ${megabytes(join(project, 'node_modules')).toFixed(0)} MB; ` +
        `--version ${version.seconds.toFixed(2)} s, select ${selected.seconds.toFixed(2)} s, program ${ran.seconds.toFixed(2)} s`,
    );
  } catch (error) {
    failed += 1;
    console.error(`${name}: FAILED\n${error.message}`);
  }
}
server.close();
rmSync(work, { recursive: true, force: true });
process.exit(failed === 0 ? 0 : 1);
