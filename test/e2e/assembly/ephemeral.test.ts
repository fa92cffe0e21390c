// `microshift run --ephemeral`: control planes for tests, side by side, that leave nothing behind.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { ask, main } from './microshift-process.ts';

async function startEphemeral(context: TestContext) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'run', '--ephemeral'], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  context.after(() => child.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const kubeconfig = /^export KUBECONFIG=(\S+)$/.exec(line)?.[1];
  assert.ok(kubeconfig, line);
  return { child, dataDirectory: path.resolve(kubeconfig, '../../..') };
}

test('two of them run side by side, each with its own objects, and nothing is left of either', async (context) => {
  const [one, two] = await Promise.all([startEphemeral(context), startEphemeral(context)]);
  const configMaps = '/api/v1/namespaces/default/configmaps';
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine' } };
  assert.equal((await ask(one.dataDirectory, 'POST', configMaps, object)).status, 201);
  assert.equal((await ask(two.dataDirectory, 'GET', `${configMaps}/mine`)).status, 404);
  assert.equal(existsSync(path.join(one.dataDirectory, 'storage')), false, 'objects are in memory');
  for (const { child, dataDirectory } of [one, two]) {
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.equal(existsSync(dataDirectory), false);
  }
});

test('flags that want something kept are refused', () => {
  for (const flags of [
    ['--data-dir', '/tmp/x'],
    ['--roles', 'controlplane,node'],
    ['--kubeconfig', 'x'],
  ]) {
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', main, 'run', '--ephemeral', ...flags],
      { encoding: 'utf8' },
    );
    assert.equal(status, 2, stderr);
    assert.match(stderr, /--ephemeral does not go with --/);
  }
});
