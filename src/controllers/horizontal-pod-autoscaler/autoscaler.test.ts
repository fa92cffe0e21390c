// Whole looks at an autoscaler: what is asked, written and told. The cluster is a table of answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, Pod } from '#api/generated/types.ts';
import { ApiError } from '#api/status.ts';
import { VirtualClock } from '#base/clock.ts';
import type { Client } from '#client/client.ts';
import type { EffectHands } from '../runtime/declaration.ts';
import { Autoscaler } from './autoscaler.ts';

const pods: Pod[] = ['a', 'b'].map((name) => ({
  metadata: { name, namespace: 'n', labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', resources: { requests: { cpu: '100m', memory: '64Mi' } } }] },
  status: {
    phase: 'Running',
    startTime: '2025-01-01T00:00:00Z',
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2025-01-01T00:00:00Z' }],
  },
}));

interface Cluster {
  readonly hands: EffectHands;
  readonly events: string[];
  readonly asked: string[];
  readonly scales: number[];
  readonly answers: Map<string, unknown>;
  autoscaler: HorizontalPodAutoscaler;
}

function cluster(spec: Partial<HorizontalPodAutoscalerSpec>, replicas = 2): Cluster {
  const clock = new VirtualClock(Date.parse('2026-01-01T00:00:00Z'));
  const scale = {
    metadata: { name: 'web', namespace: 'n' },
    spec: { replicas },
    status: { replicas, selector: 'app=web' },
  };
  const resources = [{ name: 'deployments', kind: 'Deployment', namespaced: true, verbs: ['get'] }];
  const answers = new Map<string, unknown>([
    ['/apis/apps', { versions: [{ version: 'v1' }] }],
    ['/apis/apps/v1/namespaces/n/deployments/web/scale', scale],
  ]);
  const client = {
    read(path: string, query: Readonly<Record<string, string>> = {}) {
      const text = new URLSearchParams(query).toString();
      const url = text === '' ? path : `${path}?${text}`;
      given.asked.push(url);
      return answers.has(url)
        ? Promise.resolve(answers.get(url))
        : Promise.reject(new ApiError(404, 'NotFound', 'the server could not find the requested resource'));
    },
    discover: (group: string) => Promise.resolve(group === 'apps' ? resources : []),
    resource: ({ resource }: { resource: string }) => ({
      find: () => Promise.resolve(given.autoscaler),
      list: () => Promise.resolve({ items: pods }),
      update(object: { status?: HorizontalPodAutoscaler['status']; spec: { replicas?: number } }) {
        if (resource === 'deployments') given.scales.push(object.spec.replicas!);
        else given.autoscaler = { ...given.autoscaler, status: object.status! };
        return Promise.resolve(object);
      },
    }),
  } as unknown as Client;
  const given: Cluster = {
    hands: { client, clock, event: ({ type, reason, message }) => given.events.push(`${type} ${reason}: ${message}`) },
    events: [],
    asked: [],
    scales: [],
    answers,
    autoscaler: {
      metadata: { name: 'web', namespace: 'n' },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
        maxReplicas: 10,
        ...spec,
      },
    },
  };
  return given;
}
const usage = (cpu: string, memory: string) => ({
  items: pods.map((pod) => ({
    metadata: { name: pod.metadata.name },
    timestamp: '2026-01-01T00:00:00Z',
    window: '15s',
    containers: [{ name: 'c', usage: { cpu, memory } }],
  })),
});
const usagePath = '/apis/metrics.k8s.io/v1beta1/namespaces/n/pods?labelSelector=app%3Dweb';
const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } };
const look = (given: Cluster, autoscaler = new Autoscaler()) => autoscaler.look('n', 'web', given.hands);
const conditions = ({ autoscaler }: Cluster) =>
  (autoscaler.status?.conditions ?? []).map(({ type, status, reason }) => `${type}=${status} ${reason}`);

test('processor use above the target: more replicas, told in status, condition and event', async () => {
  const given = cluster({ metrics: [cpu] });
  given.answers.set(usagePath, usage('100m', '32Mi'));
  await look(given);
  assert.deepEqual(given.scales, [4]);
  assert.deepEqual(given.events, [
    'Normal SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target',
  ]);
  assert.deepEqual(conditions(given), [
    'AbleToScale=True SucceededRescale',
    'ScalingActive=True ValidMetricFound',
    'ScalingLimited=False DesiredWithinRange',
  ]);
  const { conditions: _, ...status } = given.autoscaler.status!;
  assert.deepEqual(status, {
    lastScaleTime: '2026-01-01T00:00:00Z',
    currentReplicas: 2,
    desiredReplicas: 4,
    currentMetrics: [
      { type: 'Resource', resource: { name: 'cpu', current: { averageValue: '100m', averageUtilization: 100 } } },
    ],
  });
});

test('bounds come before metrics; a target of none is left alone', async () => {
  const above = cluster({ maxReplicas: 1, metrics: [cpu] });
  await look(above);
  assert.deepEqual(above.scales, [1]);
  assert.match(above.events[0]!, /New size: 1; reason: Current number of replicas above Spec\.MaxReplicas/);
  const below = cluster({ minReplicas: 3, metrics: [cpu] });
  await look(below);
  assert.deepEqual(below.scales, [3]);
  const none = cluster({ metrics: [cpu] }, 0);
  await look(none);
  assert.deepEqual([none.scales, conditions(none)[1]], [[], 'ScalingActive=False ScalingDisabled']);
});

test('without metrics nothing changes, and the reason is told', async () => {
  const given = cluster({ metrics: [cpu] });
  await look(given);
  const cause =
    'failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource';
  assert.deepEqual(given.scales, []);
  assert.deepEqual(given.events, [
    `Warning FailedGetResourceMetric: ${cause}`,
    `Warning FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: ${cause}`,
  ]);
  assert.deepEqual(conditions(given), [
    'AbleToScale=True SucceededGetScale',
    'ScalingActive=False FailedGetResourceMetric',
  ]);
});

test('with some metrics missing it may grow and does not shrink', async () => {
  const missing = { type: 'External', external: { metric: { name: 'queue' }, target: { type: 'Value', value: '5' } } };
  const grows = cluster({ metrics: [cpu, missing] });
  grows.answers.set(usagePath, usage('100m', '1Mi'));
  await look(grows);
  assert.deepEqual(grows.scales, [4]);
  const shrinks = cluster({ metrics: [cpu, missing] });
  shrinks.answers.set(usagePath, usage('5m', '1Mi'));
  await look(shrinks);
  assert.deepEqual([shrinks.scales, conditions(shrinks)[1]], [[], 'ScalingActive=False FailedGetExternalMetric']);
});

test('metrics of containers, of each Pod, of an object and from outside; the highest counts', async () => {
  const given = cluster({
    metrics: [
      {
        type: 'ContainerResource',
        containerResource: { name: 'memory', container: 'c', target: { type: 'AverageValue', averageValue: '64Mi' } },
      },
      { type: 'Pods', pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '10' } } },
      {
        type: 'Object',
        object: {
          describedObject: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'front' },
          metric: { name: 'hits', selector: { matchLabels: { verb: 'GET' } } },
          target: { type: 'Value', value: '100' },
        },
      },
      {
        type: 'External',
        external: { metric: { name: 'queue' }, target: { type: 'AverageValue', averageValue: '30' } },
      },
    ],
  });
  given.answers.set(usagePath, usage('1m', '32Mi'));
  given.answers.set('/apis/custom.metrics.k8s.io', { versions: [{ version: 'v1beta1' }, { version: 'v1beta2' }] });
  const custom = '/apis/custom.metrics.k8s.io/v1beta2/namespaces/n';
  const perPod = pods.map(({ metadata }) => ({
    describedObject: { name: metadata.name },
    value: '20',
    timestamp: '2026-01-01T00:00:00Z',
  }));
  given.answers.set(`${custom}/pods/*/rps?labelSelector=app%3Dweb`, { items: perPod });
  given.answers.set(`${custom}/deployments.apps/front/hits?metricLabelSelector=verb%3DGET`, {
    items: [{ value: '350' }],
  });
  given.answers.set('/apis/external.metrics.k8s.io/v1beta1/namespaces/n/queue', {
    items: [{ value: '100' }, { value: '20' }],
  });
  await look(given);
  assert.match(given.events.join(), /reason: Deployment metric hits above target/);
  // 1 for memory, 4 for requests, 7 for hits, 4 for the queue; at most twice as many as there are, or four.
  assert.deepEqual(given.scales, [4]);
  assert.equal(conditions(given)[2], 'ScalingLimited=True ScaleUpLimit');
  assert.deepEqual(
    given.autoscaler.status?.currentMetrics?.map((one) =>
      Object.values(one)
        .slice(1)
        .map((part: { current?: object }) => part.current),
    ),
    [[{ averageValue: '32Mi' }], [{ averageValue: '20' }], [{ value: '350' }], [{ averageValue: '60' }]],
  );
});

test('Pods of two autoscalers are scaled by neither', async () => {
  const autoscaler = new Autoscaler();
  const given = cluster({ metrics: [cpu] });
  given.answers.set(usagePath, usage('100m', '1Mi'));
  await look(given, autoscaler);
  await autoscaler.look('n', 'other', given.hands);
  assert.match(
    given.events.join('\n'),
    /AmbiguousSelector: pods by selector app=web are controlled by multiple HPAs: \[\{other n\} \{web n\}\]/,
  );
  assert.deepEqual(given.scales, [4]);
  autoscaler.forget('n/web');
  await autoscaler.look('n', 'other', given.hands);
  assert.equal(given.scales.length, 2);
});

test('a target that is not there, and a kind that is none', async () => {
  const gone = cluster({ metrics: [cpu] });
  gone.answers.delete('/apis/apps/v1/namespaces/n/deployments/web/scale');
  await look(gone);
  assert.deepEqual(conditions(gone), ['AbleToScale=False FailedGetScale']);
  const unknown = cluster({ scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Nothing', name: 'web' } });
  await look(unknown);
  assert.deepEqual(unknown.events, ['Warning FailedGetScale: no matches for kind "Nothing" in group "apps"']);
});

test('a scale that changed meanwhile is written anew', async () => {
  const given = cluster({ maxReplicas: 1 });
  let conflicts = 2;
  const { client } = given.hands;
  const hands: EffectHands = {
    ...given.hands,
    client: {
      ...client,
      resource: (kind: Parameters<Client['resource']>[0]) => {
        const real = client.resource(kind);
        return kind.resource !== 'deployments'
          ? real
          : {
              ...real,
              update: (object: never) =>
                conflicts-- > 0 ? Promise.reject(new ApiError(409, 'Conflict', 'changed')) : real.update(object),
            };
      },
    } as Client,
  };
  await new Autoscaler().look('n', 'web', hands);
  assert.deepEqual(given.scales, [1]);
});
