// Manifests of a running process: directories with a kustomization are applied at its start and when they change, and what
// is wrong with one is in `microshift status`. Their usual places on a machine are in pages.test.ts.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { ask, cli, freePort, start, temporary, waitReady } from './microshift-process.ts';

test('kustomizations of the data directory and of configured patterns are applied, and again when they change', async (context) => {
  const directory = temporary(context);
  const dataDirectory = path.join(directory, 'data');
  const write = (name: string, text: string): void => {
    const file = path.join(directory, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  write('config.yaml', `manifests:\n  kustomizePaths: ["${directory}/manifests.d/*"]\n`);
  write('data/manifests/kustomization.yaml', 'namespace: shop\nresources: [shop.yaml]\nnamePrefix: my-\n');
  write(
    'data/manifests/shop.yaml',
    'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: red}\n',
  );
  write('manifests.d/broken/kustomization.yaml', 'resources: [nothing.yaml]\n');
  const run = start(context, dataDirectory, await freePort(), ['--config', path.join(directory, 'config.yaml')]);
  waitReady(dataDirectory);
  const eventually = async (check: () => void | Promise<void>): Promise<void> => {
    for (let tries = 0; ; tries++)
      try {
        return await check();
      } catch (error) {
        if (tries >= 100) throw error;
        await wait(50);
      }
  };
  const get = async (name: string) => {
    const answer = await ask(dataDirectory, 'GET', `/api/v1/namespaces/shop/configmaps/${name}`);
    assert.equal(answer.status, 200, answer.text);
    return (JSON.parse(answer.text) as { data: object }).data;
  };
  await eventually(async () => assert.deepEqual(await get('my-settings'), { color: 'red' }));
  const problem = `manifests: ${directory}/manifests.d/broken/kustomization.yaml: accumulating resources from 'nothing.yaml': 'nothing.yaml': no such file or directory`;
  await eventually(() => assert.ok(cli(dataDirectory, 'status').stdout.includes(problem)));
  assert.equal((await ask(dataDirectory, 'GET', '/readyz')).text, 'ok');
  assert.match(run.output(), /manifests of .*data\/manifests: 2 objects applied/);

  write(
    'data/manifests/shop.yaml',
    'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: blue}\n',
  );
  await eventually(async () => assert.deepEqual(await get('my-settings'), { color: 'blue' }));
  write(
    'manifests.d/broken/nothing.yaml',
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mended, namespace: shop}\n',
  );
  await eventually(async () => assert.equal(await get('mended'), undefined));
  write(
    'manifests.d/new/kustomization.yaml',
    'configMapGenerator:\n- {name: new, namespace: shop, literals: [a=b], options: {disableNameSuffixHash: true}}\n',
  );
  await eventually(async () => assert.deepEqual(await get('new'), { a: 'b' }));
  write('manifests.d/delete/old/kustomization.yaml', 'resources: [old.yaml]\n');
  write(
    'manifests.d/delete/old/old.yaml',
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mended, namespace: shop}\n',
  );
  await eventually(async () =>
    assert.equal((await ask(dataDirectory, 'GET', '/api/v1/namespaces/shop/configmaps/mended')).status, 404),
  );
  await eventually(() => {
    const status = cli(dataDirectory, 'status');
    assert.equal(status.status, 0, status.stdout);
    assert.match(status.stdout, /manifests +runs/);
  });
});
