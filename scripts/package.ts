// `npm run package [-- --output DIR]`: the npm package for projects that test against a control plane: DIR/microshift-VERSION.tgz with the
// executable of this platform, `startControlPlane()` as JavaScript, and its types. docs/how-to/test-with-a-control-plane.md
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const root = path.resolve(import.meta.dirname, '..');
const { values: options } = parseArgs({
  options: { output: { type: 'string', default: '_output/package' }, executable: { type: 'string' } },
});
const output = path.resolve(options.output);
const tree = path.join(output, 'package');
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Readonly<Record<string, string>>;

function run(command: string, args: readonly string[], cwd = root): void {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${result.stdout}${result.stderr}`);
}

rmSync(output, { recursive: true, force: true });
mkdirSync(path.join(tree, 'bin'), { recursive: true });

const executable = options.executable ?? path.join(root, '_output/bin/microshift');
if (options.executable === undefined) {
  console.log('[1/3] building the executable');
  run(process.execPath, ['scripts/build.ts']);
}
copyFileSync(executable, path.join(tree, 'bin/microshift'));

console.log('[2/3] compiling the library and its types');
run(path.join(root, 'node_modules/.bin/tsc'), [
  '--ignoreConfig',
  '--strict',
  '--declaration',
  '--rewriteRelativeImportExtensions',
  '--target',
  'es2024',
  '--lib',
  'esnext',
  '--module',
  'nodenext',
  '--types',
  'node',
  '--rootDir',
  'src/library',
  '--outDir',
  path.join(tree, 'library'),
  'src/library/control-plane.ts',
]);

console.log('[3/3] packing');
writeFileSync(
  path.join(tree, 'package.json'),
  `${JSON.stringify(
    {
      name: manifest['name'],
      version: manifest['version'],
      description: manifest['description'],
      license: manifest['license'],
      type: 'module',
      exports: { '.': { types: './library/control-plane.d.ts', default: './library/control-plane.js' } },
      bin: { microshift: 'bin/microshift' },
      engines: { node: '>=20' },
      os: [process.platform],
      cpu: [process.arch],
    },
    undefined,
    2,
  )}\n`,
);
copyFileSync(path.join(root, 'LICENSE'), path.join(tree, 'LICENSE'));
copyFileSync(path.join(root, 'docs/how-to/test-with-a-control-plane.md'), path.join(tree, 'README.md'));
const archive = path.join(output, `${manifest['name']}-${manifest['version']}.tgz`);
// The fastest level: the better ones take four times as long for a tenth.
run('tar', [
  '--create',
  '--use-compress-program=gzip -1',
  `--file=${archive}`,
  `--directory=${output}`,
  '--owner=0',
  '--group=0',
  'package',
]);
console.log(archive);
