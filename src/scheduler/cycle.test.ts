import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '#api/generated/types.ts';
import { decide } from './cycle.ts';
import { NodeInfo } from './node-info.ts';
import type { ClusterSnapshot } from './plugin.ts';
import { plugins } from './plugins/registry.ts';

let serial = 0;
const node = (
  name: string,
  spec: Node['spec'] = {},
  labels: Record<string, string> = {},
  allocatable: Record<string, string> = {},
): Node => ({
  metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
  spec,
  status: { allocatable: { cpu: '2', memory: '4Gi', pods: '10', ...allocatable } },
});
const pod = (spec: Partial<Pod['spec']> = {}, labels: Record<string, string> = {}): Pod => ({
  metadata: { name: `p${++serial}`, namespace: 'default', uid: `uid-${serial}`, labels },
  spec: { containers: [{ name: 'app', image: 'example.org/app' }], ...spec },
});
const asking = (cpu: string, more: Partial<Pod['spec']> = {}): Pod =>
  pod({ containers: [{ name: 'app', image: 'example.org/app', resources: { requests: { cpu } } }], ...more });
const onNode = (info: NodeInfo, ...pods: Pod[]): NodeInfo => {
  for (const one of pods) info.add(one);
  return info;
};
const cluster = (nodes: readonly NodeInfo[], more: Partial<ClusterSnapshot> = {}): ClusterSnapshot => ({
  nodes,
  claim: () => undefined,
  volume: () => undefined,
  volumes: () => [],
  storageClass: () => undefined,
  namespaceLabels: () => ({}),
  ...more,
});
const run = (one: Pod, snapshot: ClusterSnapshot): string => {
  const verdict = decide(one, snapshot, plugins, () => 0);
  return verdict.type === 'node' ? verdict.node.name : verdict.message;
};
const why = (count: number, reasons: string, preemption: string) =>
  `0/${count} nodes are available: ${reasons}. preemption: 0/${count} nodes are available: ${preemption}.`;
const notHelpful = (count: number) => `${count} Preemption is not helpful for scheduling`;

test('no nodes at all', () => assert.equal(run(pod(), cluster([])), 'no nodes available to schedule pods'));

test('reasons are counted, sorted and joined as users know them', () => {
  const full = onNode(new NodeInfo(node('full')), asking('1500m'));
  const cordoned = new NodeInfo(node('cordoned', { unschedulable: true }));
  const tainted = new NodeInfo(node('tainted', { taints: [{ key: 'a', effect: 'NoSchedule' }] }));
  assert.equal(
    run(asking('1'), cluster([full, cordoned, tainted])),
    why(
      3,
      '1 Insufficient cpu, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable',
      '1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling',
    ),
  );
  assert.equal(
    run(asking('1', { preemptionPolicy: 'Never' }), cluster([full])),
    '0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.',
  );
});

test('one node may lack several resources', () => {
  const info = new NodeInfo(node('n', {}, {}, { memory: '1Gi', pods: '0' }));
  const big = pod({
    containers: [
      { name: 'a', image: 'i', resources: { requests: { cpu: '3', memory: '2Gi', 'example.org/gpu': '1' } } },
    ],
  });
  assert.equal(
    run(big, cluster([info])),
    why(1, '1 Insufficient cpu, 1 Insufficient example.org/gpu, 1 Insufficient memory, 1 Too many pods', notHelpful(1)),
  );
});

test('selectors, affinity, host ports, tolerations', () => {
  const [plain, fast] = [new NodeInfo(node('plain')), new NodeInfo(node('fast', {}, { disk: 'ssd' }))];
  assert.equal(run(pod({ nodeSelector: { disk: 'ssd' } }), cluster([plain, fast])), 'fast');
  assert.equal(
    run(pod({ nodeSelector: { disk: 'tape' } }), cluster([plain])),
    why(1, "1 node(s) didn't match Pod's node affinity/selector", notHelpful(1)),
  );
  const port = (): Pod =>
    pod({ containers: [{ name: 'a', image: 'i', ports: [{ containerPort: 80, hostPort: 80 }] }] });
  const busy = onNode(new NodeInfo(node('busy')), port());
  assert.match(
    run(port(), cluster([busy])),
    /1 node\(s\) didn't have free ports for the requested pod ports\. preemption: .* 1 No preemption victims/,
  );
  const tainted = new NodeInfo(node('tainted', { taints: [{ key: 'a', value: 'b', effect: 'NoExecute' }] }));
  assert.equal(run(pod({ tolerations: [{ key: 'a', operator: 'Equal', value: 'b' }] }), cluster([tainted])), 'tainted');
});

test('the emptier node wins; a taint to be avoided loses', () => {
  const [used, free] = [onNode(new NodeInfo(node('used')), asking('1')), new NodeInfo(node('free'))];
  assert.equal(run(asking('100m'), cluster([used, free])), 'free');
  const avoided = new NodeInfo(node('avoided', { taints: [{ key: 'a', effect: 'PreferNoSchedule' }] }));
  assert.equal(run(asking('100m'), cluster([avoided, new NodeInfo(node('other'))])), 'other');
});

test('anti-affinity keeps Pods apart, in both directions; affinity brings them together', () => {
  const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'a' } } };
  const apart = (): Pod =>
    pod({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } }, { app: 'a' });
  const one = onNode(new NodeInfo(node('one')), apart());
  const two = new NodeInfo(node('two'));
  assert.equal(run(apart(), cluster([one, two])), 'two');
  assert.match(run(apart(), cluster([one])), /1 node\(s\) didn't match pod anti-affinity rules/);
  assert.match(
    run(pod({}, { app: 'a' }), cluster([one])),
    /1 node\(s\) didn't satisfy existing pods anti-affinity rules/,
  );
  const near = pod({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } });
  assert.equal(run(near, cluster([two, one])), 'one');
  assert.match(run(near, cluster([two])), /1 node\(s\) didn't match pod affinity rules/);
});

test('topology spread refuses what would skew', () => {
  const zone = (name: string, value: string) => new NodeInfo(node(name, {}, { zone: value }));
  const constraint = {
    maxSkew: 1,
    topologyKey: 'zone',
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: { app: 's' } },
  };
  const spread = () => pod({ topologySpreadConstraints: [constraint] }, { app: 's' });
  const crowded = onNode(zone('a', 'east'), spread());
  const empty = zone('b', 'west');
  assert.equal(run(spread(), cluster([crowded, empty])), 'b');
  const full = onNode(zone('b', 'west'), asking('2'));
  assert.match(
    run(
      pod(
        {
          containers: [{ name: 'a', image: 'i', resources: { requests: { cpu: '1' } } }],
          topologySpreadConstraints: [constraint],
        },
        { app: 's' },
      ),
      cluster([crowded, full]),
    ),
    /1 Insufficient cpu, 1 node\(s\) didn't match pod topology spread constraints/,
  );
});

test('volumes decide where a Pod may go', () => {
  const uses = pod({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] });
  const claim = (
    more: Partial<PersistentVolumeClaim['spec'] & object> = {},
    annotations: Record<string, string> = {},
  ): PersistentVolumeClaim => ({
    metadata: { name: 'data', namespace: 'default', uid: 'c', annotations },
    spec: {
      storageClassName: 'local',
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      ...more,
    },
    status: { phase: 'Pending' },
  });
  const storageClass = (volumeBindingMode: string, provisioner = 'x'): StorageClass => ({
    metadata: { name: 'local' },
    provisioner,
    volumeBindingMode,
  });
  const nodes = [new NodeInfo(node('n1')), new NodeInfo(node('n2'))];
  const unhelpful = 'preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.';
  assert.equal(
    run(uses, cluster(nodes)),
    `0/2 nodes are available: persistentvolumeclaim "data" not found. ${unhelpful}`,
  );
  assert.equal(
    run(uses, cluster(nodes, { claim: () => claim(), storageClass: () => storageClass('Immediate') })),
    `0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. ${unhelpful}`,
  );
  assert.equal(
    run(uses, cluster(nodes, { claim: () => claim(), storageClass: () => storageClass('WaitForFirstConsumer') })),
    'n1',
  );
  assert.match(
    run(
      uses,
      cluster(nodes, {
        claim: () => claim(),
        storageClass: () => storageClass('WaitForFirstConsumer', 'kubernetes.io/no-provisioner'),
      }),
    ),
    /2 node\(s\) didn't find available persistent volumes to bind/,
  );
  const volume: PersistentVolume = {
    metadata: { name: 'pv' },
    spec: {
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['n2'] }] },
          ],
        },
      },
    },
  };
  const bound = claim({ volumeName: 'pv' }, { 'pv.kubernetes.io/bind-completed': 'yes' });
  assert.equal(run(uses, cluster(nodes, { claim: () => bound, volume: () => volume })), 'n2');
});
