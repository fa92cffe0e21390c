import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod, PodSpec } from '#api/generated/types.ts';
import { podQosClass } from '#api/validation/pod-qos.ts';
import { effectiveRequests } from './effective-requests.ts';
import { podMatchesNode } from './matches-node-selector.ts';
import { podIsActive, podIsTerminal } from './pod-is-active.ts';
import { availableInMs, podIsAvailable, podIsReady } from './pod-is-ready.ts';
import { semanticallyEqual } from './semantically-equal.ts';
import { toleratesTaint, untoleratedTaint } from './tolerates-taint.ts';

const now = Date.parse('2026-01-01T00:00:30Z');
const pod = (fields: Partial<Pod>): Pod => ({ metadata: { name: 'web' }, spec: { containers: [] }, ...fields });
const readyPod = pod({
  status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] },
});

test('ready and available: a Pod is available once it has been ready long enough', () => {
  assert.equal(podIsReady(readyPod), true);
  assert.equal(podIsReady(pod({ status: { conditions: [{ type: 'Ready', status: 'False' }] } })), false);
  assert.equal(podIsAvailable(readyPod, 0, now), true);
  assert.equal(podIsAvailable(readyPod, 30, now), true);
  assert.equal(podIsAvailable(readyPod, 31, now), false);
  assert.equal(availableInMs(readyPod, 31, now), 1000);
  assert.equal(availableInMs(readyPod, 30, now), 0);
  assert.equal(podIsAvailable(pod({}), 0, now), false);
});

test('active: neither ended nor being deleted', () => {
  assert.equal(podIsActive(pod({ status: { phase: 'Running' } })), true);
  assert.equal(podIsTerminal(pod({ status: { phase: 'Failed' } })), true);
  assert.equal(podIsActive(pod({ status: { phase: 'Succeeded' } })), false);
  assert.equal(podIsActive(pod({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })), false);
});

const c = (requests: Record<string, string>, limits: Record<string, string> = {}, more: object = {}) => ({
  name: 'c',
  resources: { requests, limits },
  ...more,
});
const both = { cpu: '1', memory: '1Gi' };
for (const [name, spec, expected] of [
  ['nothing asked', { containers: [c({})] }, 'BestEffort'],
  ['zero asked', { containers: [c({ cpu: '0' })] }, 'BestEffort'],
  ['requests alone', { containers: [c({ cpu: '1' })] }, 'Burstable'],
  ['limits equal to requests', { containers: [c(both, both)] }, 'Guaranteed'],
  ['the same amounts written otherwise', { containers: [c({ cpu: '1000m', memory: '1024Mi' }, both)] }, 'Guaranteed'],
  ['only cpu limited', { containers: [c({ cpu: '1' }, { cpu: '1' })] }, 'Burstable'],
  ['one container without', { containers: [c(both, both), c({})] }, 'Burstable'],
  ['an init container without', { containers: [c(both, both)], initContainers: [c({})] }, 'Burstable'],
  ['the Pod itself', { containers: [c({})], resources: { requests: both, limits: both } }, 'Guaranteed'],
] as const)
  test(`quality of service: ${name} is ${expected}`, () => assert.equal(podQosClass(spec as PodSpec), expected));

const sidecar = { restartPolicy: 'Always' };
for (const [name, spec, expected] of [
  [
    'containers add up',
    { containers: [c({ cpu: '100m' }), c({ cpu: '200m', memory: '1Mi' })] },
    { cpu: 300, memory: 1_048_576 },
  ],
  [
    'the largest init container counts',
    { containers: [c({ cpu: '1' })], initContainers: [c({ cpu: '3' }), c({ cpu: '2' })] },
    { cpu: 3000 },
  ],
  [
    'sidecars run beside the containers',
    { containers: [c({ cpu: '1' })], initContainers: [c({ cpu: '1' }, {}, sidecar)] },
    { cpu: 2000 },
  ],
  [
    'an init container runs beside earlier sidecars',
    { containers: [c({ cpu: '1' })], initContainers: [c({ cpu: '1' }, {}, sidecar), c({ cpu: '4' })] },
    { cpu: 5000 },
  ],
  [
    'but not beside later ones',
    { containers: [c({ cpu: '1' })], initContainers: [c({ cpu: '4' }), c({ cpu: '1' }, {}, sidecar)] },
    { cpu: 4000 },
  ],
  ['overhead comes on top', { containers: [c({ cpu: '1' })], overhead: { cpu: '50m' } }, { cpu: 1050 }],
  ['the Pod itself decides', { containers: [c({ cpu: '1' })], resources: { requests: { cpu: '3' } } }, { cpu: 3000 }],
] as const)
  test(`requests: ${name}`, () => assert.deepEqual(effectiveRequests(pod({ spec: spec as PodSpec })), expected));

const effects = ['NoSchedule', 'NoExecute'];
const taint = { key: 'a', value: 'b', effect: 'NoSchedule' };
for (const [toleration, expected] of [
  [{ operator: 'Exists' }, true],
  [{ key: 'a', operator: 'Exists' }, true],
  [{ key: 'a', value: 'b' }, true],
  [{ key: 'a', value: 'c' }, false],
  [{ key: 'x', operator: 'Exists' }, false],
  [{ key: 'a', operator: 'Exists', effect: 'NoExecute' }, false],
  [{ key: 'a', operator: 'Equal', value: 'b', effect: 'NoSchedule' }, true],
] as const)
  test(`${JSON.stringify(toleration)} tolerates a=b:NoSchedule: ${expected}`, () =>
    assert.equal(toleratesTaint(toleration, taint), expected));

test('a taint that only prefers does not keep a Pod away', () => {
  assert.equal(untoleratedTaint([], [{ key: 'p', effect: 'PreferNoSchedule' }, taint], effects), taint);
  assert.equal(untoleratedTaint(undefined, [{ key: 'p', effect: 'PreferNoSchedule' }], effects), undefined);
  assert.equal(untoleratedTaint([{ operator: 'Exists' }], [taint], effects), undefined);
});

const node = { metadata: { name: 'n1', labels: { disk: 'ssd', cores: '8' } } } as unknown as Node;
const affinity = (...nodeSelectorTerms: object[]) => ({
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
});
const expression = (key: string, operator: string, ...values: string[]) => ({
  matchExpressions: [{ key, operator, values }],
});
for (const [name, placement, expected] of [
  ['nothing', {}, true],
  ['nodeSelector', { nodeSelector: { disk: 'ssd' } }, true],
  ['nodeSelector that misses', { nodeSelector: { disk: 'hdd' } }, false],
  ['In', affinity(expression('disk', 'In', 'hdd', 'ssd')), true],
  ['NotIn of an absent label', affinity(expression('zone', 'NotIn', 'a')), true],
  ['Gt', affinity(expression('cores', 'Gt', '4')), true],
  ['Lt', affinity(expression('cores', 'Lt', '8')), false],
  ['Exists', affinity(expression('zone', 'Exists')), false],
  ['the second term', affinity(expression('zone', 'Exists'), expression('disk', 'Exists')), true],
  ['an empty term', affinity({}), false],
  ['the name of the node', affinity({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }), true],
] as const)
  test(`placement by ${name}: ${expected}`, () =>
    assert.equal(podMatchesNode(pod({ spec: { containers: [], ...placement } as PodSpec }), node), expected));

test('a key that every object has is still a difference', () => {
  assert.equal(semanticallyEqual({}, { constructor: 'a' }), false);
  assert.equal(semanticallyEqual({ toString: 'a' }, {}), false);
  assert.equal(semanticallyEqual({ a: [], b: 1 }, { b: 1 }), true);
});
