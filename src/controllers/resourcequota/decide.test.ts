import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigMaps, Pods } from '#api/generated/kind-references.ts';
import type { Pod, ResourceQuota } from '#api/generated/types.ts';
import { decide } from './decide.ts';

const pod = (cpu: string, phase = 'Running'): Pod => ({
  metadata: { name: cpu },
  spec: { containers: [{ name: 'a', image: 'i', resources: { requests: { cpu } } }] },
  status: { phase },
});
const quota = (spec: ResourceQuota['spec'], status?: ResourceQuota['status']): ResourceQuota => ({
  metadata: { name: 'q', namespace: 'default' },
  spec,
  ...(status === undefined ? {} : { status }),
});
const hard = { pods: '5', 'requests.cpu': '2', configmaps: '3', 'limits.memory': '1Gi' };
const objects = [
  [Pods, [pod('500m'), pod('250m'), pod('1', 'Succeeded')]],
  [ConfigMaps, [{ metadata: { name: 'c' } }]],
] as const;

test('counts what the quota limits; what has ended does not count', () => {
  const [action] = decide({ quota: quota({ hard }), objects }).actions;
  const { status } = (action!.verb === 'update' ? action!.object : undefined) as ResourceQuota;
  assert.deepEqual(status, {
    hard,
    used: { pods: '2', 'requests.cpu': '750m', configmaps: '1', 'limits.memory': '0' },
  });
  assert.deepEqual(decide({ quota: quota({ hard }, status), objects }).actions, []);
});

test('a scope leaves out other Pods and everything else', () => {
  const [action] = decide({ quota: quota({ hard: { pods: '5' }, scopes: ['BestEffort'] }), objects }).actions;
  const { status } = (action!.verb === 'update' ? action!.object : undefined) as ResourceQuota;
  assert.deepEqual(status?.used, { pods: '0' });
});

test('Pods whose affinity looks into other namespaces are a scope of their own', () => {
  const term = { topologyKey: 'region' };
  const withAffinity = (name: string, affinity: Pod['spec']['affinity']): Pod => ({
    metadata: { name },
    spec: { containers: [{ name: 'a', image: 'i' }], affinity },
  });
  const pods = [
    withAffinity('own', { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } }),
    withAffinity('named', {
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ ...term, namespaces: ['ns1'] }] },
    }),
    withAffinity('selected', {
      podAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 1, podAffinityTerm: { ...term, namespaceSelector: {} } },
        ],
      },
    }),
  ];
  const scopeSelector = { matchExpressions: [{ scopeName: 'CrossNamespacePodAffinity', operator: 'Exists' }] };
  const [action] = decide({ quota: quota({ hard: { pods: '5' }, scopeSelector }), objects: [[Pods, pods]] }).actions;
  const { status } = (action!.verb === 'update' ? action!.object : undefined) as ResourceQuota;
  assert.deepEqual(status?.used, { pods: '2' });
});
