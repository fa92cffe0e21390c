// Node heartbeats as the node agent writes them, through the whole request chain: which of them wait for the disk.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { Leases, Namespaces, Nodes } from '#api/generated/kind-references.ts';
import type { Lease, Node } from '#api/generated/types.ts';
import { createInProcessClient } from '#client/in-process.ts';
import { administrator, startApiServer } from '#kit/start-api-server.ts';
import { createMemoryStore } from '#storage/memory/store.ts';
import type { Store, WriteRequest } from '#storage/store.ts';

test('renewals and heartbeat times are lazy; whatever else a node says of itself is durable', async (t) => {
  const memory = createMemoryStore({ clock: systemClock });
  const written: string[] = [];
  const store = new Proxy(memory, {
    get(target, name): unknown {
      const value: unknown = Reflect.get(target, name, target);
      if (name === 'write')
        return (request: WriteRequest) => {
          written.push(request.durability);
          return target.write(request);
        };
      return typeof value === 'function' ? value.bind(target) : value;
    },
  }) as Store;
  const api = await startApiServer({ clock: systemClock, store });
  const client = createInProcessClient({ handler: api.server, identity: administrator, clock: systemClock });
  t.after(async () => {
    await client.close();
    api.close();
  });
  const last = () => written.at(-1);
  await client
    .resource(Namespaces)
    .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-node-lease' }, spec: {} });
  const leases = client.resource(Leases);
  const lease: Lease = await leases.create({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'n1', namespace: 'kube-node-lease' },
    spec: { holderIdentity: 'n1', leaseDurationSeconds: 40, renewTime: '2026-01-01T00:00:00.000000Z' },
  });
  assert.equal(last(), 'durable');
  const renewed = await leases.update({ ...lease, spec: { ...lease.spec, renewTime: '2026-01-01T00:00:10.000000Z' } });
  assert.equal(last(), 'lazy');
  await leases.update({ ...renewed, spec: { ...renewed.spec, holderIdentity: 'n2' } });
  assert.equal(last(), 'durable');

  const nodes = client.resource(Nodes);
  const condition = (status: string, heartbeat: string) => ({
    type: 'Ready',
    status,
    reason: 'KubeletReady',
    message: 'm',
    lastTransitionTime: '2026-01-01T00:00:00Z',
    lastHeartbeatTime: heartbeat,
  });
  let node: Node = await nodes.create({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1' },
    spec: {},
    status: { conditions: [condition('True', '2026-01-01T00:00:00Z')] },
  });
  const report = async (conditions: ReturnType<typeof condition>[]) => {
    node = await nodes.update(
      { ...node, status: { ...node.status, conditions } },
      { subresource: 'status', fieldManager: 'kubelet' },
    );
    return last();
  };
  assert.equal(await report([condition('True', '2026-01-01T00:05:00Z')]), 'lazy');
  assert.equal(await report([condition('False', '2026-01-01T00:10:00Z')]), 'durable');
});
