// `npm run build`: _output/bin/microshift, one file that runs where Node is not installed.
//   1. bundle: src/main.ts and each worker become one CommonJS script; tables become assets that are read where they are imported
//   2. strip: Node without its symbol table, where binutils are installed
//   3. join: Node's single-executable form with a code cache, so that nothing is compiled at start
// `--profiled`: the executable takes Node's own options, `microshift --node-options=--cpu-prof run` (docs/performance.md). `--output DIR`: elsewhere than
// _output.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { zstdCompressSync } from 'node:zlib';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { workerEntries } from '../src/host/worker-entries.ts';

const root = path.resolve(import.meta.dirname, '..');
const { values: options } = parseArgs({
  options: { profiled: { type: 'boolean', default: false }, output: { type: 'string', default: '_output' } },
});
const work = path.resolve(root, options.output, 'build');
const executable = path.resolve(root, options.output, 'bin/microshift');
const sizeMaxBytes = 124_000_000;

function run(command: string, args: readonly string[]): void {
  const result = spawnSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0)
    throw new Error(`${path.basename(command)} ${args.join(' ')} failed:\n${result.stdout}${result.stderr}`);
}
const output = (command: string, ...args: readonly string[]): string => {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  return result.status === 0 ? result.stdout.trim() : '';
};

const assets: Record<string, string> = {};

/** The large ones: sentences are a quarter of their size, for milliseconds when somebody asks for documents; types a twelfth, for 0.7 ms of the start. */
const largeTables = /(?:descriptions|type-table)\.json$/;

/** A table is neither program text, which the process keeps in memory, nor read before somebody asks for it. */
const jsonAsAsset: Plugin = {
  name: 'json-as-asset',
  setup(setup) {
    setup.onLoad({ filter: /\.json$/ }, (args) => {
      const name = path.relative(root, args.path);
      const file = path.join(work, name.replaceAll('/', '_'));
      const text = JSON.stringify(JSON.parse(readFileSync(args.path, 'utf8')));
      const isPacked = largeTables.test(name);
      writeFileSync(file, isPacked ? zstdCompressSync(text) : text);
      assets[name] = file;
      const read = isPacked
        ? `require('node:zlib').zstdDecompressSync(require('node:sea').getRawAsset(${JSON.stringify(name)})).toString()`
        : `require('node:sea').getAsset(${JSON.stringify(name)}, 'utf8')`;
      return { contents: `module.exports = JSON.parse(${read});`, loader: 'js' };
    });
  },
};

function buildFacts(): Readonly<Record<string, string>> {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  const seconds = process.env['SOURCE_DATE_EPOCH'] ?? output('git', 'log', '-1', '--format=%ct');
  return {
    version,
    commit: output('git', 'rev-parse', 'HEAD'),
    treeState: output('git', 'status', '--porcelain', '--untracked-files=no') === '' ? 'clean' : 'dirty',
    date: new Date(Number(seconds === '' ? 0 : seconds) * 1000).toISOString().replace('.000', ''),
  };
}

const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node26',
  format: 'cjs',
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: false,
  legalComments: 'none',
  logLevel: 'error',
  metafile: true,
  absWorkingDir: root,
  // Only `startWorker` reads it, and not in the executable.
  define: { 'import.meta.url': '"file:///executable"', MICROSHIFT_BUILD: JSON.stringify(buildFacts()) },
  logOverride: { 'empty-import-meta': 'silent' },
  plugins: [jsonAsAsset],
};

function largest(meta: Metafile): string {
  const bytes = new Map<string, number>();
  for (const [file, { bytesInOutput }] of Object.values(meta.outputs).flatMap((one) => Object.entries(one.inputs))) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? file.split('/').slice(0, 2).join('/');
    bytes.set(name, (bytes.get(name) ?? 0) + bytesInOutput);
  }
  return [...bytes]
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, 8)
    .map(([name, size]) => `${name} ${Math.round(size / 1024)} KB`)
    .join(', ');
}

/** One character beyond Latin-1, or here ASCII, doubles what the program text takes in memory; esbuild leaves those in patterns. */
function toAscii(script: string): void {
  const text = readFileSync(script, 'utf8');
  // eslint-disable-next-line no-control-regex
  const escaped = text.replaceAll(/[^\x00-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  writeFileSync(script, escaped);
}

function stripped(node: string): string {
  const copy = path.join(work, 'node');
  copyFileSync(node, copy);
  chmodSync(copy, 0o755);
  if (spawnSync('strip', ['--version']).status === 0) run('strip', ['--strip-all', copy]);
  else console.log('strip is not installed (package binutils): the executable keeps its symbols and is larger');
  return copy;
}

/**
 * Megabytes. V8 would take them from the memory of the machine: a small one would get a heap that a large cluster fills, and then end.
 * With these the process of a large machine is that of a small one. V8 takes the code cache with them too.
 */
const heapLimits = ['--max-old-space-size=2048', '--max-semi-space-size=16'];

const began = performance.now();
rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
mkdirSync(path.dirname(executable), { recursive: true });

const main = await build({ ...common, entryPoints: ['src/main.ts'], outfile: path.join(work, 'microshift.cjs') });
toAscii(path.join(work, 'microshift.cjs'));
for (const [name, entry] of Object.entries(workerEntries)) {
  const outfile = path.join(work, `worker-${name}.js`);
  await build({ ...common, entryPoints: [path.join('src/host', entry)], outfile });
  assets[path.basename(outfile)] = outfile;
}
const configuration = path.join(work, 'executable.json');
writeFileSync(
  configuration,
  JSON.stringify({
    main: path.join(work, 'microshift.cjs'),
    mainFormat: 'commonjs',
    executable: stripped(process.execPath),
    output: `${executable}.new`,
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    useSnapshot: false,
    execArgv: ['--disable-warning=ExperimentalWarning', ...heapLimits],
    execArgvExtension: options.profiled ? 'cli' : 'none',
    assets,
  }),
);
run(process.execPath, ['--build-sea', configuration]);
chmodSync(`${executable}.new`, 0o755);
// Renamed into place: a running executable cannot be overwritten.
renameSync(`${executable}.new`, executable);
rmSync(path.join(work, 'node'));

const { size } = statSync(executable);
const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
console.log(`bundle ${megabytes(statSync(path.join(work, 'microshift.cjs')).size)}: ${largest(main.metafile!)}`);
console.log(
  `${path.relative(root, executable)}: ${megabytes(size)} in ${((performance.now() - began) / 1000).toFixed(1)} s`,
);
if (size > sizeMaxBytes) {
  console.error(`That is more than ${megabytes(sizeMaxBytes)}.`);
  process.exitCode = 1;
}
