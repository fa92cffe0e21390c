import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { EndpointSlice, Route, RouteSpec, Service } from '#api/generated/types.ts';
import { decideAdmission, decideStatus } from './admission.ts';
import { assignSlots, serversOf, slotCommands, type ServiceLookup } from './backends.ts';
import { renderRouter, type RouterSettings } from './haproxy-config.ts';
import { parseServersState, refusedBackends } from './haproxy.ts';
import { routeCertificates } from './route-certificates.ts';

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

/** Writes the files as the router does and asks HAProxy itself; gives what it says against them. */
function judge(context: TestContext, routes: readonly Route[], user?: { userId: number; groupId: number }) {
  const directory = mkdtempSync(path.join(tmpdir(), 'router-judge-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const { admitted } = decideAdmission(routes, settings);
  const { files } = renderRouter(admitted, () => assignSlots([], [{ ip: '10.42.0.2', port: 80, weight: 1 }]), {
    listenAddresses: ['127.0.0.1'],
    httpPort: 18_080,
    httpsPort: 18_443,
    healthPort: 18_936,
    defaultCertificatePem: pem(),
    runDirectory: directory,
    user,
    threads: 1,
  });
  for (const { path: file, content } of files) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file.replace(/haproxy\.cfg$/, 'haproxy.cfg.candidate'), content);
  }
  const candidate = path.join(directory, 'haproxy.cfg.candidate');
  const said = spawnSync('haproxy', ['-c', '-f', candidate], { encoding: 'utf8' });
  const config = readFileSync(candidate, 'utf8');
  return { code: said.status, said: said.stderr, config, refused: refusedBackends(said.stderr, config, directory) };
}
const noHaproxy = spawnSync('haproxy', ['-v']).error !== undefined && 'haproxy is not installed';

test(
  'headers of requests and responses are set and removed, whatever is in the values',
  { skip: noHaproxy },
  (context) => {
    const set = (name: string, value: string) => ({ name, action: { type: 'Set', set: { value } } });
    const httpHeaders = {
      actions: {
        request: [
          set('X-Who', 'it\'s "me" # %[req.hdr(host),lower] \\ $HOME'),
          { name: 'X-Old', action: { type: 'Delete' } },
        ],
        response: [set('X-Frame-Options', 'DENY')],
      },
    };
    const { code, said, config } = judge(context, [route('a', { httpHeaders })]);
    assert.equal(code, 0, said);
    assert.match(config, /http-request del-header 'X-Old'\n {2}http-response set-header 'X-Frame-Options' 'DENY'/);
  },
);

test('nothing in a Route adds a line to the configuration', () => {
  const header = (value: string, name = 'X-A') => ({
    httpHeaders: { actions: { request: [{ name, action: { type: 'Set', set: { value } } }] } },
  });
  const bad: Partial<RouteSpec>[] = [
    { host: 'a.example.com\nfoo' },
    { path: '/a\n' },
    { path: '/"' },
    { to: { kind: 'Service', name: 'x\n  server evil 192.0.2.1:80' } },
    { alternateBackends: [{ kind: 'Service', name: 'x y' }] },
    header('a\n  http-request return status 200'),
    header('%[env(HOME)]'),
    header('a', "X'\n"),
  ];
  for (const spec of bad) assert.notEqual(rejections(route('a', spec))['a'], undefined, JSON.stringify(spec));
});

test('of certificates only what they say is written', () => {
  const text = pem();
  const [certificate] = /-----BEGIN CERT[^]*?END CERTIFICATE-----/.exec(text)!;
  const [key] = /-----BEGIN PRIV[^]*?END PRIVATE KEY-----/.exec(text)!;
  const noise = '\nhello\n-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n';
  const read = routeCertificates({ termination: 'edge', certificate: certificate + noise, key: noise + key });
  assert.equal(read.problem, undefined);
  assert.doesNotMatch(read.serving ?? '', /hello|DH PARAM/);
  const broken = `${certificate}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`;
  assert.match(routeCertificates({ termination: 'edge', certificate: broken, key }).problem!, /not a PEM certificate/);
});

test('a timeout beyond what HAProxy knows is cut', { skip: noHaproxy }, (context) => {
  const timeout = (value: string) => {
    const one = route('a', {});
    return { ...one, metadata: { ...one.metadata, annotations: { 'haproxy.router.openshift.io/timeout': value } } };
  };
  for (const [value, line] of [
    ['999999999d', '2147483647ms'],
    ['90s', '90000ms'],
    ['5', '5ms'],
  ] as const) {
    const { code, said, config } = judge(context, [timeout(value)]);
    assert.equal(code, 0, said);
    assert.match(config, new RegExp(`timeout server ${line}`));
  }
  assert.doesNotMatch(judge(context, [timeout('5s\n  server x 1.1.1.1:1')]).config, /1\.1\.1\.1/);
});

test('HAProxy names the Route that it refuses', { skip: noHaproxy }, (context) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'router-weak-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const args = 'req -x509 -newkey rsa:512 -nodes -days 2 -subj /CN=weak -keyout k -out c'.split(' ');
  execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const [certificate, key] = ['c', 'k'].map((name) => readFileSync(path.join(directory, name), 'utf8')) as [
    string,
    string,
  ];
  const weak = route('weak', { host: 'weak.example.com', tls: { termination: 'edge', certificate, key } });
  const { code, said, refused } = judge(context, [route('good', { host: 'good.example.com' }), weak]);
  assert.notEqual(code, 0);
  assert.deepEqual([...refused.keys()], ['be:web:weak'], said);
  const config = 'global\nbackend be:web:a\n  mode http\nbackend be:web:b\n  wrong\n';
  const byLine = refusedBackends('[ALERT]  (1) : config : parsing [/r/haproxy.cfg.candidate:5] : no', config, '/r');
  assert.deepEqual([...byLine.keys()], ['be:web:b']);
});
