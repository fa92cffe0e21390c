// /metrics as monitoring reads it: names, labels and buckets of upstream, numbers of what happened.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { featureGates } from '#api/feature-gates.ts';
import { startApiServer } from '#kit/start-api-server.ts';

test('requests, objects, watches and attempts are told under the names of upstream', async () => {
  const api = await startApiServer({ featureGates: featureGates(new Map([['GenericWorkload', true]])) });
  const path = '/api/v1/namespaces/default/configmaps';
  await api.create(path, { metadata: { name: 'one' } });
  await api.send('POST', `${path}?dryRun=All`, { body: { metadata: { name: 'two' } } });
  await api.send('GET', `${path}/nothing`);
  await api.send('GET', '/apis/nothing/v1/anything');
  const watch = await api.watch(`${path}?watch=true`);
  await api.send('GET', path, { headers: { authorization: 'Bearer wrong' } });
  const of = async () => (await api.send('GET', '/metrics')).text;
  const text = await of();
  const lines = [
    'apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",system_client="",verb="POST",version="v1"} 1',
    'apiserver_request_total{code="201",component="apiserver",dry_run="All",group="",resource="configmaps",scope="resource",subresource="",system_client="",verb="POST",version="v1"} 1',
    'apiserver_request_total{code="404",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",system_client="",verb="GET",version="v1"} 1',
    'apiserver_request_sli_duration_seconds_count{component="apiserver",group="",resource="configmaps",scope="resource",subresource="",verb="GET",version="v1"} 1',
    /^apiserver_admission_controller_admission_duration_seconds_count\{name="NamespaceLifecycle",operation="CREATE",rejected="false",type="admit"\} \d+$/m,
    /^apiserver_admission_step_admission_duration_seconds_count\{operation="CREATE",rejected="false",type="validate"\} \d+$/m,
    'etcd_requests_total{group="",operation="create",resource="configmaps"} 1',
    /^authorization_attempts_total\{result="allowed"\} \d+$/m,
    'apiserver_request_duration_seconds_count{component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="GET",version="v1"} 1',
    'apiserver_storage_objects{resource="configmaps"} 1',
    'apiserver_resource_objects{group="",resource="configmaps"} 1',
    'apiserver_longrunning_requests{component="apiserver",group="",resource="configmaps",scope="namespace",subresource="",verb="WATCH",version="v1"} 1',
    'apiserver_current_inflight_requests{request_kind="mutating"} 0',
    'authentication_attempts{result="error"} 1',
    'kubernetes_feature_enabled{name="GenericWorkload",stage="ALPHA"} 1',
    'kubernetes_feature_enabled{name="APIServerTracing",stage=""} 1',
    'kubernetes_build_info{build_date="2026-01-01T00:00:00Z",compiler="v8",git_commit="",git_tree_state="clean",git_version="v1.36.2+microshift",go_version="node",major="1",minor="36",platform="linux/amd64"} 1',
  ];
  for (const line of lines)
    assert.ok(typeof line === 'string' ? text.includes(`${line}\n`) : line.test(text), `${line}\nis not in\n${text}`);
  assert.match(text, /^process_resident_memory_bytes \d+$/m);
  assert.doesNotMatch(text, /anything/, 'what is not served makes no series');
  watch.stop();
  assert.doesNotMatch(await of(), /apiserver_longrunning_requests/);
});

test('labels of requests are no text of clients: unknown methods and dry runs are one series each', async () => {
  const api = await startApiServer();
  const path = '/api/v1/namespaces/default/configmaps';
  for (let index = 0; index < 20; index++) {
    await api.send(`M${index}`, '/healthz');
    await api.send('POST', `${path}?dryRun=${index}`, { body: { metadata: { name: 'one' } } });
    await api.send('GET', `${path}/one/sub${index}`);
    await api.send('GET', `/version/${index}`);
  }
  const { text } = await api.send('GET', '/metrics');
  const series = text
    .split('\n')
    .filter((line: string) => line.startsWith('apiserver_request_total{') && /invalid|OTHER|configmaps/.test(line));
  assert.equal(series.filter((line: string) => line.includes('verb="OTHER"')).length, 1, series.join('\n'));
  assert.equal(series.filter((line: string) => line.includes('dry_run="invalid"')).length, 1);
  assert.equal(series.length, 2);
});

test('verbs are told as monitoring knows them; who was not let in is not a request', async () => {
  const api = await startApiServer();
  const path = '/api/v1/namespaces/default/configmaps';
  const named = { metadata: { name: 'one' } };
  await api.create(path, named);
  await api.patch(`${path}/one`, 'apply', { apiVersion: 'v1', kind: 'ConfigMap', ...named }, {}).catch(() => {});
  await api.patch(`${path}/one`, 'merge', {});
  await api.update(`${path}/one`, named);
  await api.get(path);
  await api.get('/api/v1/configmaps');
  await api.delete(`${path}/one`);
  await api.delete(path);
  await api.send('GET', '/api/v1/namespaces/default/pods/one/log');
  await api.send('GET', path, { as: { name: 'nobody', groups: [] } });
  await api.send('GET', path, { as: { name: 'system:kube-scheduler', groups: ['system:masters'] } });
  const { text } = await api.send('GET', '/metrics');
  const seen = [
    ...text.matchAll(/^apiserver_request_total\{code="(\d+)".*scope="(\w*)",.*client="(.*)",verb="(\w+)"/gm),
  ]
    .filter(([line]) => /resource="(configmaps|pods)"/.test(line))
    .map(([, code, scope, client, verb]) => `${verb} ${scope} ${code} ${client}`)
    .toSorted();
  assert.deepEqual(seen, [
    'APPLY resource 422 ',
    'CONNECT resource 404 ',
    'DELETE namespace 200 ',
    'DELETE resource 200 ',
    'LIST cluster 200 ',
    'LIST namespace 200 ',
    'LIST namespace 200 kube-scheduler',
    'PATCH resource 200 ',
    'POST resource 201 ',
    'PUT resource 200 ',
  ]);
});

test('versions that will go are told with the release in which they do', async () => {
  const api = await startApiServer();
  await api.get('/api/v1/namespaces/default/endpoints');
  await api.get('/api/v1/namespaces/default/endpoints');
  const { text } = await api.send('GET', '/metrics');
  const line =
    'apiserver_requested_deprecated_apis{group="",removed_release="",resource="endpoints",subresource="",version="v1"} 1';
  assert.ok(text.includes(`${line}\n`));
});

test('service level indicators have their own path, as upstream', async () => {
  const api = await startApiServer();
  await api.send('GET', '/livez');
  await api.send('GET', '/livez?exclude=ping');
  const { text, contentType } = await api.send('GET', '/metrics/slis');
  assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores');
  assert.match(text, /^kubernetes_healthcheck\{name="ping",type="livez"\} 1$/m);
  assert.match(text, /^kubernetes_healthchecks_total\{name="ping",status="success",type="livez"\} 1$/m);
});

test('policies, Pod Security and the audit log tell what they decided', async () => {
  const api = await startApiServer({ audit: { profile: () => 'Default', write() {} } });
  const policies = '/apis/admissionregistration.k8s.io/v1';
  await api.create(`${policies}/validatingadmissionpolicies`, {
    metadata: { name: 'names' },
    spec: {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
      },
      validations: [{ expression: "object.metadata.name != 'bad'" }],
    },
  });
  for (const [name, action] of [
    ['refuses', 'Deny'],
    ['warns', 'Warn'],
  ])
    await api.create(`${policies}/validatingadmissionpolicybindings`, {
      metadata: { name },
      spec: { policyName: 'names', validationActions: [action] },
    });
  const path = '/api/v1/namespaces/strict';
  await api.create('/api/v1/namespaces', {
    metadata: { name: 'strict', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } },
  });
  await api.create(`${path}/serviceaccounts`, { metadata: { name: 'default' } });
  await api.create(`${path}/configmaps`, { metadata: { name: 'good' } });
  assert.equal((await api.send('POST', `${path}/configmaps`, { body: { metadata: { name: 'bad' } } })).status, 422);
  const pod = (name: string, privileged: boolean) => ({
    metadata: { name },
    spec: { containers: [{ name: 'app', image: 'example.org/app:1', securityContext: { privileged } }] },
  });
  await api.create(`${path}/pods`, pod('one', false));
  assert.equal((await api.send('POST', `${path}/pods`, { body: pod('two', true) })).status, 403);
  const { text } = await api.send('GET', '/metrics');
  const check = 'apiserver_validating_admission_policy_check';
  const about = 'error_type="invalid_error",policy="names",policy_binding';
  const evaluation = (decision: string) =>
    `pod_security_evaluations_total{decision="${decision}",mode="enforce",ocp_namespace="",policy_level="baseline",policy_version="latest",request_operation="create",resource="pod",subresource=""} 1`;
  for (const line of [
    `${check}_total{enforcement_action="deny",${about}="refuses"} 1`,
    `${check}_total{enforcement_action="warn",${about}="warns"} 1`,
    `${check}_duration_seconds_count{enforcement_action="deny",${about}="refuses"} 1`,
    'apiserver_cel_evaluation_duration_seconds_count 4',
    evaluation('allow'),
    evaluation('deny'),
  ])
    assert.ok(text.includes(`${line}\n`), line);
  assert.match(text, /^apiserver_audit_event_total [1-9]/m);
  assert.match(text, /^apiserver_audit_level_total\{level="Metadata"\} [1-9]/m);
});

test('decisions about rights are told by who made them', async () => {
  const api = await startApiServer();
  const configMaps = '/api/v1/namespaces/default/configmaps';
  const robot = { name: 'robot', groups: ['system:authenticated'] };
  await api.create('/apis/rbac.authorization.k8s.io/v1/clusterroles', {
    metadata: { name: 'reader' },
    rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }],
  });
  await api.create('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'reader' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'reader' },
    subjects: [{ kind: 'User', name: 'robot' }],
  });
  await api.get(configMaps, { as: robot });
  await api.get(configMaps, { as: robot });
  assert.equal((await api.send('GET', '/api/v1/secrets', { as: robot })).status, 403);
  const { text } = await api.send('GET', '/metrics');
  const decisions = text
    .split('\n')
    .filter((line: string) => line.startsWith('apiserver_authorization_decisions_total'));
  assert.deepEqual(decisions, [
    'apiserver_authorization_decisions_total{decision="allowed",name="rbac",type="RBAC"} 2',
  ]);
  assert.match(text, /^authorization_attempts_total\{result="no-opinion"\} 1$/m);
});
