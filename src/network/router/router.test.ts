import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { EndpointSlice, Route, RouteSpec, Service } from '#api/generated/types.ts';
import { decideAdmission, decideStatus } from './admission.ts';
import { assignSlots, serversOf, slotCommands, type ServiceLookup } from './backends.ts';
import { renderRouter, type RouterSettings } from './haproxy-config.ts';
import { parseServersState } from './haproxy.ts';

const settings = { routerName: 'default', canonicalHostname: 'router.example.com', domain: 'apps.example.com' };
const route = (
  name: string,
  spec: Partial<RouteSpec>,
  namespace = 'web',
  creationTimestamp = '2026-01-01T00:00:00Z',
): Route => ({
  metadata: { name, namespace, creationTimestamp, uid: `${namespace}-${name}` },
  spec: { host: 'shop.example.com', to: { kind: 'Service', name: 'shop' }, ...spec },
});
const rejections = (...routes: Route[]) =>
  Object.fromEntries(
    decideAdmission(routes, settings).verdicts.map((one) => [one.route.metadata.name, one.rejection?.message]),
  );

test('a host belongs to the namespace of its oldest Route, a path to its oldest Route', () => {
  assert.deepEqual(
    rejections(
      route('late', {}, 'other', '2026-01-03T00:00:00Z'),
      route('first', {}),
      route('path', { path: '/api' }, 'web', '2026-01-02T00:00:00Z'),
      route('again', {}, 'web', '2026-01-02T00:00:00Z'),
    ),
    {
      first: undefined,
      again: 'route first already exposes shop.example.com and is older',
      path: undefined,
      late: 'a route in another namespace holds host shop.example.com',
    },
  );
});

test('a Route without a host gets one; hosts, wildcards and certificates that cannot work are rejected', () => {
  const { admitted, verdicts } = decideAdmission(
    [
      route('a', { host: undefined }),
      route('b', { host: 'bad host' }),
      route('c', { host: 'c.example.com', wildcardPolicy: 'Subdomain' }),
      route('d', { host: 'd.example.com', tls: { termination: 'edge', certificate: 'x', key: 'y' } }),
      route('e', { host: 'e.example.com', path: '/a b' }),
    ],
    settings,
  );
  assert.deepEqual(
    admitted.map((one) => one.host),
    ['a-web.apps.example.com'],
  );
  assert.deepEqual(
    verdicts.map((one) => one.rejection?.reason),
    [undefined, 'InvalidHost', 'RouteNotAdmitted', 'ExtendedValidationFailed', 'ExtendedValidationFailed'],
  );
});

test('status is written once, kept for other routers, and dated when it turns', () => {
  const other = { host: 'x', routerName: 'other' };
  const before: Route = { ...route('a', {}), status: { ingress: [other] } };
  const verdict = (one: Route) => decideAdmission([one], settings).verdicts[0]!;
  const ingress = decideStatus(verdict(before), settings, '2026-02-01T00:00:00Z')!;
  assert.deepEqual(ingress, [
    other,
    {
      host: 'shop.example.com',
      routerName: 'default',
      conditions: [{ type: 'Admitted', status: 'True', lastTransitionTime: '2026-02-01T00:00:00Z' }],
      wildcardPolicy: 'None',
      routerCanonicalHostname: 'router.example.com',
    },
  ]);
  assert.equal(decideStatus(verdict({ ...before, status: { ingress } }), settings, '2026-03-01T00:00:00Z'), undefined);
});

const service = (name: string): Service => ({
  metadata: { namespace: 'web', name },
  spec: {
    ports: [
      { name: 'http', port: 80, targetPort: 'web' },
      { name: 'metrics', port: 81, targetPort: 9090 },
    ],
  },
});
const slice = (name: string, ...ips: string[]): EndpointSlice => ({
  metadata: { namespace: 'web', name },
  addressType: 'IPv4',
  ports: [
    { name: 'http', port: 8080, protocol: 'TCP' },
    { name: 'metrics', port: 9090, protocol: 'TCP' },
  ],
  endpoints: [
    ...ips.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
    { addresses: ['10.42.9.9'], conditions: { ready: false } },
  ],
});
const lookup: ServiceLookup = {
  service: (_, name) => (name === 'gone' ? undefined : service(name)),
  slices: (_, name) => (name === 'shop' ? [slice('shop', '10.42.0.2', '10.42.0.3')] : [slice(name, '10.42.0.7')]),
};
const servers = (spec: Partial<RouteSpec>) =>
  serversOf(route('a', spec), lookup).map((one) => `${one.ip}:${one.port} ${one.weight}`);

test('the port by name, by number, and by the name of the Pod port', () => {
  for (const targetPort of ['http', 'web', 8080])
    assert.deepEqual(servers({ port: { targetPort } }), ['10.42.0.2:8080 1', '10.42.0.3:8080 1'], String(targetPort));
  assert.deepEqual(servers({ port: { targetPort: 9090 } }), ['10.42.0.2:9090 1', '10.42.0.3:9090 1']);
  assert.deepEqual(servers({ port: { targetPort: 'nothing' } }), []);
  assert.deepEqual(servers({ to: { kind: 'Service', name: 'gone' } }), []);
});

test('weights are shared by the endpoints of a Service; zero gets nothing', () => {
  const port = { targetPort: 'http' };
  assert.deepEqual(
    servers({
      port,
      to: { kind: 'Service', name: 'shop', weight: 50 },
      alternateBackends: [{ kind: 'Service', name: 'b', weight: 50 }],
    }),
    ['10.42.0.2:8080 128', '10.42.0.3:8080 128', '10.42.0.7:8080 256'],
  );
  assert.deepEqual(
    servers({
      port,
      to: { kind: 'Service', name: 'shop', weight: 0 },
      alternateBackends: [{ kind: 'Service', name: 'b', weight: 1 }],
    }),
    ['10.42.0.7:8080 1'],
  );
});

test('servers keep their slots; only a full backend grows', () => {
  const server = (last: number) => ({ ip: `10.42.0.${last}`, port: 80, weight: 1 });
  const first = assignSlots([], [server(1), server(2)]);
  const second = assignSlots(first, [server(2), server(3)]);
  assert.deepEqual(
    second.map((one) => one?.ip),
    ['10.42.0.3', '10.42.0.2', undefined, undefined],
  );
  assert.deepEqual(slotCommands('be', first, second), ['set server be/s1 addr 10.42.0.3 port 80']);
  assert.deepEqual(slotCommands('be', second, assignSlots(second, [])), [
    'set server be/s1 state maint',
    'set server be/s2 state maint',
  ]);
  assert.deepEqual(slotCommands('be', assignSlots([], []), assignSlots([], [server(9)])), [
    'set server be/s1 addr 10.42.0.9 port 80',
    'set server be/s1 weight 1',
    'set server be/s1 state ready',
  ]);
  assert.equal(assignSlots(second, [1, 2, 3, 4, 5].map(server)).length, 8);
});

const pem = (): string => {
  const directory = mkdtempSync(path.join(tmpdir(), 'router-pem-'));
  const args =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test -keyout k -out c'.split(' ');
  execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const text = readFileSync(path.join(directory, 'c'), 'utf8') + readFileSync(path.join(directory, 'k'), 'utf8');
  rmSync(directory, { recursive: true });
  return text;
};

test('HAProxy files: maps, slots and a digest that ignores what is in the slots', () => {
  const routerSettings: RouterSettings = {
    listenAddresses: ['*'],
    httpPort: 80,
    httpsPort: 443,
    healthPort: 1936,
    defaultCertificatePem: 'PEM',
    runDirectory: '/run/router',
    threads: 2,
  };
  const { admitted } = decideAdmission(
    [
      route('plain', { host: 'plain.example.com' }),
      route('edge', { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' } }),
      route('edge-api', { path: '/api/', tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Allow' } }),
      route('through', { host: 'through.example.com', tls: { termination: 'passthrough' } }),
    ],
    settings,
  );
  const server = { ip: '10.42.0.2', port: 8080, weight: 1 };
  const full = renderRouter(admitted, () => assignSlots([], [server]), routerSettings);
  const file = (name: string) => full.files.find((one) => one.path === `/run/router/${name}`)!.content;
  assert.equal(
    file('http.map'),
    'plain.example.com/ be:web:plain\nshop.example.com/ redirect\nshop.example.com/api/ be:web:edge-api\n',
  );
  assert.equal(file('https.map'), 'shop.example.com/ be:web:edge\nshop.example.com/api/ be:web:edge-api\n');
  assert.equal(file('passthrough.map'), 'through.example.com be:web:through\n');
  assert.match(
    file('haproxy.cfg'),
    /server s1 10\.42\.0\.2:8080 weight 1\n {2}server s2 127\.0\.0\.1:9 weight 1 disabled/,
  );
  assert.equal(renderRouter(admitted, () => assignSlots([], []), routerSettings).digest, full.digest);
  assert.notEqual(renderRouter(admitted.slice(1), () => assignSlots([], []), routerSettings).digest, full.digest);
});

test('the state of slots as HAProxy prints it', () => {
  const text = [
    '1',
    '# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight ...',
    '6 be:web:a 1 s1 10.42.0.2 2 0 1 1 3 1 0 0 0 0 0 0 - 8080 - 0 0 - - 0',
    '6 be:web:a 2 s2 127.0.0.1 0 5 1 1 3 1 0 0 0 0 0 0 - 9 - 0 0 - - 0',
  ].join('\n');
  assert.deepEqual(parseServersState(text), [
    { backend: 'be:web:a', slot: 0, ip: '10.42.0.2', port: 8080, ready: true, weight: 1 },
    { backend: 'be:web:a', slot: 1, ip: '127.0.0.1', port: 9, ready: false, weight: 1 },
  ]);
});

test('a certificate and key of a Route must belong together', () => {
  const [one, two] = [pem(), pem()];
  const split = (text: string) => ({
    certificate: /-----BEGIN CERT[^]*?END CERTIFICATE-----/.exec(text)![0],
    key: /-----BEGIN PRIV[^]*?END PRIVATE KEY-----/.exec(text)![0],
  });
  const verdict = (certificate: string, key: string) =>
    rejections(route('a', { tls: { termination: 'edge', certificate, key } }))['a'];
  assert.equal(verdict(split(one).certificate, split(one).key), undefined);
  assert.match(verdict(split(one).certificate, split(two).key)!, /does not belong/);
});
