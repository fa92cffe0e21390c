// Versions of the API that are off by default: each that is turned on is served, stored, discovered and described.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultGates } from '#api/feature-gates.ts';
import { apiVersionOf, kindTable } from '#api/kinds.ts';
import { everythingOn } from '#kit/everything-on.ts';
import { startApiServer, type Json, type TestApiServer } from '#kit/start-api-server.ts';
import { closedByGates, runtimeConfigProblem } from '#rules/runtime-config.ts';

const offByDefault = kindTable.rows.filter((row) => !row.servedByDefault);
const allGates = everythingOn().featureGates!;
const group = (version: string) => `/apis/resource.k8s.io/${version}/namespaces/default`;

test('off by default, on by stage, version or resource, the more precise entry counting', async () => {
  const listed = async (...runtimeConfig: string[]): Promise<string[]> => {
    const api = await startApiServer({ runtimeConfig, featureGates: allGates });
    const answers = await Promise.all(
      offByDefault.map((row) => api.send('GET', `/apis/${apiVersionOf(row)}/${row.resource}`)),
    );
    const names = offByDefault.flatMap((row, index) =>
      answers[index]!.status === 200 ? [`${apiVersionOf(row)}/${row.resource}`] : [],
    );
    api.close();
    return names;
  };
  const all = offByDefault.map((row) => `${apiVersionOf(row)}/${row.resource}`);
  assert.deepEqual(await listed(), []);
  assert.deepEqual(await listed('api/all=true'), all);
  assert.deepEqual(
    await listed('api/beta'),
    all.filter((one) => one.includes('beta')),
  );
  assert.deepEqual(await listed('networking.k8s.io/v1beta1=true', 'networking.k8s.io/v1beta1/servicecidrs=false'), [
    'networking.k8s.io/v1beta1/ipaddresses',
  ]);
});

test('some need their feature gate as well', async () => {
  const api = await startApiServer({ runtimeConfig: ['api/all=true'] });
  const missing = await Promise.all(
    offByDefault.map(async (row) => {
      const { status } = await api.send('GET', `/apis/${apiVersionOf(row)}/${row.resource}`);
      return status === 200 ? undefined : row.resource;
    }),
  );
  assert.deepEqual([...new Set(missing.filter((one) => one !== undefined))].toSorted(), [
    'clustertrustbundles',
    'podcertificaterequests',
    'podgroups',
    'storageversionmigrations',
    'workloads',
  ]);
  const { groups } = await api.get('/apis');
  const certificates = groups.find((one: Json) => one.name === 'certificates.k8s.io');
  assert.deepEqual(
    certificates.versions.map((one: Json) => one.version),
    ['v1'],
  );
  assert.equal(
    groups.some((one: Json) => one.name === 'storagemigration.k8s.io'),
    false,
  );
  api.close();
  assert.deepEqual(closedByGates(['certificates.k8s.io/v1beta1=true'], defaultGates), [
    { name: 'certificates.k8s.io/v1beta1/clustertrustbundles', gate: 'ClusterTrustBundle' },
    { name: 'certificates.k8s.io/v1beta1/podcertificaterequests', gate: 'PodCertificateRequest' },
  ]);
  assert.deepEqual(closedByGates(['certificates.k8s.io/v1beta1=true'], allGates), []);
});

test('what is turned on is discovered and described, in its place', async () => {
  const api = await startApiServer({ runtimeConfig: ['api/all=true'], featureGates: allGates });
  const groups = (await api.get('/apis')).groups as Json[];
  const resource = groups.find((one) => one.name === 'resource.k8s.io');
  assert.deepEqual(
    resource.versions.map((one: Json) => one.version),
    ['v1', 'v1beta2', 'v1beta1', 'v1alpha3'],
  );
  const v2 = await api.get('/openapi/v2');
  const v3 = await api.get('/openapi/v3');
  for (const row of offByDefault) {
    const version = `/apis/${apiVersionOf(row)}`;
    const path = row.namespaced ? `${version}/namespaces/{namespace}/${row.resource}` : `${version}/${row.resource}`;
    assert.notEqual(v2.paths[path], undefined, path);
    assert.notEqual(v3.paths[version.slice(1)], undefined, version);
    const list = await api.get(version);
    assert.ok(
      list.resources.some((one: Json) => one.name === row.resource),
      path,
    );
  }
  api.close();
});

async function createIn(api: TestApiServer, version: string, resource: string, object: object): Promise<Json> {
  return api.create(`${group(version)}/${resource}`, { apiVersion: `resource.k8s.io/${version}`, ...object });
}

test('requests for devices are one object in every version', async () => {
  const api = await startApiServer({ runtimeConfig: ['resource.k8s.io/v1beta1', 'resource.k8s.io/v1beta2'] });
  const old = await createIn(api, 'v1beta1', 'resourceclaims', {
    kind: 'ResourceClaim',
    metadata: { name: 'old' },
    spec: { devices: { requests: [{ name: 'gpu', deviceClassName: 'gold', allocationMode: 'ExactCount', count: 2 }] } },
  });
  assert.deepEqual(old.spec.devices.requests, [
    { name: 'gpu', deviceClassName: 'gold', allocationMode: 'ExactCount', count: 2 },
  ]);
  for (const version of ['v1', 'v1beta2']) {
    const { apiVersion, spec } = await api.get(`${group(version)}/resourceclaims/old`);
    assert.deepEqual(
      [apiVersion, spec.devices.requests],
      [
        `resource.k8s.io/${version}`,
        [{ name: 'gpu', exactly: { deviceClassName: 'gold', allocationMode: 'ExactCount', count: 2 } }],
      ],
    );
  }
  await createIn(api, 'v1', 'resourceclaims', {
    kind: 'ResourceClaim',
    metadata: { name: 'new' },
    spec: {
      devices: {
        requests: [{ name: 'any', firstAvailable: [{ name: 'a', deviceClassName: 'gold', allocationMode: 'All' }] }],
      },
    },
  });
  const { items } = await api.get(`${group('v1beta1')}/resourceclaims`);
  assert.deepEqual(
    items.map((one: Json) => one.metadata.name),
    ['new', 'old'],
  );
  assert.deepEqual(items[0].spec.devices.requests, [
    {
      name: 'any',
      deviceClassName: '',
      firstAvailable: [{ name: 'a', deviceClassName: 'gold', allocationMode: 'All' }],
    },
  ]);
  const deleted = await api.delete(`${group('v1beta1')}/resourceclaims/old`);
  assert.deepEqual(
    [deleted.apiVersion, deleted.spec.devices.requests[0].deviceClassName],
    ['resource.k8s.io/v1beta1', 'gold'],
    'what was deleted is shown in the version that was asked',
  );
  const slices = (version: string) => `/apis/resource.k8s.io/${version}/resourceslices`;
  const slice = { driver: 'a.example.com', pool: { name: 'p', generation: 1, resourceSliceCount: 1 }, allNodes: true };
  await api.create(slices('v1beta1'), {
    kind: 'ResourceSlice',
    apiVersion: 'resource.k8s.io/v1beta1',
    metadata: { name: 's' },
    spec: { ...slice, devices: [{ name: 'd', basic: { attributes: { model: { string: 'x' } } } }] },
  });
  assert.deepEqual((await api.get(`${slices('v1')}/s`)).spec.devices, [
    { name: 'd', attributes: { model: { string: 'x' } } },
  ]);
  assert.deepEqual((await api.get(`${slices('v1beta1')}/s`)).spec.devices, [
    { name: 'd', basic: { attributes: { model: { string: 'x' } } } },
  ]);
  api.close();
});

test('a taint of devices has the time of its effect, unless its writer says another', async () => {
  const api = await startApiServer({ runtimeConfig: ['resource.k8s.io/v1beta2'] });
  const path = '/apis/resource.k8s.io/v1beta2/devicetaintrules';
  const rule = (taint: object) => ({
    apiVersion: 'resource.k8s.io/v1beta2',
    kind: 'DeviceTaintRule',
    metadata: { name: 'r' },
    spec: { taint: { key: 'k', ...taint } },
  });
  const created = await api.create(path, rule({ effect: 'NoSchedule' }));
  assert.equal(created.spec.taint.timeAdded, '2026-01-02T03:04:05Z');
  api.virtualClock.advance(60_000);
  const same = await api.patch(`${path}/r`, 'merge', { spec: { taint: { value: 'v' } } });
  assert.equal(same.spec.taint.timeAdded, '2026-01-02T03:04:05Z');
  const changed = await api.patch(`${path}/r`, 'merge', { spec: { taint: { effect: 'NoExecute' } } });
  assert.equal(changed.spec.taint.timeAdded, '2026-01-02T03:05:05Z');
  const timeAdded = '2025-01-01T00:00:00Z';
  const said = await api.patch(`${path}/r`, 'merge', { spec: { taint: { effect: 'None', timeAdded } } });
  assert.equal(said.spec.taint.timeAdded, timeAdded);
  api.close();
});

test('a kind that has no other version is stored; a version that only differs in its name shows it', async () => {
  const api = await startApiServer({ runtimeConfig: ['api/alpha', 'api/beta'] });
  const path = (version: string) => `/apis/coordination.k8s.io/${version}/namespaces/default/leasecandidates`;
  const spec = {
    leaseName: 'l',
    binaryVersion: '1.36.2',
    emulationVersion: '1.36.0',
    strategy: 'OldestEmulationVersion',
  };
  await api.create(path('v1alpha2'), {
    kind: 'LeaseCandidate',
    apiVersion: 'coordination.k8s.io/v1alpha2',
    metadata: { name: 'c' },
    spec,
  });
  const shown = await api.get(`${path('v1beta1')}/c`);
  assert.deepEqual([shown.apiVersion, shown.spec], ['coordination.k8s.io/v1beta1', spec]);
  const watch = await api.watch(`${path('v1alpha2')}?watch=true&resourceVersion=0`);
  await api.patch(`${path('v1beta1')}/c`, 'merge', { spec: { binaryVersion: '1.36.3' } });
  const last = watch.events.at(-1)!.object;
  assert.deepEqual([last.apiVersion, last.spec.binaryVersion], ['coordination.k8s.io/v1alpha2', '1.36.3']);
  await api.delete(`${path('v1alpha2')}/c`);
  assert.equal((await api.send('GET', `${path('v1beta1')}/c`)).status, 404);
  api.close();
});

test('entries that say nothing sensible are told', () => {
  assert.equal(runtimeConfigProblem('resource.k8s.io/v1beta1=true'), undefined);
  assert.equal(runtimeConfigProblem('certificates.k8s.io/v1beta1/clustertrustbundles'), undefined);
  assert.match(runtimeConfigProblem('resource.k8s.io/v7')!, /no version of the API/);
  assert.match(runtimeConfigProblem('apps/v1=false')!, /cannot be turned off/);
  assert.equal(runtimeConfigProblem('api/ga=true'), undefined);
  assert.match(runtimeConfigProblem('api/ga=false')!, /cannot be turned off/);
  assert.match(runtimeConfigProblem('api/beta=maybe')!, /neither true nor false/);
});

test('versions on their way out, and Endpoints, come with a Warning for whoever asks', async () => {
  const api = await startApiServer({ runtimeConfig: ['api/all=true'] });
  const warned = async (path: string) => (await api.send('GET', path)).warnings;
  const endpoints = ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'];
  assert.deepEqual(await warned('/api/v1/endpoints'), endpoints);
  assert.deepEqual(await warned('/api/v1/namespaces/default/endpoints/none'), endpoints);
  assert.deepEqual(await warned(`${group('v1beta2')}/resourceclaims`), [
    'resource.k8s.io/v1beta2 ResourceClaim is deprecated in v1.36+, unavailable in v1.39+',
  ]);
  assert.deepEqual(await warned('/apis/storage.k8s.io/v1beta1/volumeattributesclasses'), [
    'storage.k8s.io/v1beta1 VolumeAttributesClass is deprecated in v1.34+, unavailable in v1.37+; use storage.k8s.io/v1 VolumeAttributesClass',
  ]);
  assert.deepEqual(await warned('/apis/admissionregistration.k8s.io/v1beta1/mutatingadmissionpolicies'), []);
  assert.deepEqual(await warned(`${group('v1')}/resourceclaims`), []);
});
