// Runs a development tool from tools/: `node scripts/tool.ts oxlint ARGUMENTS`. Installs the tools when they are missing.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const binaries = path.join(root, 'tools/node_modules/.bin');
const [name, ...rest] = process.argv.slice(2);
if (name === undefined) {
  console.error('usage: tool.ts NAME [ARGUMENT ...]');
  process.exit(2);
}
if (!existsSync(path.join(binaries, name))) {
  const installed = spawnSync('npm', ['run', '--silent', 'tools'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (installed.status !== 0) process.exit(installed.status ?? 1);
}
const result = spawnSync(path.join(binaries, name), rest, {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${binaries}:${process.env.PATH}` },
});
process.exit(result.status ?? 1);
