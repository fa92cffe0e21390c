// A node with a probed Pod and nothing to do, beside its control plane, for ten minutes of virtual time: which timers fire, and why.
// Each has its reason here, or is a defect. Real: node agent, controllers, scheduler, API server; in their place: container runtime,
// machine, network, disk (docs/internals/simulation.md). Service proxy, DNS and router are not in it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Namespaces, Pods } from '#api/generated/kind-references.ts';
import { ContainerRules } from '#simulation/invariants/container-rules.ts';
import { Cluster } from '#simulation/world/cluster.ts';
import { serveImages } from '#simulation/world/programs.ts';
import { Timeline } from '#simulation/world/timeline.ts';
import { FiredTimers, type ExpectedTimer } from './fired-timers.ts';

const second = 1000;
const minute = 60 * second;
const idleMs = 10 * minute;

const expected: readonly ExpectedTimer[] = [
  {
    source: 'src/node/node-registration.ts',
    everyMs: 5 * second,
    reason: 'renews the Lease every 10 s; samples memory, disk and process ids for eviction every 10 s, as upstream',
  },
  {
    source: 'src/node/eviction/manager.ts',
    everyMs: 10 * second,
    reason: 'samples memory, disk and process ids for eviction, and the sizes of logs, as upstream',
  },
  {
    source: 'src/node/probes/probes.ts',
    everyMs: 10 * second,
    reason: 'the probe of the one Pod, every 10 s by its spec',
  },
  {
    source: 'src/node/housekeeping.ts',
    everyMs: 30 * second,
    reason: 'relists the runtime: an event of it may be lost',
  },
];
/** What the simulated machine takes for what it is asked: no timers of the product. */
const simulated = 'src/simulation/';

test('timers of an idle node have a reason', async () => {
  const fired = new FiredTimers();
  // oxlint-disable-next-line typescript/unbound-method -- called with its own `this`
  const { schedule } = Timeline.prototype;
  Timeline.prototype.schedule = function noted(delayMs, run) {
    return schedule.call(this, delayMs, fired.note(run));
  };
  const watcher = new ContainerRules();
  const cluster = await Cluster.create({
    seed: 1,
    profile: { nodes: 1, controllerLatencyMs: 0, nodeLatencyMs: 0, commitMs: 0, runtimeCallMs: 1, historyEvents: 1000 },
    watcher,
  });
  watcher.cluster = cluster;
  cluster.programs.calm = true;
  cluster.start();
  const { timeline, user } = cluster;
  await timeline.runFor(10 * second);
  cluster.act('make an application', async () => {
    await user.resource(Namespaces).create({ metadata: { name: 'idle' }, spec: {} });
  });
  await timeline.runFor(5 * second);
  cluster.act('make a Pod', async () => {
    await user.resource(Pods).create({
      metadata: { name: 'one', namespace: 'idle' },
      spec: {
        containers: [{ name: 'c', image: serveImages[0]!, readinessProbe: { httpGet: { path: '/', port: 80 } } }],
      },
    });
  });
  await timeline.runFor(10 * minute);
  let isReady = false;
  cluster.act('look at the Pod', async () => {
    const pod = await user.resource(Pods).get({ namespace: 'idle', name: 'one' });
    isReady = pod.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
  });
  await timeline.runFor(second);
  assert.ok(isReady, 'the Pod is ready: its probes are what an idle node does');
  fired.begin();
  await timeline.runFor(idleMs);
  fired.end();
  Timeline.prototype.schedule = schedule;
  fired.forget((source) => source.startsWith(simulated));
  assert.deepEqual(fired.unexplained(expected, idleMs), []);
  // A row that nothing matches any more is no reason for anything.
  assert.deepEqual([...fired.all.keys()].toSorted(), expected.map((one) => one.source).toSorted());
});
