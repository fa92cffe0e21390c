// What a started process has of OpenShift: the stock objects with what belongs to them, made once and left alone after.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { ask, freePort, start, temporary, waitReady } from './microshift-process.ts';

interface Listed {
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion: string;
    readonly annotations?: Record<string, string>;
  };
  readonly spec?: object;
  readonly status?: { readonly conditions?: readonly { readonly reason: string }[] };
}

async function eventually<T>(check: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++)
    try {
      return await check();
    } catch (error) {
      if (tries >= 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
}

test('stock security context constraints, ranges and the service CA are there, and a second start writes none of them', async (context) => {
  const dataDirectory = path.join(temporary(context), 'data');
  const port = await freePort();
  const items = async (url: string): Promise<readonly Listed[]> =>
    (JSON.parse((await ask(dataDirectory, 'GET', url)).text) as { items: Listed[] }).items;
  const versions = (list: readonly Listed[]) =>
    list.map((one) => `${one.metadata.name} ${one.metadata.resourceVersion}`);
  const sccs = '/apis/security.openshift.io/v1/securitycontextconstraints';
  const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
  const bundle = '/api/v1/namespaces/openshift-service-ca/configmaps/signing-cabundle';
  const apiServicesPath = '/apis/apiregistration.k8s.io/v1/apiservices';
  const first = start(context, dataDirectory, port);
  waitReady(dataDirectory);
  const stock = await items(sccs);
  assert.deepEqual(
    stock.map((one) => one.metadata.name),
    [
      'anyuid',
      'hostaccess',
      'hostmount-anyuid',
      'hostnetwork',
      'hostnetwork-v2',
      'nonroot',
      'nonroot-v2',
      'privileged',
      'restricted',
      'restricted-v2',
      'restricted-v3',
    ],
  );
  const { metadata, ...restricted } = JSON.parse(
    (await ask(dataDirectory, 'GET', `${sccs}/restricted-v2`)).text,
  ) as Listed;
  assert.match(
    metadata.annotations!['kubernetes.io/description']!,
    /^restricted-v2 denies access to all host features/,
  );
  assert.deepEqual(restricted, {
    kind: 'SecurityContextConstraints',
    apiVersion: 'security.openshift.io/v1',
    allowHostDirVolumePlugin: false,
    allowHostIPC: false,
    allowHostNetwork: false,
    allowHostPID: false,
    allowHostPorts: false,
    allowPrivilegeEscalation: false,
    allowPrivilegedContainer: false,
    allowedCapabilities: ['NET_BIND_SERVICE'],
    defaultAddCapabilities: [],
    fsGroup: { type: 'MustRunAs' },
    groups: [],
    readOnlyRootFilesystem: false,
    requiredDropCapabilities: ['ALL'],
    runAsUser: { type: 'MustRunAsRange' },
    seLinuxContext: { type: 'MustRunAs' },
    seccompProfiles: ['runtime/default'],
    supplementalGroups: { type: 'RunAsAny' },
    users: [],
    volumes: [
      'configMap',
      'csi',
      'downwardAPI',
      'emptyDir',
      'ephemeral',
      'image',
      'persistentVolumeClaim',
      'projected',
      'secret',
    ],
  });
  const uses = (await items(roles)).filter((one) => one.metadata.name.startsWith('system:openshift:scc:'));
  assert.equal(uses.length, 11);
  // Controllers and the registration of API services go on beside a ready server.
  const trusted = await eventually(async () => {
    const projects = await items('/apis/project.openshift.io/v1/projects');
    const ranges = projects.map((one) => one.metadata.annotations?.['openshift.io/sa.scc.uid-range']);
    assert.ok(ranges.length >= 7 && ranges.every((one) => one !== undefined));
    assert.equal(new Set(ranges).size, ranges.length);
    const published = (await ask(dataDirectory, 'GET', bundle)).text;
    assert.match(published, /BEGIN CERTIFICATE/);
    return published;
  });
  const apiServices = await eventually(async () => {
    const list = await items(apiServicesPath);
    assert.ok(
      ['v1.', 'v1.apps', 'v1.route.openshift.io'].every((name) => list.some((one) => one.metadata.name === name)),
    );
    assert.ok(list.every((one) => one.status?.conditions?.[0]?.reason === 'Local'));
    return list;
  });
  assert.deepEqual(apiServices.find((one) => one.metadata.name === 'v1beta1.metrics.k8s.io')?.spec, {
    group: 'metrics.k8s.io',
    version: 'v1beta1',
    groupPriorityMinimum: 100,
    versionPriority: 100,
  });

  first.child.kill('SIGKILL');
  await first.exited;
  const second = start(context, dataDirectory, port);
  waitReady(dataDirectory);
  assert.deepEqual(versions(await items(sccs)), versions(stock));
  assert.deepEqual(
    versions(await items(roles)).filter((one) => one.startsWith('system:openshift:scc:')),
    versions(uses),
  );
  assert.equal((await ask(dataDirectory, 'GET', bundle)).text, trusted);
  assert.deepEqual(versions(await items(apiServicesPath)), versions(apiServices));
  second.child.kill('SIGTERM');
  await second.exited;
});
