// Default constraints: Pods of Services and of controllers are spread without being told to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LabelSelector, OwnerReference, Pod, Service, TopologySpreadConstraint } from '#api/generated/types.ts';
import { NodeInfo } from '../../node-info.ts';
import type { ClusterSnapshot } from '../../plugin.ts';
import { noDevices } from '#kit/devices.ts';
import { podTopologySpread } from './plugin.ts';

let serial = 0;
const pod = (labels: Record<string, string>, spec: Partial<Pod['spec']> = {}, owner?: OwnerReference): Pod => ({
  metadata: {
    name: `p${++serial}`,
    namespace: 'default',
    uid: `uid-${serial}`,
    labels,
    ...(owner === undefined ? {} : { ownerReferences: [owner] }),
  },
  spec: { containers: [{ name: 'app', image: 'example.org/app' }], ...spec },
});
const node = (name: string, zone: string | undefined, ...pods: readonly Pod[]): NodeInfo => {
  const labels = {
    'kubernetes.io/hostname': name,
    ...(zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone }),
  };
  const info = new NodeInfo({ metadata: { name, labels }, spec: {}, status: {} });
  for (const one of pods) info.add(one);
  return info;
};
const service = (selector: Record<string, string> | undefined): Service => ({
  metadata: { namespace: 'default', name: 's' },
  spec: selector === undefined ? {} : { selector },
});
const snapshot = (
  nodes: readonly NodeInfo[],
  services: readonly Service[] = [],
  controllerSelector: (owner: OwnerReference) => LabelSelector | undefined = () => undefined,
): ClusterSnapshot => ({
  nodes,
  devices: noDevices,
  claim: () => undefined,
  volume: () => undefined,
  volumes: () => [],
  storageClass: () => undefined,
  csiNode: () => undefined,
  csiDriver: () => undefined,
  storageCapacities: () => [],
  attachments: () => [],
  namespaceLabels: () => ({}),
  budgets: () => [],
  nominated: () => [],
  matching: (_, matches) => (info) => [...info.pods.values()].filter(matches).length,
  services: (namespace) => (namespace === 'default' ? services : []),
  controllerSelector: (_, owner) => controllerSelector(owner),
});
const score = (one: Pod, cluster: ClusterSnapshot) => podTopologySpread.score!.of(one, cluster.nodes, cluster);
const web = { app: 'web' };
const replicaSet: OwnerReference = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'r', controller: true };

test('Pods of a Service go where there are fewest of them, by node and, more lightly, by zone', () => {
  const nodes = [node('a1', 'a', pod(web), pod(web)), node('a2', 'a'), node('b1', 'b', pod(web)), node('b2', 'b')];
  // Of its node: count * ln(4 + 2) + 2; of its zone: count * ln(2 + 2) + 4. Together 12, 9, 9 and 7, of which the least gets 100.
  assert.deepEqual(score(pod(web), snapshot(nodes, [service(web)])), [58, 83, 83, 100]);
});

test('where nodes have no zone they are spread over nodes; one with a zone is no worse for it', () => {
  const nodes = [node('one', undefined, pod(web)), node('two', undefined)];
  // 1 * ln(2 + 2) + 2 is 3, and 2.
  assert.deepEqual(score(pod(web), snapshot(nodes, [service(web)])), [66, 100]);
});

test('nothing selects it, or it says itself how to be spread: no defaults', () => {
  const nodes = [node('one', 'a', pod(web)), node('two', 'b')];
  for (const services of [[], [service({ app: 'other' })], [service(undefined)], [service({})]])
    assert.deepEqual(score(pod(web), snapshot(nodes, services)), [0, 0]);
  const own: TopologySpreadConstraint = {
    maxSkew: 1,
    topologyKey: 'topology.kubernetes.io/zone',
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: web },
  };
  const told = pod(web, { topologySpreadConstraints: [own] });
  assert.deepEqual(score(told, snapshot(nodes, [service(web)])), [0, 0]);
});

test('the selector of the controller counts, together with those of the Services', () => {
  const v2 = { ...web, version: '2' };
  const nodes = [node('one', undefined, pod(web), pod(web)), node('two', undefined, pod(v2))];
  const ofController = (owner: OwnerReference): LabelSelector | undefined =>
    owner.kind === 'ReplicaSet' ? { matchLabels: { version: '2' } } : undefined;
  // Of its own version there is one, on the second node; of its Service there are more on the first.
  assert.deepEqual(score(pod(v2, {}, replicaSet), snapshot(nodes, [service(web)], ofController)), [100, 66]);
  assert.deepEqual(score(pod(v2), snapshot(nodes, [service(web)], ofController)), [60, 100]);
  const notIts = { ...replicaSet, controller: false };
  assert.deepEqual(score(pod(v2, {}, notIts), snapshot(nodes, [], ofController)), [0, 0]);
});

test('what ends, and what is of another namespace, does not count', () => {
  const ending = pod(web);
  const foreign = pod(web);
  const nodes = [
    node('one', undefined, { ...ending, metadata: { ...ending.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    node('two', undefined, { ...foreign, metadata: { ...foreign.metadata, namespace: 'other' } }),
  ];
  assert.deepEqual(score(pod(web), snapshot(nodes, [service(web)])), [100, 100]);
});

test('a node that lacks one of the keys counts for none of them', () => {
  const constraint = (topologyKey: string): TopologySpreadConstraint => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: web },
  });
  const told = pod(web, {
    topologySpreadConstraints: [constraint('kubernetes.io/hostname'), constraint('topology.kubernetes.io/zone')],
  });
  // Did the bare node count for its name, that domain would have none, and the first could not take another.
  const zoned = node('zoned', 'a', pod(web));
  const cluster = snapshot([zoned, node('bare', undefined)]);
  assert.equal(podTopologySpread.filter!(told, zoned, cluster), undefined);
});
