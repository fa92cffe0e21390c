import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, NodeSpec, Pod, PodSpec } from '#api/generated/types.ts';
import { admit } from './admission.ts';

const pod = (spec: Partial<PodSpec> = {}, labels: Record<string, string> = {}): Pod => ({
  metadata: { name: 'p', namespace: 'default', uid: 'u', labels },
  spec: { containers: [{ name: 'main' }], ...spec },
});
const nodeWith = (spec: NodeSpec = {}): Node => ({ metadata: { name: 'n', labels: { disk: 'fast' } }, spec });
const input = (one: Pod, more: object = {}) => ({
  pod: one,
  node: nodeWith(),
  others: [],
  allocatable: { cpu: 2, memory: 1024 ** 3, pods: 3 },
  supplementalGroupsPolicy: false,
  appArmor: false,
  ...more,
});
const sysctl = (name: string, spec: Partial<PodSpec> = {}) =>
  admit(input(pod({ ...spec, securityContext: { sysctls: [{ name, value: '1' }] } })));
const wanting = (cpu: string): Pod =>
  pod({ containers: [{ name: 'main', resources: { requests: { cpu, memory: '1Mi' } } }] });

test('sysctls: the safe ones only, and not where the host is shared', () => {
  assert.equal(sysctl('net.ipv4.tcp_syncookies'), undefined);
  assert.equal(sysctl('net/ipv4/tcp_syncookies'), undefined);
  assert.deepEqual(sysctl('net.core.somaxconn'), {
    reason: 'SysctlForbidden',
    message: 'forbidden sysctl: "net.core.somaxconn" not allowlisted',
  });
  assert.equal(
    sysctl('net.ipv4.tcp_syncookies', { hostNetwork: true })?.message,
    'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
  );
  assert.equal(sysctl('kernel.shm_rmid_forced', { hostNetwork: true }), undefined);
});

test('what the host or the runtime cannot do is refused with its reason', () => {
  const armoured = pod({ securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } });
  assert.equal(admit(input(armoured))?.reason, 'AppArmor');
  assert.equal(admit(input(armoured, { appArmor: true })), undefined);
  assert.equal(admit(input(pod({ securityContext: { appArmorProfile: { type: 'Unconfined' } } }))), undefined);
  const strict = pod({ securityContext: { supplementalGroupsPolicy: 'Strict' } });
  assert.equal(admit(input(strict))?.reason, 'SupplementalGroupsPolicyNotSupported');
  assert.equal(admit(input(strict, { supplementalGroupsPolicy: true })), undefined);
  assert.equal(admit(input(pod({ os: { name: 'windows' } })))?.reason, 'PodOSNotSupported');
  assert.equal(admit(input(pod({}, { 'kubernetes.io/os': 'windows' })))?.reason, 'PodOSSelectorNodeLabelDoesNotMatch');
});

test('what does not fit beside the others is refused; ended Pods count no more', () => {
  const other = wanting('1500m');
  assert.deepEqual(admit(input(wanting('600m'), { others: [other] })), {
    reason: 'OutOfcpu',
    message: "Node didn't have enough resource: cpu, requested: 600, used: 1500, capacity: 2000",
  });
  assert.equal(admit(input(wanting('500m'), { others: [other] })), undefined);
  const ended: Pod = { ...other, status: { phase: 'Succeeded' } };
  assert.equal(admit(input(wanting('600m'), { others: [ended] })), undefined);
  assert.equal(admit(input(pod(), { others: [pod(), pod(), pod()] }))?.reason, 'OutOfpods');
});

const onPort = (hostPort: number, more: object = {}): Pod =>
  pod({ containers: [{ name: 'main', ports: [{ containerPort: 80, hostPort, ...more }] }] });

test('a host port that a Pod of the node has is refused, until that Pod has ended', () => {
  const others = [onPort(21_017)];
  assert.deepEqual(admit(input(onPort(21_017), { others })), {
    reason: 'NodePorts',
    message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
  });
  assert.equal(admit(input(onPort(21_018), { others })), undefined);
  assert.equal(admit(input(onPort(21_017, { protocol: 'UDP' }), { others })), undefined);
  assert.equal(admit(input(onPort(21_017, { hostIP: '10.0.0.1' }), { others }))?.reason, 'NodePorts');
  const ofOneAddress = [onPort(21_017, { hostIP: '10.0.0.2' })];
  assert.equal(admit(input(onPort(21_017, { hostIP: '10.0.0.1' }), { others: ofOneAddress })), undefined);
  assert.equal(
    admit(input(onPort(21_017), { others: [{ ...onPort(21_017), status: { phase: 'Failed' } }] })),
    undefined,
  );
});

test('a Pod put here past the scheduler must still want this node, and tolerate what it evicts for', () => {
  assert.equal(admit(input(pod({ nodeSelector: { disk: 'fast' } }))), undefined);
  assert.deepEqual(admit(input(pod({ nodeSelector: { disk: 'slow' } }))), {
    reason: 'NodeAffinity',
    message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  });
  const terms = (operator: string) => ({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator }] }],
        },
      },
    },
  });
  assert.equal(admit(input(pod(terms('Exists')))), undefined);
  assert.equal(admit(input(pod(terms('DoesNotExist'))))?.reason, 'NodeAffinity');

  const tainted = (effect: string) => ({ node: nodeWith({ taints: [{ key: 'gone', effect }] }) });
  assert.deepEqual(admit(input(pod(), tainted('NoExecute'))), {
    reason: 'TaintToleration',
    message: "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
  });
  assert.equal(admit(input(pod(), tainted('NoSchedule'))), undefined);
  const tolerant = pod({ tolerations: [{ key: 'gone', operator: 'Exists', tolerationSeconds: 5 }] });
  assert.equal(admit(input(tolerant, tainted('NoExecute'))), undefined);
});

test('of several reasons, resources come first', () => {
  const both = pod({ nodeSelector: { disk: 'slow' }, containers: wanting('3').spec.containers });
  assert.equal(admit(input(both))?.reason, 'OutOfcpu');
});

test('what the node is short of is not for new Pods, but for critical ones, and memory for those that asked', () => {
  const short = (...pressures: string[]) => ({ pressures: new Set(pressures) });
  assert.deepEqual(admit(input(pod(), short('MemoryPressure', 'DiskPressure'))), {
    reason: 'Evicted',
    message: 'The node had condition: [MemoryPressure DiskPressure]. ',
  });
  assert.equal(admit(input(pod(), short('MemoryPressure')))?.reason, 'Evicted');
  assert.equal(admit(input(wanting('100m'), short('MemoryPressure'))), undefined);
  assert.equal(admit(input(wanting('100m'), short('DiskPressure')))?.reason, 'Evicted');
  const tolerations = [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' }];
  assert.equal(admit(input(pod({ tolerations }), short('MemoryPressure'))), undefined);
  assert.equal(admit(input(pod({ priority: 2_000_000_000 }), short('PIDPressure'))), undefined);
});
