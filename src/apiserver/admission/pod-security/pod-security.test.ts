// Through the whole request chain; answers as kube-apiserver 1.36.2 gave them to the same requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer, type TestApiServer } from '#kit/start-api-server.ts';
import type { AuditEvent } from '../../audit/event.ts';

const core = '/api/v1/namespaces/default';
const prefix = 'pod-security.kubernetes.io/';
const strategic = 'application/strategic-merge-patch+json';
const container = { name: 'c', image: 'x' };
const podSpec = { containers: [container] };
const pod = (name: string, spec: object = podSpec, more: object = {}) => ({ metadata: { name, ...more }, spec });
const ofPlainPod = (standard: string): string =>
  `would violate PodSecurity "${standard}": allowPrivilegeEscalation != false (container "c" must set ` +
  'securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set ' +
  'securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set ' +
  'securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set ' +
  'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")';

const label = (api: TestApiServer, labels: object) =>
  api.send('PATCH', core, {
    contentType: 'application/merge-patch+json',
    body: {
      metadata: { labels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [prefix + key, value])) },
    },
  });

test('labels that are no standard are refused, all at once', async () => {
  const api = await startApiServer();
  const labels = { [`${prefix}enforce`]: 'strong', [`${prefix}warn-version`]: 'v2', [`${prefix}audit`]: '' };
  const refused = await api.send('POST', '/api/v1/namespaces', { body: { metadata: { name: 'bad', labels } } });
  assert.equal(refused.status, 422);
  assert.deepEqual(refused.json.details.causes, [
    {
      reason: 'FieldValueInvalid',
      message: 'Invalid value: "strong": must be one of privileged, baseline, restricted',
      field: 'metadata.labels[pod-security.kubernetes.io/enforce]',
    },
    {
      reason: 'FieldValueInvalid',
      message: 'Invalid value: "": must be one of privileged, baseline, restricted',
      field: 'metadata.labels[pod-security.kubernetes.io/audit]',
    },
    {
      reason: 'FieldValueInvalid',
      message: 'Invalid value: "v2": must be "latest" or "v1.x"',
      field: 'metadata.labels[pod-security.kubernetes.io/warn-version]',
    },
  ]);
  assert.equal((await label(api, { enforce: 'strong' })).status, 422);
});

test('a stricter namespace warns of the Pods in it; they stay, and what would run something new is refused', async () => {
  const api = await startApiServer();
  for (const name of ['b', 'a', 'z']) await api.create(`${core}/pods`, pod(name));
  await api.create(`${core}/pods`, pod('h', { ...podSpec, hostNetwork: true }));
  assert.deepEqual((await label(api, { enforce: 'restricted' })).warnings, [
    'existing pods in namespace "default" violate the new PodSecurity enforce level "restricted:latest"',
    'a (and 2 other pods): allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile',
    'h: host namespaces, allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile',
  ]);
  assert.deepEqual((await label(api, { 'enforce-version': 'v1.0' })).warnings, [
    'existing pods in namespace "default" violate the new PodSecurity enforce level "restricted:v1.0"',
    'a (and 2 other pods): runAsNonRoot != true',
    'h: host namespaces, runAsNonRoot != true',
  ]);
  assert.deepEqual((await label(api, { enforce: 'baseline' })).warnings, []);

  const patch = (path: string, body: object) =>
    api.send('PATCH', `${core}/pods/${path}`, { contentType: strategic, body });
  const ephemeral = { name: 'e', image: 'y', securityContext: { privileged: true } };
  const refused = await patch('a/ephemeralcontainers', { spec: { ephemeralContainers: [ephemeral] } });
  assert.equal(refused.status, 403);
  assert.equal(
    refused.json.message,
    'pods "a" is forbidden: violates PodSecurity "baseline:v1.0": privileged (container "e" must not set securityContext.privileged=true)',
  );
  assert.deepEqual(refused.json.details, { name: 'a', kind: 'pods' });
  assert.equal((await patch('h', { metadata: { labels: { a: 'b' } } })).status, 200);
  assert.equal((await patch('h/status', { status: { message: 'runs' } })).status, 200);
  const image = await patch('h', { spec: { containers: [{ name: 'c', image: 'z' }] } });
  assert.equal(
    image.json.message,
    'pods "h" is forbidden: violates PodSecurity "baseline:v1.0": host namespaces (hostNetwork=true)',
  );
  assert.equal((await api.get(`${core}/pods/h`)).spec.containers[0].image, 'x');
});

test('what makes Pods is warned of, whichever kind it is; enforcing waits for its Pods', async () => {
  const api = await startApiServer();
  await label(api, { enforce: 'restricted' });
  const template = { metadata: { labels: { a: 'b' } }, spec: podSpec };
  const selector = { matchLabels: { a: 'b' } };
  const once = { ...template, spec: { ...podSpec, restartPolicy: 'Never' } };
  const objects: readonly (readonly [path: string, object: object])[] = [
    [`${core}/podtemplates`, { template }],
    [`${core}/replicationcontrollers`, { spec: { selector: { a: 'b' }, template } }],
    ['/apis/apps/v1/namespaces/default/deployments', { spec: { selector, template } }],
    ['/apis/apps/v1/namespaces/default/replicasets', { spec: { selector, template } }],
    ['/apis/apps/v1/namespaces/default/daemonsets', { spec: { selector, template } }],
    ['/apis/apps/v1/namespaces/default/statefulsets', { spec: { selector, template, serviceName: 's' } }],
    ['/apis/batch/v1/namespaces/default/jobs', { spec: { template: once } }],
    [
      '/apis/batch/v1/namespaces/default/cronjobs',
      { spec: { schedule: '* * * * *', jobTemplate: { spec: { template: once } } } },
    ],
  ];
  for (const [path, object] of objects) {
    const answer = await api.send('POST', path, { body: { metadata: { name: 'w' }, ...object } });
    assert.deepEqual([answer.status, answer.warnings], [201, [ofPlainPod('restricted:latest')]], path);
  }
  const refused = await api.send('POST', `${core}/pods`, { body: pod('p') });
  assert.deepEqual([refused.status, refused.warnings], [403, []]);
  await label(api, { enforce: 'privileged', warn: 'restricted', 'warn-version': 'v1.30' });
  const warned = await api.send('POST', `${core}/pods`, { body: pod('p') });
  assert.deepEqual([warned.status, warned.warnings], [201, [ofPlainPod('restricted:v1.30')]]);
});

test('exempt namespaces, users and runtime classes are not looked at', async () => {
  const restricted = { level: 'restricted', version: 'latest' } as const;
  const api = await startApiServer({
    podSecurity: {
      defaults: { enforce: restricted, audit: restricted, warn: restricted },
      exemptUsers: ['builder'],
      exemptNamespaces: ['kube-system', 'platform'],
      exemptRuntimeClasses: ['sandboxed'],
    },
  });
  const as = { name: 'builder', groups: ['system:masters'] };
  await api.create('/apis/node.k8s.io/v1/runtimeclasses', { metadata: { name: 'sandboxed' }, handler: 'h' });
  assert.equal((await api.send('POST', `${core}/pods`, { body: pod('p') })).status, 403);
  assert.equal((await api.send('POST', `${core}/pods`, { body: pod('p'), as })).status, 201);
  const sandboxed = pod('s', { ...podSpec, runtimeClassName: 'sandboxed' });
  assert.equal((await api.send('POST', `${core}/pods`, { body: sandboxed })).status, 201);
  assert.equal((await api.send('POST', '/api/v1/namespaces/kube-system/pods', { body: pod('p') })).status, 201);
  const namespace = { metadata: { name: 'platform', labels: { [`${prefix}enforce`]: 'baseline' } } };
  const made = await api.send('POST', '/api/v1/namespaces', { body: namespace });
  assert.deepEqual(made.warnings, [
    'namespace "platform" is exempt from Pod Security, and the policy (enforce=baseline:latest) will be ignored',
  ]);
});

test('what was decided, and what would have been, is in the audit log', async () => {
  let events: AuditEvent[] = [];
  const api = await startApiServer({ audit: { profile: () => 'Default', write: (event) => void events.push(event) } });
  const noted = async (send: () => Promise<unknown>) => {
    events = [];
    await send();
    const of = Object.entries(events[0]?.annotations ?? {}).filter(([key]) => key.startsWith(prefix));
    return Object.fromEntries(of.map(([key, value]) => [key.slice(prefix.length), value]));
  };
  const make = (name: string) => noted(() => api.send('POST', `${core}/pods`, { body: pod(name) }));
  assert.deepEqual(await make('a'), { 'enforce-policy': 'privileged:latest' });
  await label(api, { audit: 'restricted', 'audit-version': 'v1.0' });
  const wouldViolate =
    'would violate PodSecurity "restricted:v1.0": runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)';
  assert.deepEqual(await make('b'), { 'enforce-policy': 'privileged:latest', 'audit-violations': wouldViolate });
  const template = { metadata: { name: 't' }, template: { spec: podSpec } };
  assert.deepEqual(await noted(() => api.send('POST', `${core}/podtemplates`, { body: template })), {
    'audit-violations': wouldViolate,
  });
});
