import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';

const core = '/api/v1/namespaces/default';
const pod = (spec: object = {}) => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'app', image: 'example' }], ...spec },
});

test('a Pod leaves admission with its token, tolerations and priority', async () => {
  const api = await startApiServer();
  const { spec, status } = await api.create(`${core}/pods`, pod());
  const [volume] = spec.volumes;
  assert.match(volume.name, /^kube-api-access-[a-z0-9]{5}$/);
  assert.deepEqual(volume.projected, {
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
    defaultMode: 420,
  });
  assert.deepEqual(spec.containers[0].volumeMounts, [
    { name: volume.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
  ]);
  assert.deepEqual([spec.serviceAccountName, spec.serviceAccount], ['default', 'default']);
  assert.deepEqual([spec.priority, spec.preemptionPolicy], [0, 'PreemptLowerPriority']);
  assert.deepEqual(spec.tolerations, [
    { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
  ]);
  assert.deepEqual([status.phase, status.qosClass], ['Pending', 'BestEffort']);
});

test('a Pod without an account, or of an unknown class, is refused', async () => {
  const api = await startApiServer();
  const message = async (spec: object) => (await api.send('POST', `${core}/pods`, { body: pod(spec) })).json.message;
  assert.equal(
    await message({ serviceAccountName: 'nobody' }),
    'pods "web" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found',
  );
  assert.equal(
    await message({ priorityClassName: 'none' }),
    'pods "web" is forbidden: no PriorityClass with name none was found',
  );
  const bare = await api.create(`${core}/pods`, pod({ automountServiceAccountToken: false }));
  assert.equal(bare.spec.volumes, undefined);
});

test('a LimitRange fills in and bounds', async () => {
  const api = await startApiServer();
  await api.create(`${core}/limitranges`, {
    kind: 'LimitRange',
    apiVersion: 'v1',
    metadata: { name: 'bounds' },
    spec: {
      limits: [
        { type: 'Container', max: { memory: '1Gi' }, default: { memory: '64Mi' }, defaultRequest: { memory: '32Mi' } },
      ],
    },
  });
  const made = await api.create(`${core}/pods`, pod());
  assert.deepEqual(made.spec.containers[0].resources, { limits: { memory: '64Mi' }, requests: { memory: '32Mi' } });
  assert.equal(
    made.metadata.annotations['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: memory request for container app; memory limit for container app',
  );
  assert.equal(made.status.qosClass, 'Burstable');
  const big = { containers: [{ name: 'app', image: 'example', resources: { limits: { memory: '2Gi' } } }] };
  const refused = await api.send('POST', `${core}/pods`, { body: { ...pod(big), metadata: { name: 'big' } } });
  assert.equal(refused.status, 403);
  assert.match(
    refused.json.message,
    /^pods "big" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi/,
  );
  const resize = (memory: string) =>
    api.send('PATCH', `${core}/pods/${made.metadata.name}/resize`, {
      contentType: 'application/strategic-merge-patch+json',
      body: { spec: { containers: [{ name: 'app', resources: { limits: { memory } } }] } },
    });
  assert.match((await resize('3Gi')).json.message, /maximum memory usage per Container is 1Gi, but limit is 3Gi/);
  assert.equal((await resize('128Mi')).status, 200);
});

test('claims get the default class and are protected', async () => {
  const api = await startApiServer();
  await api.create('/apis/storage.k8s.io/v1/storageclasses', {
    kind: 'StorageClass',
    apiVersion: 'storage.k8s.io/v1',
    metadata: { name: 'local', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'example.com/local',
  });
  const claim = await api.create(`${core}/persistentvolumeclaims`, {
    kind: 'PersistentVolumeClaim',
    apiVersion: 'v1',
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  assert.equal(claim.spec.storageClassName, 'local');
  assert.deepEqual(claim.metadata.finalizers, ['kubernetes.io/pvc-protection']);
});

test('a class of volume attributes gets its finalizer once', async () => {
  const api = await startApiServer();
  for (const finalizers of [[], ['kubernetes.io/vac-protection']]) {
    const made = await api.create('/apis/storage.k8s.io/v1/volumeattributesclasses', {
      kind: 'VolumeAttributesClass',
      apiVersion: 'storage.k8s.io/v1',
      metadata: { name: `with-${finalizers.length}`, finalizers },
      driverName: 'csi.example.com',
      parameters: { iops: '100' },
    });
    assert.deepEqual(made.metadata.finalizers, ['kubernetes.io/vac-protection']);
  }
});

test('a Route without a host gets one', async () => {
  const api = await startApiServer();
  const route = await api.create('/apis/route.openshift.io/v1/namespaces/default/routes', {
    kind: 'Route',
    apiVersion: 'route.openshift.io/v1',
    metadata: { name: 'hello' },
    spec: { to: { kind: 'Service', name: 'hello' } },
  });
  assert.equal(route.spec.host, 'hello-default.apps.example.com');
  assert.equal(route.metadata.annotations['openshift.io/host.generated'], 'true');
});

test('an Ingress without a class gets the newest default one', async () => {
  const api = await startApiServer();
  const base = '/apis/networking.k8s.io/v1';
  const ingress = async (name: string, more: object = {}, annotations: object = {}) =>
    (
      await api.create(`${base}/namespaces/default/ingresses`, {
        metadata: { name, annotations },
        spec: { defaultBackend: { service: { name: 'a', port: { number: 80 } } }, ...more },
      })
    ).spec.ingressClassName;
  assert.equal(await ingress('none'), undefined);
  for (const name of ['old', 'new', 'plain']) {
    const annotations = name === 'plain' ? {} : { 'ingressclass.kubernetes.io/is-default-class': 'true' };
    await api.create(`${base}/ingressclasses`, { metadata: { name, annotations }, spec: { controller: 'a.b/c' } });
    api.virtualClock.advance(2_000);
  }
  assert.equal(await ingress('defaulted'), 'new');
  assert.equal(await ingress('named', { ingressClassName: 'plain' }), 'plain');
  assert.equal(await ingress('annotated', {}, { 'kubernetes.io/ingress.class': 'plain' }), undefined);
});

test('a quota holds also when many come at once', async () => {
  const api = await startApiServer();
  await api.create(`${core}/resourcequotas`, {
    kind: 'ResourceQuota',
    apiVersion: 'v1',
    metadata: { name: 'few' },
    spec: { hard: { 'count/configmaps': '3', 'requests.memory': '1Gi' } },
  });
  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, index) =>
      api.send('POST', `${core}/configmaps`, {
        body: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: `c${index}` } },
      }),
    ),
  );
  assert.deepEqual(
    answers.map((one) => one.status).toSorted((a, b) => a - b),
    [201, 201, 201, 403, 403, 403],
  );
  assert.match(
    answers.find((one) => one.status === 403)!.json.message,
    /^configmaps "c\d" is forbidden: exceeded quota: few, requested: count\/configmaps=1, used: count\/configmaps=3, limited: count\/configmaps=3$/,
  );
  await api.delete(`${core}/configmaps/${answers.find((one) => one.status === 201)!.json.metadata.name}`);
  await api.create(`${core}/configmaps`, { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'again' } });

  const silent = await api.send('POST', `${core}/pods`, { body: pod() });
  assert.equal(
    silent.json.message,
    'pods "web" is forbidden: failed quota: few: must specify requests.memory for: app',
  );
  const sized = (name: string, memory: string) => ({
    ...pod({ containers: [{ name: 'app', image: 'example', resources: { requests: { memory } } }] }),
    metadata: { name },
  });
  await api.create(`${core}/pods`, sized('one', '768Mi'));
  const large = await api.send('POST', `${core}/pods`, { body: sized('two', '512Mi') });
  assert.equal(
    large.json.message,
    'pods "two" is forbidden: exceeded quota: few, requested: requests.memory=512Mi, used: requests.memory=768Mi, limited: requests.memory=1Gi',
  );
});

test('a certificate request names its true author; approval needs the right for the signer', async () => {
  const api = await startApiServer();
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const approver = { name: 'bob', groups: ['approvers'] };
  await api.create(`${rbac}/clusterroles`, {
    kind: 'ClusterRole',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'approver' },
    rules: [
      {
        apiGroups: ['certificates.k8s.io'],
        resources: ['certificatesigningrequests', 'certificatesigningrequests/approval'],
        verbs: ['create', 'get', 'update'],
      },
    ],
  });
  await api.create(`${rbac}/clusterrolebindings`, {
    kind: 'ClusterRoleBinding',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { name: 'approver' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'approver' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'bob' }],
  });
  const requests = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const answer = await api.send('POST', requests, {
    as: approver,
    body: {
      kind: 'CertificateSigningRequest',
      apiVersion: 'certificates.k8s.io/v1',
      metadata: { name: 'one' },
      spec: {
        request: Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n').toString(
          'base64',
        ),
        signerName: 'example.com/signer',
        usages: ['digital signature'],
        username: 'somebody-else',
      },
    },
  });
  const made = answer.json;
  assert.deepEqual([made.spec.username, made.spec.groups], ['bob', ['approvers', 'system:authenticated']]);
  const condition = { type: 'Approved', status: 'True', reason: 'Test', message: 'yes' };
  const approval = { ...made, status: { conditions: [condition] } };
  const refused = await api.send('PUT', `${requests}/one/approval`, { as: approver, body: approval });
  assert.equal(
    refused.json.message,
    'certificatesigningrequests.certificates.k8s.io "one" is forbidden: user not permitted to approve requests with signerName "example.com/signer"',
  );
  const approved = await api.update(`${requests}/one/approval`, approval);
  assert.equal(approved.status.conditions[0].type, 'Approved');
});

test('a RuntimeClass must be there, and gives its overhead and placement to the Pod', async () => {
  const api = await startApiServer();
  const post = (body: object) => api.send('POST', `${core}/pods`, { body });
  const missing = await post(pod({ runtimeClassName: 'sandboxed' }));
  assert.equal(missing.status, 403);
  assert.equal(missing.json.message, 'pods "web" is forbidden: pod rejected: RuntimeClass "sandboxed" not found');
  assert.match(
    (await post(pod({ overhead: { cpu: '100m' } }))).json.message,
    /Pod Overhead set without corresponding RuntimeClass defined Overhead/,
  );
  const zone = { key: 'zone', operator: 'Equal', value: 'a', effect: 'NoSchedule' };
  await api.create('/apis/node.k8s.io/v1/runtimeclasses', {
    kind: 'RuntimeClass',
    apiVersion: 'node.k8s.io/v1',
    metadata: { name: 'sandboxed' },
    handler: 'runsc',
    overhead: { podFixed: { cpu: '100m', memory: '64Mi' } },
    scheduling: { nodeSelector: { sandbox: 'yes' }, tolerations: [zone, { key: 'sandbox', operator: 'Exists' }] },
  });
  const placed = {
    runtimeClassName: 'sandboxed',
    nodeSelector: { disk: 'ssd' },
    tolerations: [{ key: 'zone', operator: 'Exists' }],
  };
  const { spec } = await api.create(`${core}/pods`, pod(placed));
  assert.deepEqual(spec.overhead, { cpu: '100m', memory: '64Mi' });
  assert.deepEqual(spec.nodeSelector, { disk: 'ssd', sandbox: 'yes' });
  assert.deepEqual(
    spec.tolerations
      .map((one: { key: string; operator: string }) => [one.key, one.operator])
      .filter(([key]: string[]) => !key!.includes('/')),
    [
      ['zone', 'Exists'],
      ['sandbox', 'Exists'],
    ],
    'a toleration that another one covers is not kept',
  );
  const same = await post({
    ...pod({ runtimeClassName: 'sandboxed', overhead: { cpu: '0.1', memory: '65536Ki' } }),
    metadata: { name: 'same' },
  });
  assert.equal(same.status, 201, JSON.stringify(same.json));
  const other = await post({
    ...pod({ runtimeClassName: 'sandboxed', overhead: { cpu: '1' } }),
    metadata: { name: 'other' },
  });
  assert.match(other.json.message, /Pod's Overhead doesn't match RuntimeClass's defined Overhead/);
  const conflict = await post({
    ...pod({ runtimeClassName: 'sandboxed', nodeSelector: { sandbox: 'no' } }),
    metadata: { name: 'conflict' },
  });
  assert.match(
    conflict.json.message,
    /conflict: runtimeClass.scheduling.nodeSelector\[sandbox\] = yes; pod.spec.nodeSelector\[sandbox\] = no/,
  );
});

test('an update of a Pod that its node does not say it can do is refused', async () => {
  const api = await startApiServer();
  const node = await api.create('/api/v1/nodes', { kind: 'Node', apiVersion: 'v1', metadata: { name: 'n1' } });
  const resources = { requests: { cpu: '10m' }, limits: { cpu: '20m' } };
  const made = await api.create(
    `${core}/pods`,
    pod({
      nodeName: 'n1',
      initContainers: [{ name: 'init', image: 'example', resources }],
      containers: [{ name: 'app', image: 'example', resources }],
    }),
  );
  const resize = (part: string, name: string) =>
    api.send('PATCH', `${core}/pods/${made.metadata.name}/resize`, {
      contentType: 'application/strategic-merge-patch+json',
      body: { spec: { [part]: [{ name, resources: { requests: { cpu: '15m' } } }] } },
    });
  const refused = await resize('initContainers', 'init');
  assert.equal(refused.status, 403);
  assert.equal(
    refused.json.message,
    `pods "${made.metadata.name}" is forbidden: pod update requires features InPlacePodVerticalScalingInitContainers which are not available on node "n1"`,
  );
  assert.equal((await resize('containers', 'app')).status, 200);
  const declaredFeatures = ['InPlacePodVerticalScalingInitContainers'];
  await api.send('PUT', '/api/v1/nodes/n1/status', { body: { ...node, status: { ...node.status, declaredFeatures } } });
  assert.equal((await resize('initContainers', 'init')).status, 200);
});
