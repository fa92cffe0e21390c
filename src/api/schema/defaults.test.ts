import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDefaults } from './defaults.ts';

const core = (kind: string) => `io.k8s.api.core.v1.${kind}`;
const stored = (typeName: string, object: Record<string, unknown>): Record<string, unknown> => {
  applyDefaults(typeName, object, Date.parse('2026-01-02T03:04:05.678Z'));
  return object;
};
const templateDefaults = {
  restartPolicy: 'Always',
  terminationGracePeriodSeconds: 30,
  dnsPolicy: 'ClusterFirst',
  securityContext: {},
  schedulerName: 'default-scheduler',
};
const container = (image: string, pull: string) => ({
  name: 'a',
  image,
  resources: {},
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  imagePullPolicy: pull,
});

test('a Pod', () => {
  assert.deepEqual(
    stored(core('Pod'), {
      metadata: { name: 'p' },
      spec: {
        serviceAccount: 'robot',
        hostNetwork: true,
        containers: [
          {
            name: 'a',
            image: 'reg:5000/x@sha256:1',
            ports: [{ containerPort: 80 }],
            resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '0.0001' } },
            env: [{ name: 'E', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
            readinessProbe: { httpGet: { port: 80 }, periodSeconds: 3 },
          },
        ],
        volumes: [{ name: 'v' }, { name: 's', secret: { secretName: 'x' } }, { name: 'h', hostPath: { path: '/' } }],
      },
    }),
    {
      metadata: { name: 'p' },
      spec: {
        volumes: [
          { name: 'v', emptyDir: {} },
          { name: 's', secret: { secretName: 'x', defaultMode: 420 } },
          { name: 'h', hostPath: { path: '/', type: '' } },
        ],
        containers: [
          {
            ...container('reg:5000/x@sha256:1', 'IfNotPresent'),
            ports: [{ hostPort: 80, containerPort: 80, protocol: 'TCP' }],
            env: [{ name: 'E', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } } }],
            resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1m', memory: '1Gi' } },
            readinessProbe: {
              httpGet: { path: '/', port: 80, scheme: 'HTTP' },
              timeoutSeconds: 1,
              periodSeconds: 3,
              successThreshold: 1,
              failureThreshold: 3,
            },
          },
        ],
        ...templateDefaults,
        serviceAccountName: 'robot',
        serviceAccount: 'robot',
        hostNetwork: true,
        enableServiceLinks: true,
      },
      status: {},
    },
  );
});

test('a zero that somebody wrote stays where nothing means something else', () => {
  const replicas = (spec: Record<string, unknown>) =>
    (stored(core('ReplicationController'), { metadata: {}, spec })['spec'] as { readonly replicas?: number }).replicas;
  assert.equal(replicas({}), 1);
  assert.equal(replicas({ replicas: 0 }), 0);
});

test('a Deployment: its template gets no defaults of a Pod alone', () => {
  assert.deepEqual(
    stored('io.k8s.api.apps.v1.Deployment', {
      metadata: { name: 'd' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { spec: { containers: [{ name: 'a', image: 'x', resources: { limits: { cpu: '1' } } }] } },
      },
    }),
    {
      metadata: { name: 'd' },
      spec: {
        replicas: 1,
        selector: { matchLabels: { a: 'b' } },
        template: {
          metadata: {},
          spec: {
            containers: [{ ...container('x', 'Always'), resources: { limits: { cpu: '1' } } }],
            ...templateDefaults,
          },
        },
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
      },
      status: {},
    },
  );
});

test('a Recreate Deployment gets no rolling update', () => {
  const object = stored('io.k8s.api.apps.v1.Deployment', { spec: { strategy: { type: 'Recreate' } } });
  assert.deepEqual((object['spec'] as Record<string, unknown>)['strategy'], { type: 'Recreate' });
});

test('a Service', () => {
  assert.deepEqual(
    stored(core('Service'), { metadata: {}, spec: { ports: [{ port: 80 }, { port: 1, targetPort: 'web' }] } }),
    {
      metadata: {},
      spec: {
        ports: [
          { protocol: 'TCP', port: 80, targetPort: 80 },
          { protocol: 'TCP', port: 1, targetPort: 'web' },
        ],
        type: 'ClusterIP',
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
      },
      status: { loadBalancer: {} },
    },
  );
  const balanced = stored(core('Service'), {
    spec: { type: 'LoadBalancer', sessionAffinity: 'ClientIP', ports: [] },
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }, { hostname: 'x' }] } },
  });
  assert.deepEqual(balanced, {
    metadata: {},
    spec: {
      type: 'LoadBalancer',
      sessionAffinity: 'ClientIP',
      externalTrafficPolicy: 'Cluster',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
      allocateLoadBalancerNodePorts: true,
      internalTrafficPolicy: 'Cluster',
    },
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.1', ipMode: 'VIP' }, { hostname: 'x' }] } },
  });
});

test('a Secret: stringData is laid over data', () => {
  assert.deepEqual(stored(core('Secret'), { metadata: {}, data: { b: 'Yg==', a: 'eA==' }, stringData: { a: 'é' } }), {
    metadata: {},
    data: { a: 'w6k=', b: 'Yg==' },
    type: 'Opaque',
  });
});

test('small kinds', () => {
  const cases: [string, Record<string, unknown>, Record<string, unknown>][] = [
    [core('ConfigMap'), { metadata: {} }, { metadata: {} }],
    [
      core('Namespace'),
      { metadata: { name: 'n' } },
      {
        metadata: { name: 'n', labels: { 'kubernetes.io/metadata.name': 'n' } },
        spec: {},
        status: { phase: 'Active' },
      },
    ],
    [
      core('PersistentVolumeClaim'),
      { metadata: {}, spec: { resources: { requests: { storage: '1Gi' } } } },
      {
        metadata: {},
        spec: { resources: { requests: { storage: '1Gi' } }, volumeMode: 'Filesystem' },
        status: { phase: 'Pending' },
      },
    ],
    [
      'io.k8s.api.storage.v1.StorageClass',
      { metadata: {}, provisioner: 'p' },
      { metadata: {}, provisioner: 'p', reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' },
    ],
    [
      'io.k8s.api.rbac.v1.RoleBinding',
      {
        metadata: {},
        subjects: [
          { kind: 'User', name: 'u' },
          { kind: 'ServiceAccount', name: 's' },
        ],
        roleRef: { kind: 'Role', name: 'r' },
      },
      {
        metadata: {},
        subjects: [
          { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'u' },
          { kind: 'ServiceAccount', name: 's' },
        ],
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
      },
    ],
    ['io.k8s.api.rbac.v1.ClusterRole', { metadata: {} }, { metadata: {}, rules: null }],
    [
      'io.k8s.api.apps.v1.ReplicaSet',
      { metadata: {}, spec: { selector: {} } },
      {
        metadata: {},
        spec: { replicas: 1, selector: {}, template: { metadata: {}, spec: { containers: [], ...templateDefaults } } },
        status: { replicas: 0 },
      },
    ],
    [
      'io.k8s.api.networking.v1.NetworkPolicy',
      { metadata: {}, spec: { podSelector: {}, egress: [{ ports: [{ port: 1 }] }] } },
      {
        metadata: {},
        spec: {
          podSelector: {},
          egress: [{ ports: [{ protocol: 'TCP', port: 1 }] }],
          policyTypes: ['Ingress', 'Egress'],
        },
      },
    ],
    [
      'com.github.openshift.api.route.v1.Route',
      { metadata: {}, spec: { host: 'h', to: { name: 's' }, tls: { termination: 'Edge' } } },
      {
        metadata: {},
        spec: {
          host: 'h',
          to: { kind: 'Service', name: 's', weight: 100 },
          tls: { termination: 'edge' },
          wildcardPolicy: 'None',
        },
        status: {},
      },
    ],
  ];
  for (const [typeName, given, expected] of cases) {
    const object = stored(typeName, given);
    if (typeName.endsWith('ReplicaSet') || typeName.endsWith('Route'))
      assert.partialDeepStrictEqual(object, { spec: expected['spec'] });
    else assert.deepEqual(object, expected, typeName);
  }
});

test('a Job', () => {
  const object = stored('io.k8s.api.batch.v1.Job', {
    metadata: {},
    spec: { template: { metadata: { labels: { a: 'b' } }, spec: { restartPolicy: 'Never', containers: [] } } },
  });
  assert.deepEqual(object['metadata'], { labels: { a: 'b' } });
  assert.partialDeepStrictEqual(object, {
    spec: {
      parallelism: 1,
      completions: 1,
      backoffLimit: 6,
      completionMode: 'NonIndexed',
      suspend: false,
      podReplacementPolicy: 'TerminatingOrFailed',
      manualSelector: false,
    },
  });
});

test('an autoscaler keeps what it says and takes the rest of the rules from the table', () => {
  const object = stored('io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler', {
    metadata: {},
    spec: { behavior: { scaleUp: { stabilizationWindowSeconds: 7 } } },
  });
  assert.partialDeepStrictEqual(object, {
    spec: {
      minReplicas: 1,
      behavior: { scaleUp: { stabilizationWindowSeconds: 7, selectPolicy: 'Max' }, scaleDown: { selectPolicy: 'Max' } },
    },
  });
});

test('pod-level requests come from the containers and the limits', () => {
  const object = stored(core('Pod'), {
    spec: {
      resources: { limits: { cpu: '2', memory: '1Gi' } },
      containers: [
        { name: 'a', resources: { requests: { cpu: '100m' } } },
        { name: 'b', resources: { requests: { cpu: '150m' } } },
      ],
    },
  });
  assert.deepEqual((object['spec'] as Record<string, unknown>)['resources'], {
    limits: { cpu: '2', memory: '1Gi' },
    requests: { cpu: '250m', memory: '1Gi' },
  });
});

test('applying the defaults twice changes nothing', () => {
  const once = stored(core('Pod'), {
    metadata: { labels: { b: '1', a: '2' } },
    spec: { containers: [{ name: 'a', image: 'x' }] },
  });
  const text = JSON.stringify(once);
  assert.equal(JSON.stringify(stored(core('Pod'), once)), text);
});
