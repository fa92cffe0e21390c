// Dynamic resource allocation from end to end on the control plane: claims made from templates, devices chosen by the scheduler,
// reservations taken back when Pods end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DeviceClasses,
  Events,
  Nodes,
  Pods,
  ResourceClaimsResourceV1 as ResourceClaims,
  ResourceClaimTemplates,
  ResourceSlices,
} from '#api/generated/kind-references.ts';
import { readyNode, startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';
import type { Json } from '#kit/start-api-server.ts';

const driver = 'gpu.example.com';
const finalizer = 'resource.kubernetes.io/delete-protection';
const selector = (expression: string) => [{ cel: { expression } }];

async function startWithDevices(devices: readonly (string | object)[], spec: object = {}): Promise<TestControlPlane> {
  const plane = await startControlPlane();
  await plane.create(Nodes, readyNode('n1'));
  await plane.create(Nodes, readyNode('n2'));
  await plane.create(DeviceClasses, {
    metadata: { name: 'gpu' },
    spec: { selectors: selector(`device.driver == "${driver}"`) },
  });
  await addSlice(plane, devices, spec);
  return plane;
}
const addSlice = (plane: TestControlPlane, devices: readonly (string | object)[], spec: object = {}): Promise<Json> =>
  plane.create(ResourceSlices, {
    metadata: { generateName: 'slice-' },
    spec: {
      driver,
      nodeName: 'n1',
      pool: { name: 'pool', generation: 1, resourceSliceCount: 1 },
      devices: devices.map((one) => (typeof one === 'string' ? { name: one } : one)),
      ...spec,
    },
  });
const request = (more: object = {}) => ({
  devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu', ...more } }] },
});
const createTemplate = (plane: TestControlPlane, spec: object = request(), name = 'one-gpu') =>
  plane.create(ResourceClaimTemplates, { metadata: { name, namespace: 'default' }, spec: { spec } });
const createClaim = (plane: TestControlPlane, name: string, spec: object = request()) =>
  plane.create(ResourceClaims, { metadata: { name, namespace: 'default' }, spec });
const createPod = (plane: TestControlPlane, name: string, claim: object, spec: object = {}) =>
  plane.create(Pods, {
    metadata: { name, namespace: 'default' },
    spec: {
      containers: [{ name: 'app', image: 'example.org/app', resources: { claims: [{ name: 'gpu' }] } }],
      resourceClaims: [{ name: 'gpu', ...claim }],
      ...spec,
    },
  });
const fromTemplate = { resourceClaimTemplateName: 'one-gpu' };

const waitCondition = (pod: Json): Json => pod.status.conditions?.find((one: Json) => one.type === 'PodScheduled');
const claimOf = async (plane: TestControlPlane, pod: string): Promise<Json> => {
  const found = await plane.find(Pods, 'default', pod);
  const name = found.status.resourceClaimStatuses?.[0]?.resourceClaimName;
  assert.ok(name !== undefined, 'the Pod knows its claim');
  return plane.find(ResourceClaims, 'default', name);
};
const onNode = async (plane: TestControlPlane, pod: string, node: string): Promise<Json> => {
  const found = await plane.find(Pods, 'default', pod);
  assert.equal(found.spec.nodeName, node);
  return found;
};
/** The node says that the Pod has ended. */
const end = (plane: TestControlPlane, pod: string, phase = 'Succeeded') =>
  plane.api.patch(`/api/v1/namespaces/default/pods/${pod}/status`, 'strategic', { status: { phase } });
const devicesOf = (claim: Json): string[] | undefined =>
  claim.status?.allocation?.devices.results.map((one: Json) => `${one.request}:${one.device}`);

test('a claim is made from a template, allocated where its device is, and goes with the Pod', async () => {
  await using plane = await startWithDevices(['a']);
  await createTemplate(plane);
  const pod = await createPod(plane, 'p', fromTemplate);
  await plane.eventually(() => onNode(plane, 'p', 'n1'));
  const claim = await claimOf(plane, 'p');
  assert.match(claim.metadata.name, /^p-gpu-[a-z0-9]{5}$/);
  assert.equal(claim.metadata.annotations['resource.kubernetes.io/pod-claim-name'], 'gpu');
  assert.deepEqual(claim.metadata.ownerReferences, [
    { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: pod.metadata.uid, controller: true },
  ]);
  assert.deepEqual(claim.metadata.finalizers, [finalizer]);
  const { allocationTimestamp, ...allocation } = claim.status.allocation;
  assert.match(allocationTimestamp, /^\d{4}-/);
  assert.deepEqual(allocation, {
    devices: { results: [{ request: 'r', driver, pool: 'pool', device: 'a' }] },
    nodeSelector: {
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }],
    },
  });
  assert.deepEqual(claim.status.reservedFor, [{ resource: 'pods', name: 'p', uid: pod.metadata.uid }]);
  const managers = (await plane.find(Pods, 'default', 'p')).metadata.managedFields;
  assert.ok(managers.some((one: Json) => one.manager === 'ResourceClaimController' && one.operation === 'Apply'));
  await end(plane, 'p');
  await plane.eventually(async () =>
    assert.equal(await plane.find(ResourceClaims, 'default', claim.metadata.name), undefined),
  );
  assert.deepEqual(plane.complaints, []);
});

test('a device is given to one Pod at a time, and to the next when it is free', async () => {
  await using plane = await startWithDevices(['a', 'b', 'c']);
  await createTemplate(plane);
  const names = Array.from({ length: 8 }, (_, index) => `p${index}`);
  await Promise.all(names.map((name) => createPod(plane, name, fromTemplate)));
  const placed = async (): Promise<Json[]> =>
    (await plane.list(Pods, 'default')).filter(
      (one: Json) => one.spec.nodeName !== undefined && one.status.phase === 'Pending',
    );
  const finished = new Set<string>();
  while (finished.size < names.length) {
    const running = await plane.eventually(async () => {
      const found = await placed();
      assert.ok(found.length === Math.min(3, names.length - finished.size));
      return found;
    }, 60_000);
    const devices = (await plane.list(ResourceClaims, 'default')).flatMap((one: Json) => devicesOf(one) ?? []);
    assert.equal(new Set(devices).size, devices.length, `given twice: ${devices.join()}`);
    for (const { metadata } of running) {
      await end(plane, metadata.name);
      finished.add(metadata.name);
    }
  }
  await plane.eventually(async () => assert.deepEqual(await plane.list(ResourceClaims, 'default'), []));
  assert.deepEqual(plane.complaints, []);
});

test('a Pod without a device says why, and is scheduled when one comes', async () => {
  await using plane = await startWithDevices(['a']);
  await createTemplate(
    plane,
    request({ selectors: selector(`device.attributes["${driver}"].?model.orValue("") == "new"`) }),
  );
  await createPod(plane, 'p', fromTemplate);
  await plane.eventually(async () => {
    const condition = waitCondition(await plane.find(Pods, 'default', 'p'));
    assert.equal(
      condition?.message,
      '0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
    );
  });
  await addSlice(plane, [{ name: 'n', attributes: { model: { string: 'new' } } }], {
    nodeName: 'n2',
    pool: { name: 'other', generation: 1, resourceSliceCount: 1 },
  });
  await plane.eventually(() => onNode(plane, 'p', 'n2'), 20_000);
});

test('without its template, claim or class a Pod waits, and goes on when it is there', async () => {
  await using plane = await startWithDevices(['a', 'b', 'c']);
  await createPod(plane, 'templated', fromTemplate);
  await plane.eventually(async () => {
    const events = await plane.list(Events, 'default');
    assert.ok(
      events.some(
        (one: Json) =>
          one.reason === 'FailedResourceClaimCreation' &&
          one.source.component === 'resource_claim' &&
          one.message ===
            'PodResourceClaim gpu: resource claim template "one-gpu": resourceclaimtemplate.resource.k8s.io "one-gpu" not found',
      ),
    );
  });
  await createPod(plane, 'claiming', { resourceClaimName: 'late' });
  await createClaim(plane, 'odd', request({ deviceClassName: 'none' }));
  await createPod(plane, 'classless', { resourceClaimName: 'odd' });
  await plane.eventually(async () =>
    assert.match(
      waitCondition(await plane.find(Pods, 'default', 'classless'))?.message ?? '',
      /^0\/2 nodes are available: request r: device class none does not exist\. no new claims to deallocate, /,
    ),
  );
  for (const name of ['templated', 'claiming'])
    assert.equal(waitCondition(await plane.find(Pods, 'default', name)), undefined, 'no attempt was made');
  await createTemplate(plane);
  await createClaim(plane, 'late');
  await plane.create(DeviceClasses, { metadata: { name: 'none' }, spec: {} });
  for (const name of ['templated', 'claiming', 'classless'])
    await plane.eventually(() => onNode(plane, name, 'n1'), 20_000);
  assert.deepEqual(plane.complaints, []);
});

test('Pods share a claim on the node where its device is; it is free after the last of them', async () => {
  await using plane = await startWithDevices(['a']);
  await createClaim(plane, 'shared');
  const shared = { resourceClaimName: 'shared' };
  await createPod(plane, 'one', shared);
  await createPod(plane, 'two', shared);
  for (const name of ['one', 'two']) await plane.eventually(() => onNode(plane, name, 'n1'), 20_000);
  const get = () => plane.find(ResourceClaims, 'default', 'shared');
  const users = (claim: Json) => (claim.status.reservedFor ?? []).map((one: Json) => one.name).toSorted();
  assert.deepEqual(users(await get()), ['one', 'two']);
  await end(plane, 'one');
  await plane.eventually(async () => assert.deepEqual(users(await get()), ['two']));
  assert.deepEqual(devicesOf(await get()), ['r:a']);
  await plane.api.send('DELETE', '/api/v1/namespaces/default/pods/two?gracePeriodSeconds=0');
  await plane.eventually(async () => {
    const claim = await get();
    assert.equal(claim.status.allocation, undefined);
    assert.deepEqual(claim.metadata.finalizers ?? [], []);
  });
});

test('a claim is kept while a Pod uses it', async () => {
  await using plane = await startWithDevices(['a']);
  await createClaim(plane, 'kept');
  await createPod(plane, 'p', { resourceClaimName: 'kept' });
  await plane.eventually(() => onNode(plane, 'p', 'n1'));
  await plane.api.send('DELETE', '/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/kept');
  const get = () => plane.find(ResourceClaims, 'default', 'kept');
  assert.ok((await get()).metadata.deletionTimestamp !== undefined);
  await end(plane, 'p');
  await plane.eventually(async () => assert.equal(await get(), undefined));
});

test('a Pod that came to its node past the scheduler has its allocated claims reserved', async () => {
  await using plane = await startWithDevices(['a']);
  await createClaim(plane, 'shared');
  await createPod(plane, 'first', { resourceClaimName: 'shared' });
  await plane.eventually(() => onNode(plane, 'first', 'n1'));
  await createPod(plane, 'direct', { resourceClaimName: 'shared' }, { nodeName: 'n1' });
  await plane.eventually(async () => {
    const { reservedFor } = (await plane.find(ResourceClaims, 'default', 'shared')).status;
    assert.deepEqual(reservedFor.map((one: Json) => one.name).toSorted(), ['direct', 'first']);
  });
});

test('devices that nobody uses are given up when the Pod cannot come to their node', async () => {
  await using plane = await startWithDevices(['a']);
  await addSlice(plane, ['z'], { nodeName: 'n2', pool: { name: 'other', generation: 1, resourceSliceCount: 1 } });
  const claim = await createClaim(plane, 'stuck');
  const path = '/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/stuck';
  await plane.api.patch(path, 'merge', { metadata: { finalizers: [finalizer] } });
  await plane.api.patch(`${path}/status`, 'merge', {
    status: {
      allocation: {
        devices: { results: [{ request: 'r', driver, pool: 'pool', device: 'a' }] },
        nodeSelector: {
          nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }],
        },
      },
    },
  });
  assert.ok(claim.metadata.uid);
  await createPod(plane, 'p', { resourceClaimName: 'stuck' }, { nodeSelector: { 'kubernetes.io/hostname': 'n2' } });
  await plane.eventually(() => onNode(plane, 'p', 'n2'), 30_000);
  assert.deepEqual(devicesOf(await plane.find(ResourceClaims, 'default', 'stuck')), ['r:z']);
});

test('a Pod is bound when its driver says that the device is ready', async () => {
  await using plane = await startWithDevices(
    [{ name: 'a', bindsToNode: true, bindingConditions: ['attached'], bindingFailureConditions: ['broken'] }],
    { nodeName: undefined, allNodes: true },
  );
  await createClaim(plane, 'slow');
  await createPod(plane, 'p', { resourceClaimName: 'slow' });
  const get = () => plane.find(ResourceClaims, 'default', 'slow');
  await plane.eventually(async () => assert.deepEqual(devicesOf(await get()), ['r:a']));
  const say = (type: string, status: string) =>
    plane.api.patch('/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/slow/status', 'merge', {
      status: {
        devices: [
          {
            driver,
            pool: 'pool',
            device: 'a',
            conditions: [{ type, status, reason: 'R', message: 'm', lastTransitionTime: '2026-01-02T03:04:05Z' }],
          },
        ],
      },
    });
  await plane.pass(2_000);
  assert.equal((await plane.find(Pods, 'default', 'p')).spec.nodeName, undefined);
  assert.ok((await plane.list(Events, 'default')).some((one: Json) => one.reason === 'BindingConditionsPending'));
  await say('broken', 'True');
  await plane.eventually(async () => {
    const condition = waitCondition(await plane.find(Pods, 'default', 'p'));
    assert.equal(condition?.reason, 'SchedulerError');
    assert.match(
      condition.message,
      /^running PreBind plugin "DynamicResources": device binding failed: claim=slow, reason=R, message="m"$/,
    );
  });
  // The next attempt gives the device up, the one after it takes it again.
  await plane.eventually(async () => {
    const claim = await get();
    assert.deepEqual(devicesOf(claim), ['r:a']);
    assert.equal(claim.status.devices, undefined);
  }, 30_000);
  await say('attached', 'True');
  await plane.eventually(
    async () => assert.ok((await plane.find(Pods, 'default', 'p')).spec.nodeName !== undefined),
    30_000,
  );
});

test('an expression that fails ends the attempt with its error', async () => {
  await using plane = await startWithDevices(['a']);
  await createTemplate(plane, request({ selectors: selector(`device.attributes["${driver}"].model == "x"`) }));
  await createPod(plane, 'p', fromTemplate);
  await plane.eventually(async () => {
    const condition = waitCondition(await plane.find(Pods, 'default', 'p'));
    assert.equal(condition?.reason, 'SchedulerError');
    assert.match(
      condition.message,
      /^running "DynamicResources" filter plugin: claim default\/p-gpu-\w+: selector #0: CEL runtime error: no such key: model$/,
    );
  });
});
