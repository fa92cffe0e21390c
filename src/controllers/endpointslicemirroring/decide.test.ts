import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoints, EndpointSlice, Service } from '#api/generated/types.ts';
import { decide } from './decide.ts';

const service: Service = { metadata: { name: 's', namespace: 'default' }, spec: {} };
const endpoints = (subsets: Endpoints['subsets'], metadata: object = {}): Endpoints => ({
  metadata: { name: 's', namespace: 'default', uid: 'e', ...metadata },
  subsets,
});
const slicesOf = (one: Endpoints, slices: readonly EndpointSlice[] = [], of: Service | undefined = service) => {
  const { actions, events } = decide({ service: of, endpoints: one, slices });
  return {
    shown: actions.map((action) => action.verb),
    made: actions.flatMap((action) => ('object' in action ? [action.object as EndpointSlice] : [])),
    events: (events ?? []).map((event) => event.message),
  };
};
const http = [{ port: 80 }];

test('a slice for each address family and set of ports; what is not ready is not ready', () => {
  const { made } = slicesOf(
    endpoints(
      [
        {
          addresses: [{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }],
          notReadyAddresses: [{ ip: '192.0.2.2' }],
          ports: http,
        },
      ],
      { annotations: { note: 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{}' } },
    ),
  );
  assert.deepEqual(
    made.map((one) => [one.addressType, one.endpoints!.map((each) => [each.addresses[0], each.conditions?.ready])]),
    [
      [
        'IPv4',
        [
          ['192.0.2.1', true],
          ['192.0.2.2', false],
        ],
      ],
      ['IPv6', [['2001:db8::1', true]]],
    ],
  );
  assert.deepEqual(made[0]!.metadata.annotations, { note: 'x' });
});

test('unchanged slices are left alone; one that would go is used again', () => {
  const first = endpoints([{ addresses: [{ ip: '192.0.2.1' }], ports: http }]);
  const slices = slicesOf(first).made.map((one) => ({ ...one, metadata: { ...one.metadata, name: 's-1' } }));
  assert.deepEqual(slicesOf(first, slices).shown, []);
  const moved = slicesOf(endpoints([{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 81 }] }]), slices);
  assert.deepEqual([moved.shown, moved.made[0]!.metadata.name], [['update'], 's-1']);
  assert.deepEqual(slicesOf(endpoints([]), slices).shown, ['delete']);
});

test('not mirrored: skipped, a lock, a Service with a selector or none', () => {
  const one = (metadata: object) => endpoints([{ addresses: [{ ip: '192.0.2.1' }], ports: http }], metadata);
  const skipped = one({ labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } });
  assert.deepEqual(slicesOf(skipped).shown, []);
  assert.deepEqual(slicesOf(one({ annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } })).shown, []);
  assert.deepEqual(slicesOf(one({}), [], { ...service, spec: { selector: { app: 'x' } } }).shown, []);
  assert.deepEqual(decide({ service: undefined, endpoints: one({}), slices: [] }).actions, []);
});

test('says what it leaves out', () => {
  const { events } = slicesOf(endpoints([{ addresses: [{ ip: 'no' }, { ip: '192.0.2.1' }], ports: http }]));
  assert.deepEqual(events, ['Skipped 1 invalid IP addresses when mirroring to EndpointSlices']);
});
