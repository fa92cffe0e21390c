import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointSlice, Pod, Service } from '#api/generated/types.ts';
import type { Action } from '../runtime/action.ts';
import { decide } from './decide.ts';

const service = (spec: Partial<Service['spec']> = {}): Service => ({
  metadata: { name: 'web', namespace: 'default', uid: 's' },
  spec: {
    clusterIP: '10.43.0.9',
    ipFamilies: ['IPv4'],
    selector: { app: 'web' },
    ports: [{ port: 80, targetPort: 'http' }],
    ...spec,
  },
});
const pod = (
  index: number,
  options: { port?: number; ready?: boolean; ending?: boolean; phase?: string } = {},
): Pod => ({
  metadata: {
    name: `p${index}`,
    namespace: 'default',
    uid: `p${index}`,
    ...(options.ending === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
  },
  spec: {
    nodeName: 'n',
    containers: [{ name: 'a', image: 'i', ports: [{ name: 'http', containerPort: options.port ?? 8080 }] }],
  },
  status: {
    phase: options.phase ?? 'Running',
    podIPs: [{ ip: `10.42.0.${index}` }, { ip: `fd00::${index}` }],
    conditions: [{ type: 'Ready', status: options.ready === false ? 'False' : 'True' }],
  },
});
const pods = (from: number, to: number): Pod[] =>
  Array.from({ length: to - from + 1 }, (_, index) => pod(from + index));
const run = (one: Service, of: readonly Pod[], slices: readonly EndpointSlice[] = []) =>
  decide({
    service: one,
    pods: of,
    slices,
    node: () => ({ spec: {}, metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'z' } } }),
  }).actions;
/** What the API server would hold after the actions. */
const apply = (slices: readonly EndpointSlice[], actions: readonly Action[]): EndpointSlice[] => {
  const after = new Map(slices.map((one) => [one.metadata.name!, one]));
  for (const action of actions) {
    if (action.verb === 'delete') after.delete(action.key.name);
    if (action.verb !== 'create' && action.verb !== 'update') continue;
    const slice = action.object as EndpointSlice;
    const name = slice.metadata.name ?? `web-${after.size}`;
    after.set(name, { ...slice, metadata: { ...slice.metadata, name, uid: name } });
  }
  return [...after.values()];
};
const shape = (slices: readonly EndpointSlice[]) =>
  slices.map((one) => one.endpoints?.length ?? 0).toSorted((one, other) => one - other);

test('at most a hundred endpoints a slice; a settled state asks for nothing', () => {
  const many = pods(1, 250);
  const slices = apply([], run(service(), many));
  assert.deepEqual(shape(slices), [50, 100, 100]);
  assert.deepEqual(run(service(), many, slices), []);
});

test('one Pod more changes one slice, one less too, and nothing moves between slices', () => {
  const slices = apply([], run(service(), pods(1, 150)));
  const more = run(service(), pods(1, 151), slices);
  assert.deepEqual(
    more.map((one) => one.verb),
    ['update'],
  );
  assert.deepEqual(shape(apply(slices, more)), [51, 100]);
  const fewer = run(service(), pods(2, 150), slices);
  assert.deepEqual(
    fewer.map((one) => one.verb),
    ['update'],
  );
  assert.deepEqual(shape(apply(slices, fewer)), [50, 99]);
});

test('a Service without Pods keeps one empty slice', () => {
  const slices = apply([], run(service(), []));
  assert.deepEqual(
    slices.map((one) => [one.endpoints, one.ports]),
    [[[], []]],
  );
  assert.deepEqual(run(service(), [], slices), []);
  const filled = apply(slices, run(service(), pods(1, 3), slices));
  assert.deepEqual(shape(filled), [3]);
  assert.deepEqual(shape(apply(filled, run(service(), [], filled))), [0]);
});

test('Pods whose port of that name differs are in slices of their own', () => {
  const slices = apply([], run(service(), [pod(1), pod(2, { port: 9090 })]));
  assert.deepEqual(
    slices.map((one) => one.ports?.[0]?.port),
    [8080, 9090],
  );
});

test('conditions say what an endpoint is good for', () => {
  const conditionsOf = (one: Service, each: Pod) => apply([], run(one, [each]))[0]?.endpoints?.[0]?.conditions;
  assert.deepEqual(conditionsOf(service(), pod(1)), { ready: true, serving: true, terminating: false });
  assert.deepEqual(conditionsOf(service(), pod(1, { ready: false })), {
    ready: false,
    serving: false,
    terminating: false,
  });
  assert.deepEqual(conditionsOf(service(), pod(1, { ending: true })), {
    ready: false,
    serving: true,
    terminating: true,
  });
  assert.deepEqual(conditionsOf(service({ publishNotReadyAddresses: true }), pod(1, { ready: false })), {
    ready: true,
    serving: false,
    terminating: false,
  });
  assert.equal(conditionsOf(service(), pod(1, { phase: 'Failed' })), undefined);
});

test('both families, and no family twice', () => {
  const slices = apply([], run(service({ ipFamilies: ['IPv4', 'IPv6'] }), [pod(1)]));
  assert.deepEqual(
    slices.map((one) => [one.addressType, one.endpoints?.[0]?.addresses]),
    [
      ['IPv4', ['10.42.0.1']],
      ['IPv6', ['fd00::1']],
    ],
  );
  assert.deepEqual(
    run(service(), [pod(1)], slices).map((one) => one.verb),
    ['delete'],
    'IPv6 was given up',
  );
});

test('without a selector, or as an alias, a Service is left to others', () => {
  assert.deepEqual(run(service({ selector: {} }), [pod(1)]), []);
  assert.deepEqual(run(service({ type: 'ExternalName' }), [pod(1)]), []);
});

test('a slice says when the cause of its change was, for what is new in it', () => {
  const annotation = 'endpoints.kubernetes.io/last-change-trigger-time';
  const since = (index: number, lastTransitionTime: string): Pod => {
    const one = pod(index);
    return { ...one, status: { ...one.status, conditions: [{ type: 'Ready', status: 'True', lastTransitionTime }] } };
  };
  const [first, second] = [since(1, '2026-01-01T00:00:05Z'), since(2, '2026-01-01T00:00:09Z')];
  const slices = apply([], run(service(), [first]));
  assert.equal(slices[0]!.metadata.annotations?.[annotation], '2026-01-01T00:00:05Z');
  const grown = apply(slices, run(service(), [first, second], slices));
  assert.equal(grown[0]!.metadata.annotations?.[annotation], '2026-01-01T00:00:09Z');
  const shrunk = apply(grown, run(service(), [second], grown));
  assert.equal(shrunk[0]!.metadata.annotations?.[annotation], undefined, 'nothing says when a Pod went');
});
