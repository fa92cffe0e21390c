// A new cluster has the flow schemas and priority levels that upstream's has, and requests are told theirs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlowSchemas, PriorityLevelConfigurations } from '#api/generated/kind-references.ts';
import { defaultFlowSchemas, defaultPriorityLevels } from '#rules/flow-control-defaults.ts';
import type { KubernetesObject } from '#api/kind.ts';
import type { Json } from '#kit/start-api-server.ts';
import { startControlPlane } from '#kit/start-control-plane.ts';

const group = '/apis/flowcontrol.apiserver.k8s.io/v1';
const names = (objects: readonly KubernetesObject[]) => objects.map((one) => one.metadata.name!).toSorted();

test('the default flow schemas and priority levels are there, and again after somebody deletes one', async () => {
  await using cluster = await startControlPlane();
  const listed = async (resource: string): Promise<Json[]> => (await cluster.api.get(`${group}/${resource}`)).items;
  await cluster.eventually(async () => {
    assert.deepEqual(names((await listed(FlowSchemas.resource)) as KubernetesObject[]), names(defaultFlowSchemas));
    assert.deepEqual(
      names((await listed(PriorityLevelConfigurations.resource)) as KubernetesObject[]),
      names(defaultPriorityLevels),
    );
    for (const schema of await listed(FlowSchemas.resource))
      assert.deepEqual(
        schema.status.conditions.map((one: Json) => [one.type, one.status, one.reason]),
        [['Dangling', 'False', 'Found']],
        schema.metadata.name,
      );
  });
  const exempt = await cluster.api.get(`${group}/flowschemas/exempt`);
  await cluster.api.send('DELETE', `${group}/flowschemas/exempt`);
  await cluster.eventually(async () => {
    const again = await cluster.find(FlowSchemas, undefined, 'exempt');
    assert.notEqual(again?.metadata.uid ?? exempt.metadata.uid, exempt.metadata.uid);
  });
});
