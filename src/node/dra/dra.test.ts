// Claimed devices on the node: drivers on real sockets, the real API server with the rights of a node, real files.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import facts from '#api/facts/rbac-bootstrap.json' with { type: 'json' };
import type { Container, Pod } from '#api/generated/types.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { loggedScope } from '#base/scope.ts';
import { createInProcessClient } from '#client/in-process.ts';
import { linuxNodeMachine } from '#host/node-machine.ts';
import { eventually } from '#kit/csi-node.ts';
import { startDraDriver } from '#kit/dra-driver.ts';
import { type Json, startApiServer } from '#kit/start-api-server.ts';
import { PluginRegistrations } from '../plugins/registration.ts';
import { createNodeDra } from './start.ts';

const group = '/apis/resource.k8s.io/v1';
const driverName = 'gpu.example.com';

async function startNode(t: TestContext) {
  const rootDirectory = mkdtempSync(path.join(tmpdir(), 'dra-'));
  const api = await startApiServer({ clock: systemClock });
  const role = facts.clusterRoles.find(({ name }) => name === 'system:node')!;
  await api.create('/apis/rbac.authorization.k8s.io/v1/clusterroles', {
    metadata: { name: role.name },
    rules: role.rules,
  });
  await api.create('/api/v1/nodes', { kind: 'Node', apiVersion: 'v1', metadata: { name: 'n1' } });
  const identity = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };
  const client = createInProcessClient({ handler: api.server, identity, clock: systemClock });
  const woken: string[] = [];
  const runtime = { runtimeName: 'containerd', runtimeVersion: '1.7.0' };
  const start = async () => {
    const scope = loggedScope('dra', silentLogger);
    const machine = linuxNodeMachine();
    const options = {
      client,
      clock: systemClock,
      logger: silentLogger,
      scope,
      machine,
      nodeName: 'n1',
      rootDirectory,
      runtime,
    };
    const dra = await createNodeDra({ ...options, wipeDelayMs: 100, onChange: (uid) => void woken.push(uid) });
    await new PluginRegistrations({
      machine,
      clock: systemClock,
      logger: silentLogger,
      directory: path.join(rootDirectory, 'plugins_registry'),
      handlers: { DRAPlugin: dra.drivers },
    }).start(scope);
    return { ...dra, scope };
  };
  let running = await start();
  t.after(async () => {
    await running.scope.close();
    await client.close();
    api.close();
    rmSync(rootDirectory, { recursive: true, force: true });
  });
  return {
    api,
    woken,
    runtime,
    rootDirectory,
    claims: () => running.claims,
    drivers: () => running.drivers,
    async restart() {
      await running.scope.close();
      running = await start();
    },
    async driver(options: Parameters<typeof startDraDriver>[2] = {}) {
      const driver = await startDraDriver(rootDirectory, driverName, options);
      t.after(() => driver[Symbol.asyncDispose]());
      await eventually(() => running.drivers.check(driverName));
      return driver;
    },
    /** Allocated to this node and reserved for the Pods. */
    async claim(name: string, pods: readonly Pod[], driver = driverName): Promise<Json> {
      const request = { name: 'gpu', exactly: { deviceClassName: 'gpu' } };
      const claim = await api.create(`${group}/namespaces/default/resourceclaims`, {
        apiVersion: 'resource.k8s.io/v1',
        kind: 'ResourceClaim',
        metadata: { name, namespace: 'default' },
        spec: { devices: { requests: [request, { ...request, name: 'other' }] } },
      });
      const results = ['gpu', 'other'].map((one) => ({ request: one, driver, pool: 'pool', device: `d-${one}` }));
      const status = {
        allocation: { devices: { results } },
        reservedFor: pods.map(({ metadata }) => ({ resource: 'pods', name: metadata.name, uid: metadata.uid })),
      };
      const url = `${group}/namespaces/default/resourceclaims/${name}/status`;
      const answer = await api.send('PUT', url, { body: { ...claim, status } });
      assert.equal(answer.status, 200, answer.text);
      return claim;
    },
    async pod(name: string, claims: readonly Json[], uses: readonly Json[] = []): Promise<Pod> {
      const spec = {
        nodeName: 'n1',
        resourceClaims: claims,
        containers: [{ name: 'c', image: 'i', resources: { claims: uses } }],
      };
      return (await api.create('/api/v1/namespaces/default/pods', {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'default' },
        spec,
      })) as unknown as Pod;
    },
  };
}

const containerOf = (pod: Pod): Container => pod.spec.containers[0]!;
const shared = { name: 'a', resourceClaimName: 'shared' };

test('A claim is prepared once for all of its Pods, given to the containers that use it, and taken back after the last', async (t) => {
  const node = await startNode(t);
  const driver = await node.driver();
  const first = await node.pod('first', [shared], [{ name: 'a' }]);
  const second = await node.pod('second', [shared], [{ name: 'a', request: 'gpu' }]);
  const claim = await node.claim('shared', [first, second]);
  driver.devices = () => [
    { poolName: 'pool', deviceName: 'd1', requestNames: ['gpu'], cdiDeviceIds: ['x.example/gpu=1'] },
    { poolName: 'pool', deviceName: 'd2', requestNames: ['other'], cdiDeviceIds: ['x.example/gpu=2'] },
    { poolName: 'pool', deviceName: 'd3', cdiDeviceIds: ['x.example/both=3'] },
  ];
  const claims = node.claims();
  await claims.prepare(first);
  await claims.prepare(second);
  assert.deepEqual(driver.calls, ['prepare shared']);
  assert.deepEqual(claims.devices(first, containerOf(first)), [
    'x.example/gpu=1',
    'x.example/gpu=2',
    'x.example/both=3',
  ]);
  assert.deepEqual(claims.devices(second, containerOf(second)), ['x.example/gpu=1', 'x.example/both=3']);
  assert.deepEqual(claims.devices(first, { name: 'without' }), []);
  const file = path.join(node.rootDirectory, 'dra_manager_state');
  const record = JSON.parse(JSON.parse(readFileSync(file, 'utf8')).Data);
  assert.deepEqual(record.ClaimInfoStateList[0].PodUIDs, { [first.metadata.uid!]: {}, [second.metadata.uid!]: {} });
  assert.equal(record.ClaimInfoStateList[0].ClaimUID, claim.metadata.uid);
  assert.deepEqual(record.ClaimInfoStateList[0].DriverState[driverName].Devices[0], {
    PoolName: 'pool',
    DeviceName: 'd1',
    ShareID: null,
    RequestNames: ['gpu'],
    CDIDeviceIDs: ['x.example/gpu=1'],
  });
  await claims.unprepare(first.metadata.uid!);
  assert.deepEqual(driver.calls, ['prepare shared']);
  await claims.unprepare(second.metadata.uid!);
  await claims.unprepare(second.metadata.uid!);
  assert.deepEqual(driver.calls, ['prepare shared', 'unprepare shared']);
  assert.deepEqual(claims.users(), []);
});

test('After a restart containers have their devices without a driver, and what Pods that are gone had is given back', async (t) => {
  const node = await startNode(t);
  const driver = await node.driver({ service: 'v1beta1.DRAPlugin' });
  const pod = await node.pod('first', [shared], [{ name: 'a' }]);
  const claim = await node.claim('shared', [pod]);
  await node.claims().prepare(pod);
  await node.restart();
  const claims = node.claims();
  assert.deepEqual(claims.users(), [pod.metadata.uid]);
  assert.deepEqual(claims.devices(pod, containerOf(pod)), [`${driverName}/claim=${claim.metadata.uid}`]);
  await eventually(() => node.drivers().check(driverName));
  // A sandbox that is made anew asks the driver again: it may have restarted too.
  await claims.prepare(pod);
  assert.deepEqual(claims.devices(pod, containerOf(pod)), [`${driverName}/claim=${claim.metadata.uid}`]);
  await claims.unprepare(pod.metadata.uid!);
  assert.deepEqual(driver.calls, ['prepare shared', 'prepare shared', 'unprepare shared']);
});

test('A runtime that would leave claimed devices out is told of, and the container waits', async (t) => {
  const node = await startNode(t);
  await node.driver();
  const pod = await node.pod('first', [shared], [{ name: 'a' }]);
  await node.claim('shared', [pod]);
  await node.claims().prepare(pod);
  for (const old of ['1.6.20~ds1', 'v1.6.0']) {
    node.runtime.runtimeVersion = old;
    assert.throws(
      () => node.claims().devices(pod, containerOf(pod)),
      /knows no CDI devices: .* containerd 1\.7 or newer$/,
    );
  }
  for (const newer of ['1.7.1', 'v2.0.0', '1.60.0']) {
    node.runtime.runtimeVersion = newer;
    assert.equal(node.claims().devices(pod, containerOf(pod)).length, 1);
  }
});

test('A record that is damaged is left out, and the node begins without it', async (t) => {
  const node = await startNode(t);
  const file = path.join(node.rootDirectory, 'dra_manager_state');
  for (const text of ['', '{"Data":"{}","Checksum":1}', '{"Data":3}', 'null']) {
    writeFileSync(file, text);
    await node.restart();
    assert.deepEqual(node.claims().users(), [], text);
  }
});

test('What is in the way is told in upstream’s words, and nothing is noted before a driver can be asked', async (t) => {
  const node = await startNode(t);
  const claims = node.claims();
  const fails = async (pod: Pod, why: string) => {
    await assert.rejects(claims.prepare(pod), {
      message: `Failed to prepare dynamic resources: prepare dynamic resources: ${why}`,
    });
    assert.deepEqual(claims.users(), []);
  };
  const pod = await node.pod('first', [shared], [{ name: 'a' }]);
  const { uid } = pod.metadata;
  await node.claim('shared', [pod]);
  await fails(pod, `DRA driver ${driverName} is not registered`);
  const driver = await node.driver();
  await eventually(() => assert.deepEqual(node.woken, [uid]));
  const stranger = await node.pod('stranger', [shared]);
  const { metadata } = await node.api.get(`${group}/namespaces/default/resourceclaims/shared`);
  await fails(
    stranger,
    `pod stranger (${stranger.metadata.uid}) is not allowed to use ResourceClaim shared (${metadata.uid})`,
  );
  const templated = await node.pod('templated', [{ name: 'a', resourceClaimTemplateName: 't' }]);
  await fails(templated, 'pod "default/templated": ResourceClaim not created yet');
  const made = (name?: string): Pod => ({
    ...templated,
    status: { ...templated.status, resourceClaimStatuses: [{ name: 'a', ...(name && { resourceClaimName: name }) }] },
  });
  await node.api.send('PUT', '/api/v1/namespaces/default/pods/templated/status', { body: made('shared') });
  await fails(
    made('shared'),
    'ResourceClaim default/shared was not created for Pod default/templated (Pod is not owner)',
  );
  // None was made, and none is needed.
  await claims.prepare(made());
  assert.deepEqual(claims.devices(made(), { name: 'c', resources: { claims: [{ name: 'a' }] } }), []);
  assert.deepEqual(driver.calls, []);
});

test('A driver that fails, forgets a claim or is gone at the end is asked again until it did its part', async (t) => {
  const node = await startNode(t);
  const driver = await node.driver();
  const claims = node.claims();
  const pod = await node.pod('first', [shared], [{ name: 'a' }]);
  const uid = pod.metadata.uid!;
  await node.claim('shared', [pod]);
  driver.error = 'no power';
  await assert.rejects(claims.prepare(pod), /: NodePrepareResources failed for ResourceClaim shared: no power$/);
  // The driver may have done something: it is asked to undo it.
  assert.deepEqual(claims.users(), [uid]);
  driver.error = '';
  const { devices } = driver;
  driver.devices = () => undefined;
  await assert.rejects(claims.prepare(pod), /: NodePrepareResources skipped 1 ResourceClaims$/);
  driver.devices = devices;
  await claims.prepare(pod);
  driver.error = 'busy';
  await assert.rejects(claims.unprepare(uid), {
    message: 'unprepare dynamic resources: NodeUnprepareResources failed for ResourceClaim shared: busy',
  });
  assert.deepEqual(claims.users(), [uid]);
  await driver[Symbol.asyncDispose]();
  await eventually(() => assert.throws(() => node.drivers().check(driverName)));
  await assert.rejects(claims.unprepare(uid), /DRA driver gpu\.example\.com is not registered$/);
  const again = await node.driver();
  await claims.unprepare(uid);
  assert.deepEqual(again.calls, ['unprepare shared']);
});

test('The devices that a driver told of go when it stays away, and stay when another of its kind is there', async (t) => {
  const node = await startNode(t);
  await node.api.create('/api/v1/nodes', { kind: 'Node', apiVersion: 'v1', metadata: { name: 'n2' } });
  const slice = (name: string, nodeName: string, driver = driverName) =>
    node.api.create(`${group}/resourceslices`, {
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceSlice',
      metadata: { name },
      spec: { driver, nodeName, pool: { name: nodeName, generation: 1, resourceSliceCount: 1 }, devices: [] },
    });
  const slices = async (): Promise<string[]> =>
    (await node.api.get(`${group}/resourceslices`)).items.map((one: Json) => one.metadata.name);
  await slice('here', 'n1');
  await slice('there', 'n2');
  const driver = await node.driver();
  const second = await node.driver({ instance: 'second' });
  await eventually(() => assert.equal(second.calls.length, 0));
  await driver[Symbol.asyncDispose]();
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(await slices(), ['here', 'there']);
  await slice('of-another', 'n1', 'other.example.com');
  await second[Symbol.asyncDispose]();
  await eventually(async () => assert.deepEqual(await slices(), ['of-another', 'there']));
  // A start: no driver has come yet, and none may.
  node.drivers().start();
  await eventually(async () => assert.deepEqual(await slices(), ['there']));
});

test('A plugin that speaks no version of the service is refused with what is spoken', async (t) => {
  const node = await startNode(t);
  const plugin = { type: 'DRAPlugin', name: driverName, endpoint: '/run/x.sock', supportedVersions: ['1.0.0'] };
  const begin = `invalid supported gRPC versions of DRA driver plugin ${driverName} at endpoint /run/x.sock: `;
  assert.throws(() => node.drivers().validate(plugin), {
    message: `${begin}none of services supported by the plugin (["1.0.0"]) are supported by the kubelet (["v1.DRAPlugin" "v1beta1.DRAPlugin"])`,
  });
  assert.throws(() => node.drivers().validate({ ...plugin, supportedVersions: [] }), {
    message: `${begin}empty list of supported gRPC services (aka supported versions)`,
  });
});
