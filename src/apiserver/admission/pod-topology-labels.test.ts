// Answers are upstream's, observed with the same objects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { featureGates } from '#api/feature-gates.ts';
import type { ApiServerOptions } from '#apiserver/options.ts';
import { startApiServer } from '#kit/start-api-server.ts';

const zone = 'topology.kubernetes.io/zone';
const region = 'topology.kubernetes.io/region';
const pods = '/api/v1/namespaces/default/pods';

async function start(options: Partial<ApiServerOptions> = {}) {
  const api = await startApiServer(options);
  await api.create('/api/v1/nodes', {
    metadata: { name: 'n1', labels: { [zone]: 'z1', [region]: 'r1', 'topology.kubernetes.io/other': 'x', rack: '7' } },
  });
  const make = async (name: string, spec: object = {}) =>
    api.create(pods, {
      metadata: { name, labels: { [zone]: 'mine' } },
      spec: { ...spec, containers: [{ name: 'a', image: 'b' }] },
    });
  const bind = async (name: string, target: object, path = `${pods}/${name}/binding`) => {
    await make(name);
    await api.create(path, { metadata: { name, labels: { of: 'binding' } }, target });
    return (await api.get(`${pods}/${name}`)).metadata.labels;
  };
  return { make, bind };
}

test("a Pod gets the zone and region of its node, in place of what it says itself, and a Binding's labels", async () => {
  const { make, bind } = await start();
  assert.deepEqual((await make('direct', { nodeName: 'n1' })).metadata.labels, { [zone]: 'z1', [region]: 'r1' });
  assert.deepEqual((await make('lost', { nodeName: 'none' })).metadata.labels, { [zone]: 'mine' });
  const bound = await bind('bound', { kind: 'Node', name: 'n1' });
  assert.deepEqual(bound, { of: 'binding', [zone]: 'z1', [region]: 'r1' });
  assert.deepEqual(await bind('no-kind', { name: 'n1' }), { of: 'binding', [zone]: 'mine' });
  const collection = '/api/v1/namespaces/default/bindings';
  assert.deepEqual(await bind('of-collection', { kind: 'Node', name: 'n1' }, collection), {
    of: 'binding',
    [zone]: 'mine',
  });
});

test('with the gate off a Pod keeps its labels', async () => {
  const { make, bind } = await start({ featureGates: featureGates(new Map([['PodTopologyLabelsAdmission', false]])) });
  assert.deepEqual((await make('direct', { nodeName: 'n1' })).metadata.labels, { [zone]: 'mine' });
  assert.deepEqual(await bind('bound', { kind: 'Node', name: 'n1' }), { [zone]: 'mine' });
});
