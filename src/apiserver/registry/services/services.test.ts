import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '#kit/start-api-server.ts';
import { formatAddress, parseAddress } from '#rules/addresses.ts';

const path = '/api/v1/namespaces/default/services';
const service = (name: string, spec: object = {}) => ({
  kind: 'Service',
  apiVersion: 'v1',
  metadata: { name },
  spec: { selector: { app: 'web' }, ports: [{ port: 80 }], ...spec },
});

test('every Service has its own address, given back with it', async () => {
  const api = await startApiServer({ serviceCidrs: ['10.43.0.0/29'] });
  const made = await Promise.all(Array.from({ length: 6 }, (_, index) => api.create(path, service(`s${index}`))));
  const addresses = made.map((one) => one.spec.clusterIP);
  assert.equal(new Set(addresses).size, 6);
  assert.ok(
    addresses.every((one) => /^10\.43\.0\.[1-6]$/.test(one)),
    addresses.join(),
  );
  const full = await api.send('POST', path, { body: service('seventh') });
  assert.equal(full.status, 500);
  assert.match(full.json.message, /range is full/);
  await api.delete(`${path}/s3`);
  assert.equal((await api.create(path, service('seventh'))).spec.clusterIP, addresses[3]);
});

test('asked addresses and ports are given or refused with the reason', async () => {
  const api = await startApiServer();
  const fixed = await api.create(path, service('fixed', { clusterIP: '10.43.0.10' }));
  assert.deepEqual(fixed.spec.clusterIPs, ['10.43.0.10']);
  const message = async (name: string, spec: object) =>
    (await api.send('POST', path, { body: service(name, spec) })).json.message;
  assert.equal(
    await message('twice', { clusterIP: '10.43.0.10' }),
    'Service "twice" is invalid: spec.clusterIPs: Invalid value: ["10.43.0.10"]: failed to allocate IP 10.43.0.10: provided IP is already allocated',
  );
  assert.equal(
    await message('outside', { clusterIP: '10.99.0.1' }),
    'Service "outside" is invalid: spec.clusterIPs: Invalid value: ["10.99.0.1"]: failed to allocate IP 10.99.0.1: the provided network does not match the current range',
  );
  await api.create(path, service('port', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] }));
  assert.equal(
    await message('same', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] }),
    'Service "same" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated',
  );
  assert.equal(
    await message('low', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }),
    'Service "low" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
  );
  const headless = await api.create(path, service('headless', { clusterIP: 'None' }));
  assert.deepEqual(headless.spec.clusterIPs, ['None']);
});

test('a change of type takes and gives back ports; an update keeps the address', async () => {
  const api = await startApiServer();
  const made = await api.create(path, service('web'));
  const exposed = await api.patch(`${path}/web`, 'merge', { spec: { type: 'NodePort' } });
  const { nodePort } = exposed.spec.ports[0];
  assert.ok(nodePort >= 30_000 && nodePort <= 32_767);
  assert.equal(exposed.spec.clusterIP, made.spec.clusterIP);
  const kept = await api.update(`${path}/web`, {
    ...service('web', { type: 'NodePort' }),
    metadata: { name: 'web', resourceVersion: exposed.metadata.resourceVersion },
  });
  assert.deepEqual([kept.spec.clusterIP, kept.spec.ports[0].nodePort], [made.spec.clusterIP, nodePort]);
  const inside = await api.patch(`${path}/web`, 'merge', { spec: { type: 'ClusterIP' } });
  assert.equal(inside.spec.ports[0].nodePort, undefined);
  await api.create(path, service('next', { type: 'NodePort', ports: [{ port: 80, nodePort }] }));
});

test('addresses print as RFC 5952 says', () => {
  for (const text of ['fd00::1', '2001:db8::2:0:0:1', '::', '10.0.0.255'])
    assert.equal(formatAddress(parseAddress(text)!, text.includes(':') ? 'IPv6' : 'IPv4'), text);
  assert.equal(parseAddress('10.0.0.256'), undefined);
  assert.equal(parseAddress('1:2'), undefined);
});

test('one IPv6 address in two spellings is one address', async () => {
  const api = await startApiServer({ serviceCidrs: ['fd00::/108'] });
  const service = (name: string, clusterIP: string) => ({
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name },
    spec: { clusterIP, ports: [{ port: 80 }] },
  });
  const path = '/api/v1/namespaces/default/services';
  assert.equal((await api.send('POST', path, { body: service('one', 'fd00::5') })).status, 201);
  assert.equal((await api.send('POST', path, { body: service('two', 'fd00:0::0005') })).status, 422);
  api.close();
});

test('a Service may take nearly all node ports at once', async () => {
  const api = await startApiServer();
  const ports = Array.from({ length: 2_700 }, (_, index) => ({ name: `p${index}`, port: 1 + index }));
  const started = performance.now();
  const made = await api.create(path, service('wide', { type: 'NodePort', ports }));
  assert.ok(performance.now() - started < 5_000);
  assert.equal(new Set(made.spec.ports.map((one: { nodePort: number }) => one.nodePort)).size, 2_700);
});
