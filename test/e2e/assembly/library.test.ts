// `startControlPlane()` for other projects' tests: from source, and as the npm package that they install.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
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
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { startControlPlane, type ControlPlane, type ControlPlaneOptions } from '#library/control-plane.ts';
import { freePort, main } from './microshift-process.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const fromSource: ControlPlaneOptions = {
  executable: process.execPath,
  executableArguments: ['--disable-warning=ExperimentalWarning', main],
};

function core({ kubeconfig }: ControlPlane): CoreV1Api {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  return config.makeApiClient(CoreV1Api);
}

/** Directories of control planes, and of their configuration. */
const leftovers = (): string[] =>
  readdirSync(tmpdir()).filter((name) => /^microshift-(configuration-)?\w{6}$/.test(name));

const isAlive = (processId: number): boolean => {
  try {
    return process.kill(processId, 0);
  } catch {
    return false;
  }
};

test('it answers a client library, each has its own objects, and nothing is left after the end of the block', async () => {
  const before = leftovers();
  const processes: number[] = [];
  {
    const port = await freePort();
    await using one = await startControlPlane({ ...fromSource, port });
    await using two = await startControlPlane({ ...fromSource, configuration: { debugging: { logLevel: 'Debug' } } });
    processes.push(one.processId, two.processId);
    assert.equal(one.server, `https://127.0.0.1:${port}`);
    assert.equal(readFileSync(one.kubeconfigPath, 'utf8'), one.kubeconfig);
    await core(one).createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name: 'mine' } } });
    assert.equal(
      (await core(one).readNamespacedConfigMap({ namespace: 'default', name: 'mine' })).metadata?.name,
      'mine',
    );
    await assert.rejects(core(two).readNamespacedConfigMap({ namespace: 'default', name: 'mine' }), /404|not found/i);
  }
  assert.deepEqual(processes.filter(isAlive), []);
  assert.deepEqual(leftovers(), before);
});

test('what keeps it from starting is told, and leaves nothing', async () => {
  const before = leftovers();
  await assert.rejects(startControlPlane({ ...fromSource, configuration: { nonsense: 1 } }), {
    name: 'ControlPlaneError',
    message: /ended before it was ready[^]*nonsense/,
  });
  await assert.rejects(startControlPlane({ ...fromSource, startTimeoutMs: 1 }), {
    name: 'ControlPlaneError',
    message: /was not ready within 1 ms/,
  });
  await assert.rejects(startControlPlane({ executable: '/nowhere/microshift' }), {
    name: 'ControlPlaneError',
    message: /ENOENT/,
  });
  const reason = new Error('enough');
  await assert.rejects(startControlPlane({ ...fromSource, signal: AbortSignal.abort(reason) }), reason);
  const aborting = new AbortController();
  const starting = startControlPlane({ ...fromSource, signal: aborting.signal });
  setTimeout(() => aborting.abort(reason), 50);
  await assert.rejects(starting, reason);
  assert.deepEqual(leftovers(), before);
});

test('it ends with its signal, and stopping it again is nothing', async () => {
  const aborting = new AbortController();
  const controlPlane = await startControlPlane({ ...fromSource, signal: aborting.signal });
  aborting.abort();
  assert.equal(await controlPlane.ended, 0);
  await controlPlane.stop();
  await controlPlane.stop();
});

test('another project installs the package: JavaScript, types and program; killed, it takes the control plane with it', async (context) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'library-test-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const succeed = (command: string, args: readonly string[], cwd: string): string => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
    assert.equal(status, 0, `${command}: ${stdout}${stderr}`);
    return stdout;
  };
  const executable = path.join(root, '_output/bin/microshift');
  assert(existsSync(executable), 'npm run build makes it; the stage before this one does');
  const output = path.join(directory, 'output');
  succeed(process.execPath, ['scripts/package.ts', '--output', output, '--executable', executable], root);

  // As npm unpacks it.
  const modules = path.join(directory, 'node_modules');
  mkdirSync(path.join(modules, 'microshift'), { recursive: true });
  const archive = path.join(
    output,
    readdirSync(output).find((name) => name.endsWith('.tgz'))!,
  );
  succeed('tar', ['-xzf', archive, '-C', path.join(modules, 'microshift'), '--strip-components=1'], directory);
  mkdirSync(path.join(modules, '@types'));
  symlinkSync(path.join(root, 'node_modules/@types/node'), path.join(modules, '@types/node'));
  symlinkSync(path.join(root, 'node_modules/undici-types'), path.join(modules, 'undici-types'));
  writeFileSync(path.join(directory, 'package.json'), '{"type": "module"}');
  writeFileSync(
    path.join(directory, 'typed.ts'),
    `import { startControlPlane, ControlPlaneError, type ControlPlane } from 'microshift';
export async function run(): Promise<string> {
  await using one: ControlPlane = await startControlPlane({ port: 1, configuration: {} });
  return one.kubeconfig;
}
// @ts-expect-error: it is a number
void startControlPlane({ port: 'x' });
void ControlPlaneError;
`,
  );
  const tsc = path.join(root, 'node_modules/.bin/tsc');
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--types', 'node', 'typed.ts'];
  succeed(tsc, flags, directory);

  writeFileSync(
    path.join(directory, 'user.js'),
    `import { startControlPlane } from 'microshift';
const controlPlane = await startControlPlane();
console.log(JSON.stringify({ processId: controlPlane.processId, kubeconfigPath: controlPlane.kubeconfigPath }));
setInterval(() => {}, 1000);
`,
  );
  const user = spawn(process.execPath, ['user.js'], { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => user.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: user.stdout }), 'line')) as [string];
  const { processId, kubeconfigPath } = JSON.parse(line) as { processId: number; kubeconfigPath: string };
  assert(isAlive(processId) && existsSync(kubeconfigPath));
  user.kill('SIGKILL');
  for (let attempt = 0; isAlive(processId) && attempt < 200; attempt++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  assert(!isAlive(processId));
  assert(!existsSync(path.resolve(kubeconfigPath, '../../..')), 'its directory');
});
