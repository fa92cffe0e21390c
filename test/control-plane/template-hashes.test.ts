// Names that upstream's controllers would give: a cluster that changes hands rolls nothing out anew.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ControllerRevisions,
  DaemonSets,
  Deployments,
  ReplicaSets,
  StatefulSets,
} from '#api/generated/kind-references.ts';
import { startControlPlane } from '#kit/start-control-plane.ts';

const spec = {
  selector: { matchLabels: { app: 'web' } },
  template: {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', image: 'nginx', args: [], env: [] }] },
  },
};
const metadata = { name: 'web', namespace: 'default' };

test('of one template, with the defaults that the API server writes, names and labels are those of upstream 1.36.2', async () => {
  await using plane = await startControlPlane();
  await plane.create(Deployments, { metadata, spec });
  await plane.create(DaemonSets, { metadata, spec });
  await plane.create(StatefulSets, { metadata, spec });
  const namesAndLabels = async () => {
    const found = [...(await plane.list(ReplicaSets)), ...(await plane.list(ControllerRevisions))];
    return found.map((one) => [one.metadata.name, one.metadata.labels, one.metadata.ownerReferences[0].kind]);
  };
  await plane.eventually(async () => {
    const found = await namesAndLabels();
    assert.equal(found.length, 3);
    assert.deepEqual(Object.fromEntries(found.map(([name, labels, kind]) => [kind, [name, labels]])), {
      Deployment: ['web-64586f5df', { app: 'web', 'pod-template-hash': '64586f5df' }],
      DaemonSet: ['web-64586f5df', { app: 'web', 'controller-revision-hash': '64586f5df' }],
      StatefulSet: ['web-757df7b85b', { app: 'web', 'controller.kubernetes.io/hash': '757df7b85b' }],
    });
  });
});
