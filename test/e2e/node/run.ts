// Runs the tests of this folder inside a network namespace of their own, without a way out.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { clientsDirectory } from '#kit/machine/clients.ts';

const name = `node-e2e-${process.pid}`;
const call = (command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) =>
  spawnSync(command, args, { stdio: 'inherit', env }).status ?? 1;
const measures = process.argv[2] === '--measure';
const patterns = process.argv.slice(measures ? 3 : 2);
const files = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.test.ts') && (patterns.length === 0 || patterns.some((one) => file.includes(one))))
  .map((file) => path.join(import.meta.dirname, file));
/** Namespaces of sandboxes: a runtime that a test kills does not take its own away. */
const sandboxNamespaces = () =>
  spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' })
    .stdout.split('\n')
    .map((line) => line.split(' ')[0]!)
    .filter((one) => one.startsWith('cni-'));
// From inside the namespace nothing can be fetched.
const clients = await clientsDirectory();
const before = new Set(sandboxNamespaces());
call('ip', ['netns', 'add', name]);
let status = 1;
try {
  call('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  // nsenter keeps the mounts: `ip netns exec` would hide the cgroups.
  const what = measures
    ? [path.join(import.meta.dirname, 'measure.ts'), ...patterns]
    : ['--test', '--test-concurrency=1', ...files];
  status = call(
    'nsenter',
    [`--net=/run/netns/${name}`, process.execPath, '--disable-warning=ExperimentalWarning', ...what],
    { ...process.env, TEST_KUBECTL: path.join(clients, 'kubectl/kubectl') },
  );
} finally {
  for (const one of [name, ...sandboxNamespaces().filter((found) => !before.has(found))])
    call('ip', ['netns', 'delete', one]);
}
process.exitCode = status;
