import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '#api/generated/types.ts';
import { decide, feasibleMax } from './cycle.ts';
import { NodeInfo } from './node-info.ts';
import { type ClusterSnapshot, type SchedulerPlugin, unresolvable } from './plugin.ts';
import { noDevices } from '#kit/devices.ts';
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
  devices: noDevices,
  claim: () => undefined,
  volume: () => undefined,
  csiNode: () => undefined,
  csiDriver: () => undefined,
  storageCapacities: () => [],
  attachments: () => [],
  volumes: () => [],
  storageClass: () => undefined,
  namespaceLabels: () => ({}),
  budgets: () => [],
  matching: (_, matches) => (info) => [...info.pods.values()].filter(matches).length,
  services: () => [],
  controllerSelector: () => undefined,
  nominated: () => [],
  ...more,
});
const run = (one: Pod, snapshot: ClusterSnapshot): string => {
  const verdict = decide(one, snapshot, plugins, () => 0);
  return verdict.type === 'node' ? verdict.node.name : verdict.message;
};
const why = (count: number, reasons: string, preemption: string) =>
  `0/${count} nodes are available: ${reasons}. no new claims to deallocate, preemption: 0/${count} nodes are available: ${preemption}.`;
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
    '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.',
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
    /1 node\(s\) didn't have free ports for the requested pod ports\. no new claims to deallocate, preemption: .* 1 No preemption victims/,
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
  const unhelpful =
    'no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.';
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

const important = (cpu: string, more: Partial<Pod['spec']> = {}): Pod => asking(cpu, { priority: 100, ...more });
const victimsOf = (one: Pod, snapshot: ClusterSnapshot): readonly [string, readonly string[]] | string => {
  const verdict = decide(one, snapshot, plugins, () => 0);
  if (verdict.type === 'node') return `fits on ${verdict.node.name}`;
  if (verdict.preemption === undefined) return verdict.message;
  const { node: where, victims } = verdict.preemption;
  return [where.name, victims.map((victim) => victim.metadata.name!)];
};

test('preemption takes no more than is needed, and the least important', () => {
  const [low, middle, equal] = [asking('1'), asking('800m', { priority: 50 }), asking('100m', { priority: 100 })];
  const full = onNode(new NodeInfo(node('full')), low, middle, equal);
  assert.deepEqual(victimsOf(important('1'), cluster([full])), ['full', [low.metadata.name]]);
  assert.deepEqual(victimsOf(important('1900m'), cluster([full])), ['full', [middle.metadata.name, low.metadata.name]]);
  assert.equal(full.pods.size, 3, 'nothing was changed while trying');
  assert.equal(
    victimsOf(important('2'), cluster([full])),
    '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Insufficient cpu.',
  );
  const verdict = decide(important('1'), cluster([full]), plugins, () => 0);
  assert.equal(verdict.type === 'unschedulable' && verdict.message, '0/1 nodes are available: 1 Insufficient cpu.');
});

test('preemption prefers the node where less is lost: budgets, then priorities', () => {
  const guarded: Pod = { ...asking('2'), metadata: { ...asking('2').metadata, labels: { app: 'guarded' } } };
  const budget = {
    metadata: { name: 'b', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'guarded' } } },
    status: { disruptionsAllowed: 0 },
  };
  const costly = asking('2', { priority: 50 });
  const one = onNode(new NodeInfo(node('guarded')), guarded);
  const two = onNode(new NodeInfo(node('costly')), costly);
  const three = onNode(new NodeInfo(node('cheap')), asking('2', { priority: 10 }));
  const budgets = () => [budget];
  assert.equal(victimsOf(important('1'), cluster([one, two], { budgets }))[0], 'costly');
  assert.equal(victimsOf(important('1'), cluster([one, two]))[0], 'guarded');
  assert.equal(victimsOf(important('1'), cluster([two, three]))[0], 'cheap');
});

test('room that was made for a Pod is not taken by one that is less important', () => {
  const free = new NodeInfo(node('free'));
  const waiting: Pod = { ...important('2'), status: { nominatedNodeName: 'free' } };
  const nominated = () => [waiting];
  assert.match(run(asking('1'), cluster([free], { nominated })), /1 Insufficient cpu/);
  assert.equal(run(waiting, cluster([new NodeInfo(node('other')), free], { nominated })), 'free');
  assert.equal(run(important('1', { priority: 200 }), cluster([free], { nominated })), 'free');
});

test('while victims are ending, no more are looked for', () => {
  const victim = asking('2');
  const ending: Pod = {
    ...victim,
    metadata: { ...victim.metadata, deletionTimestamp: '2026-01-02T03:04:05Z' },
    status: { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }] },
  };
  const busy = onNode(new NodeInfo(node('busy')), ending);
  assert.equal(
    victimsOf({ ...important('1'), status: { nominatedNodeName: 'busy' } }, cluster([busy])),
    '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to a terminating pod on the nominated node.',
  );
});

test('soft spreading: the emptier zone wins, and nodes without the label come last', () => {
  const zoned = (name: string, zone: string, ...pods: Pod[]) => onNode(new NodeInfo(node(name, {}, { zone })), ...pods);
  const like = () => pod({}, { app: 'a' });
  const spread = pod(
    {
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'zone',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: { app: 'a' } },
        },
      ],
    },
    { app: 'a' },
  );
  const nodes = [zoned('a1', 'a', like(), like(), like()), zoned('b1', 'b', like()), new NodeInfo(node('bare'))];
  const { score } = plugins.find((one) => one.name === 'PodTopologySpread')!;
  // ln(2 + 2) for each Pod: 4 and 1, rounded; the least gets 100.
  assert.deepEqual(score!.of(spread, nodes, cluster(nodes)), [25, 100, 0]);
  assert.equal(run(spread, cluster(nodes)), 'b1');
});

test('images that are there draw, the more the more nodes have them', () => {
  const withImage = (name: string, ...images: [string, number][]) => {
    const one = node(name);
    const status = { ...one.status, images: images.map(([image, sizeBytes]) => ({ names: [image], sizeBytes })) };
    return new NodeInfo({ ...one, status });
  };
  const bytes = 1000 * 1024 * 1024;
  const nodes = [withImage('has', ['example.org/app:latest', bytes]), withImage('lacks', ['example.org/b:1', bytes])];
  const { score } = plugins.find((one) => one.name === 'ImageLocality')!;
  // Half of the nodes have it: (500 - 23) of (1000 - 23) megabytes.
  assert.deepEqual(score!.of(pod(), nodes, cluster(nodes)), [48, 0]);
  assert.deepEqual(score!.of(pod(), [nodes[0]!], cluster(nodes)), [48], 'counted over all nodes');
});

test('in a large cluster some feasible nodes are enough, and the next search begins behind them', () => {
  assert.deepEqual([50, 99, 100, 1_000, 5_000, 6_000].map(feasibleMax), [50, 99, 100, 420, 500, 300]);
  const nodes = Array.from({ length: 300 }, (_, index) => new NodeInfo(node(`n${index}`)));
  const looked: string[] = [];
  const seen: SchedulerPlugin = {
    name: 'Seen',
    wakesOn: [],
    filter: (_, { name }) => (looked.push(name), undefined),
  };
  const snapshot = cluster(nodes);
  const first = decide(pod(), snapshot, [seen], () => 0, undefined, 250);
  assert.equal(first.type === 'node' && first.looked, 144);
  assert.deepEqual([looked[0], looked[49], looked[50], looked.length], ['n250', 'n299', 'n0', 144]);
  // Where few fit, all are looked at.
  looked.length = 0;
  const only = {
    ...seen,
    filter: (_: Pod, { name }: NodeInfo) => (looked.push(name), name === 'n7' ? undefined : unresolvable('no')),
  };
  const found = decide(pod(), snapshot, [only], () => 0, undefined, 250);
  assert.equal(found.type === 'node' && found.node.name, 'n7');
  assert.equal(looked.length, 300);
});

test('what is found out once for all nodes is what each node is told alone', () => {
  const nodes = ['a', 'b', 'c', 'd'].map(
    (name, index) =>
      new NodeInfo(
        node(name, {}, { 'kubernetes.io/hostname': name, ...(index < 3 ? { zone: index === 2 ? 'z2' : 'z1' } : {}) }),
      ),
  );
  const near = (app: string, topologyKey: string) => ({ labelSelector: { matchLabels: { app } }, topologyKey });
  const required = (term: object) => ({ requiredDuringSchedulingIgnoredDuringExecution: [term] });
  const shapes: Partial<Pod['spec']>[] = [
    {},
    { affinity: { podAffinity: required(near('x', 'zone')) } },
    { affinity: { podAffinity: required(near('none', 'zone')) } },
    { affinity: { podAntiAffinity: required(near('x', 'zone')) } },
    {
      affinity: {
        podAntiAffinity: required(near('x', 'kubernetes.io/hostname')),
        podAffinity: required(near('y', 'zone')),
      },
    },
    {
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'zone',
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { app: 'x' } },
        },
      ],
    },
  ] as Partial<Pod['spec']>[];
  onNode(nodes[0]!, pod({}, { app: 'x' }), pod(shapes[3], { app: 'y' }));
  onNode(nodes[2]!, pod(shapes[4], { app: 'x' }));
  const snapshot = cluster(nodes);
  for (const shape of shapes)
    for (const app of ['x', 'y', 'none']) {
      const one = pod(shape, { app });
      for (const plugin of plugins) {
        if (plugin.prepare === undefined) continue;
        const prepared = plugin.prepare(one, snapshot);
        for (const info of nodes)
          assert.deepEqual(
            prepared?.(info),
            plugin.filter?.(one, info, snapshot),
            `${plugin.name} ${app} on ${info.name}: ${JSON.stringify(shape)}`,
          );
      }
    }
});
