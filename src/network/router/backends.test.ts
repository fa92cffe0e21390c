import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteSpec } from '#api/generated/types.ts';
import { assignSlots, serversOf, slotCommands, type ServiceLookup } from './backends.ts';
import { parseServersState } from './haproxy.ts';
import { isRestrictedAddress } from './restricted-address.ts';
import { route, server, service, slice } from './test-routes.ts';

const lookup: ServiceLookup = {
  service: (_, name) => (name === 'gone' ? undefined : service(name)),
  slices: (_, name) => (name === 'shop' ? [slice('shop', '10.42.0.2', '10.42.0.3')] : [slice(name, '10.42.0.7')]),
};
const servers = (spec: Partial<RouteSpec>) =>
  serversOf(route('a', spec), lookup).map((one) => `${one.ip}:${one.port} ${one.weight}`);
const port = { targetPort: 'http' };
const backend = (name: string, weight: number) => ({ kind: 'Service', name, weight });

test('the port by name, by number, and by the name of the Pod port', () => {
  for (const targetPort of ['http', 'web', 8080])
    assert.deepEqual(servers({ port: { targetPort } }), ['10.42.0.2:8080 1', '10.42.0.3:8080 1'], String(targetPort));
  assert.deepEqual(servers({ port: { targetPort: 9090 } }), ['10.42.0.2:9090 1', '10.42.0.3:9090 1']);
  assert.deepEqual(servers({ port: { targetPort: 'nothing' } }), []);
  assert.deepEqual(servers({ to: { kind: 'Service', name: 'gone' } }), []);
});

test('weights are shared by the endpoints of a Service; zero gets only who is bound to it', () => {
  assert.deepEqual(servers({ port, to: backend('shop', 50), alternateBackends: [backend('b', 50)] }), [
    '10.42.0.2:8080 128',
    '10.42.0.3:8080 128',
    '10.42.0.7:8080 256',
  ]);
  const drained = { port, to: backend('shop', 0), alternateBackends: [backend('b', 1)] };
  assert.deepEqual(servers(drained), ['10.42.0.2:8080 0', '10.42.0.3:8080 0', '10.42.0.7:8080 1']);
  assert.deepEqual(servers({ ...drained, tls: { termination: 'passthrough' } }), ['10.42.0.7:8080 1']);
  assert.deepEqual(servers({ port, to: backend('b', 0) }), ['10.42.0.7:8080 0'], 'in total nothing: nobody gets any');
  // Behind both Services: the greater share.
  assert.deepEqual(servers({ port, to: backend('b', 10), alternateBackends: [backend('c', 0)] }), ['10.42.0.7:8080 1']);
});

test('a server is looked at only beside others; it knows its Service and Pod', () => {
  const checked = (spec: Partial<RouteSpec>) => serversOf(route('a', spec), lookup).map((one) => one.checked);
  assert.deepEqual(checked({ port }), [true, true]);
  assert.deepEqual(checked({ port, to: backend('b', 1) }), [false]);
  const [one] = serversOf(route('a', { port }), lookup);
  assert.deepEqual([one!.service, one!.pod], ['shop', 'pod-10.42.0.2']);
});

test('addresses of the machine itself and of cloud metadata are never servers', () => {
  const bad =
    '127.0.0.1 0.0.0.0 169.254.169.254 224.0.0.1 168.63.129.16 ::1 :: fe80::1 ff02::1 fd00:ec2::254 ::ffff:127.0.0.1 ::a9fe:a9fe ::127.0.0.1';
  for (const address of bad.split(' ')) assert.equal(isRestrictedAddress(address), true, address);
  for (const address of ['10.42.0.2', '192.0.2.1', 'fd01::2', '2001:db8::1', '::ffff:10.0.0.1', 'fd00::a9fe:a9fe'])
    assert.equal(isRestrictedAddress(address), false, address);
  const slices = [slice('shop', '127.0.0.1', '10.42.0.2')];
  const found = serversOf(route('a', { port }), { ...lookup, slices: () => slices });
  assert.deepEqual(
    found.map((one) => one.ip),
    ['10.42.0.2'],
  );
});

test('servers keep their slots; only a full backend grows', () => {
  const at = (last: number) => server(`10.42.0.${last}`, { port: 80 });
  const first = assignSlots([], [at(1), at(2)]);
  const second = assignSlots(first, [at(2), at(3)]);
  assert.deepEqual(
    second.map((one) => one?.ip),
    ['10.42.0.3', '10.42.0.2', undefined, undefined],
  );
  assert.deepEqual(slotCommands('be', first, second), ['set server be/s1 addr 10.42.0.3 port 80']);
  assert.deepEqual(slotCommands('be', second, assignSlots(second, [])), [
    'set server be/s1 state maint',
    'set server be/s2 state maint',
  ]);
  assert.deepEqual(slotCommands('be', assignSlots([], []), assignSlots([], [at(9)])), [
    'set server be/s1 addr 10.42.0.9 port 80',
    'set server be/s1 weight 1',
    'disable health be/s1',
    'set server be/s1 state ready',
  ]);
  assert.equal(assignSlots(second, [1, 2, 3, 4, 5].map(at)).length, 8);
});

test('checks begin with the second server, and end with an only one that counts as healthy', () => {
  const both = [server('10.42.0.1', { checked: true }), server('10.42.0.2', { checked: true })];
  const one = [server('10.42.0.1')];
  const [alone, pair] = [assignSlots([], one), assignSlots(assignSlots([], one), both)];
  assert.deepEqual(slotCommands('be', alone, pair), [
    'enable health be/s1',
    'set server be/s2 addr 10.42.0.2 port 8080',
    'set server be/s2 weight 1',
    'enable health be/s2',
    'set server be/s2 state ready',
  ]);
  assert.deepEqual(slotCommands('be', pair, alone), [
    'disable health be/s1',
    'set server be/s1 health up',
    'set server be/s2 state maint',
  ]);
});

test('the state of slots as HAProxy prints it', () => {
  const text = [
    '1',
    '# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight ...',
    '6 be:web:a 1 s1 10.42.0.2 2 0 1 1 3 1 0 4 6 0 0 0 - 8080 - 0 0 - - 0',
    '6 be:web:a 2 s2 127.0.0.1 0 5 1 1 3 1 0 0 2 0 0 0 - 9 - 0 0 - - 0',
  ].join('\n');
  assert.deepEqual(parseServersState(text), [
    { backend: 'be:web:a', slot: 0, ip: '10.42.0.2', port: 8080, ready: true, weight: 1, checked: true },
    { backend: 'be:web:a', slot: 1, ip: '127.0.0.1', port: 9, ready: false, weight: 1, checked: false },
  ]);
});
