// The files, and what HAProxy itself says to them.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Route, RouteSpec } from '#api/generated/types.ts';
import { decideAdmission } from './admission.ts';
import { readAnnotations } from './annotations.ts';
import { assignSlots } from './backends.ts';
import { renderRouter } from './haproxy-config.ts';
import { refusedBackends } from './haproxy.ts';
import { defaultPolicy, type RouterPolicy } from './policy.ts';
import { rewriteReplacement } from './quoting.ts';
import type { RouterSettings } from './settings.ts';
import { admission, route, server } from './test-routes.ts';

const wild = { ...admission, allowsWildcards: true };
const edge = (more: object = {}): Partial<RouteSpec> => ({ tls: { termination: 'edge', ...more } });

const pem = (): string => {
  const directory = mkdtempSync(path.join(tmpdir(), 'router-pem-'));
  const args =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test -keyout k -out c'.split(' ');
  execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const text = readFileSync(path.join(directory, 'c'), 'utf8') + readFileSync(path.join(directory, 'k'), 'utf8');
  rmSync(directory, { recursive: true });
  return text;
};

const settings: RouterSettings = {
  listenAddresses: ['*'],
  httpPort: 80,
  httpsPort: 443,
  defaultCertificatePem: 'PEM',
  runDirectory: '/run/router',
  policy: defaultPolicy,
};
const oneSlot = () => assignSlots([], [server('10.42.0.2')]);
const render = (routes: readonly Route[], more: Partial<RouterSettings> = {}, slots = oneSlot) =>
  renderRouter(decideAdmission(routes, wild).admitted, slots, { ...settings, ...more });
const fileOf = (files: ReturnType<typeof render>, name: string) =>
  files.files.find((one) => one.path === `/run/router/${name}`)!.content;

test('maps: hosts and paths by prefix, the longer path first, wildcards behind, redirects', () => {
  const full = render([
    route('plain', { host: 'plain.example.com' }),
    route('edge', edge({ insecureEdgeTerminationPolicy: 'Redirect' })),
    route('edge-api', { path: '/api', ...edge({ insecureEdgeTerminationPolicy: 'Allow' }) }),
    route('edge-api-below', { path: '/api/', ...edge() }),
    route('wild', { host: 'any.example.org', wildcardPolicy: 'Subdomain' }),
    route('through', { host: 'through.example.com', tls: { termination: 'passthrough' } }),
    route('through-wild', {
      host: 'w.example.net',
      wildcardPolicy: 'Subdomain',
      tls: { termination: 'passthrough', insecureEdgeTerminationPolicy: 'Redirect' },
    }),
    route('own', { host: 'own.example.net', ...edge() }),
  ]);
  assert.deepEqual(fileOf(full, 'http.map').trim().split('\n'), [
    'plain.example.com/ be:web:plain',
    'shop.example.com/ redirect',
    'shop.example.com/api/ be:web:edge-api',
    'shop.example.com/api? be:web:edge-api',
  ]);
  assert.equal(fileOf(full, 'http-wildcard.map'), '.example.net/ redirect\n.example.org/ be:web:wild\n');
  assert.deepEqual(fileOf(full, 'https.map').trim().split('\n'), [
    'own.example.net/ be:web:own',
    'shop.example.com/ be:web:edge',
    'shop.example.com/api/ be:web:edge-api-below',
    'shop.example.com/api? be:web:edge-api',
  ]);
  assert.equal(fileOf(full, 'passthrough.map'), 'own.example.net tls-here\nthrough.example.com be:web:through\n');
  assert.equal(fileOf(full, 'passthrough-wildcard.map'), '.example.net be:web:through-wild\n');
});

test('a path of slashes is no other Route for all of the host', () => {
  const routes = [route('own', {}), route('other', { path: '//' }, { namespace: 'evil', day: 2 })];
  assert.deepEqual(fileOf(render(routes), 'http.map').trim().split('\n'), [
    'shop.example.com/ be:web:own',
    'shop.example.com// be:evil:other',
  ]);
});

test('the longest name that a Route can have is no file that cannot be written', () => {
  const [namespace, name] = ['n'.repeat(63), 'r'.repeat(253)];
  const annotations = { 'haproxy.router.openshift.io/ip_allowlist': '10.0.0.0/8' };
  const { files } = render([
    route(name, edge(), { namespace, annotations }),
    route(`${name.slice(1)}x`, { host: 'b.example.com' }, { namespace, annotations }),
  ]);
  const lists = files.filter((one) => one.path.includes('/allowlists/')).map((one) => path.basename(one.path));
  assert.equal(new Set(lists).size, 2);
  assert.ok(lists.every((one) => one.length <= 220));
});

test('the digest ignores what is in the slots, but for servers that cannot be told apart otherwise', () => {
  const routes = [route('edge', edge())];
  const full = render(routes);
  const empty = () => assignSlots([], []);
  assert.match(
    fileOf(full, 'haproxy.cfg'),
    /server s1 10\.42\.0\.2:8080 weight 1 check inter 5000ms\n {2}server s2 127\.0\.0\.1:9 weight 1 check inter 5000ms disabled/,
  );
  assert.equal(render(routes, {}, empty).digest, full.digest);
  assert.notEqual(render([], {}).digest, full.digest);
  const http2 = render(routes, {}, () => assignSlots([], [server('10.42.0.2', { http2: true })]));
  assert.match(fileOf(http2, 'haproxy.cfg'), /10\.42\.0\.2:8080 weight 1 proto h2/);
  assert.notEqual(http2.digest, full.digest);
});

test('a re-encrypting Route without an authority trusts the service CA, and each Service for its own name only', () => {
  const routes = [route('re', { tls: { termination: 'reencrypt' } })];
  const config = (more: Partial<RouterSettings>, slots = oneSlot) => fileOf(render(routes, more, slots), 'haproxy.cfg');
  assert.match(config({}), /backend be:web:re\n {2}http-request return status 503/);
  const serviceCaPem = 'CA';
  assert.match(
    config({ serviceCaPem }),
    /server s1 10\.42\.0\.2:8080 weight 1 ssl verify required ca-file \/run\/router\/cas\/service-ca\.pem verifyhost shop\.web\.svc/,
  );
  const two = () => assignSlots([], [server('10.42.0.2'), server('10.42.0.3', { service: 'canary' })]);
  assert.match(config({ serviceCaPem }, two), /10\.42\.0\.3:8080 .* verifyhost canary\.web\.svc/);
});

test('annotations: what cannot be used is left out and named', () => {
  const problems = (annotations: Record<string, string>) => readAnnotations(route('a', {}, { annotations })).problems;
  const key = (name: string) => `haproxy.router.openshift.io/${name}`;
  for (const [name, value] of Object.entries({
    [key('balance')]: 'leastconn',
    [key('timeout')]: '90s',
    [key('ip_allowlist')]: '10.0.0.0/8 2001:db8::/32 192.0.2.1',
    [key('rewrite-target')]: '/a b',
    [key('hsts_header')]: 'max-age=31536000;includeSubDomains;preload',
    [key('set-forwarded-headers')]: 'if-none',
    'router.openshift.io/cookie_name': 'sticky',
    'router.openshift.io/haproxy.health.check.interval': '500ms',
    'example.org/else': 'anything',
  }))
    assert.deepEqual(problems({ [name]: value }), [], name);
  for (const [name, value] of [
    [key('balance'), 'best'],
    [key('timeout'), 'soon'],
    [key('timeout'), '5s\n  server x 192.0.2.1:1'],
    [key('timeout'), '0'],
    [key('ip_whitelist'), '10.0.0.0/33 here'],
    [key('rewrite-target'), 'a'],
    [key('rewrite-target'), '/a\nb'],
    [key('hsts_header'), "max-age=1' always"],
    [key('set-forwarded-headers'), 'sometimes'],
    [key('pod-concurrent-connections'), '-1'],
    [key('disable_cookies'), 'yes'],
    [key('timeouts'), '5s'],
    ['router.openshift.io/cookie_name', 'a;b'],
  ] as const)
    assert.match(problems({ [name]: value }).join(), new RegExp(name), value);
});

test('the replacement of rewrite-target means what it always meant', () => {
  for (const [value, replacement] of [
    ['/', '/\\1'],
    ['/a%20b', '/a%%20b\\1'],
    ['/a"b\'c', '/abc\\1'],
    ['/a\\"b', '/a"b\\1'],
    ['/a\\\\1', '/a\\1\\1'],
    ['/a#b', '/a'],
    ['/a\\%[env(HOME)]', '/a%%[env(HOME)]\\1'],
  ] as const)
    assert.equal(rewriteReplacement(value), replacement, value);
});

/** Writes the files as the router does and asks HAProxy itself; gives what it says against them. */
function judge(context: TestContext, routes: readonly Route[], more: Partial<RouterSettings> = {}) {
  const directory = mkdtempSync(path.join(tmpdir(), 'router-judge-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const { files } = render(routes, {
    listenAddresses: ['127.0.0.1'],
    httpPort: 18_080,
    httpsPort: 18_443,
    defaultCertificatePem: pem(),
    runDirectory: directory,
    ...more,
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
/** The whole of what may be configured. */
const everything: RouterPolicy = {
  ...defaultPolicy,
  clientTls: { policy: 'Optional', authorityConfigMap: 'ca', allowedSubjectPatterns: ['^/CN=a b', "it's"] },
  tlsSecurityProfile: { type: 'Old', ciphers: [], minVersion: 'VersionTLS12' },
  defaultHttpVersion: 2,
  compressedMimeTypes: ['text/html', 'application/x; charset="a b"'],
  emptyRequestsPolicy: 'Ignore',
  logEmptyRequests: false,
  accessLog: {
    ...defaultPolicy.accessLog,
    enabled: true,
    destination: 'Syslog',
    syslog: { address: '127.0.0.1', port: 1514, facility: 'local2', maxLength: 2048 },
    format: '%ci "%r" it\'s %ST',
    requestHeaders: [{ name: 'Host', maxLength: 64 }],
    responseHeaders: [{ name: 'Content-Type', maxLength: 64 }],
    cookie: { name: 'session', matchType: 'Exact', maxLength: 100 },
  },
};

test('HAProxy takes everything that may be configured and annotated at once', { skip: noHaproxy }, (context) => {
  const annotations = {
    'haproxy.router.openshift.io/balance': 'leastconn',
    'haproxy.router.openshift.io/timeout': '90s',
    'haproxy.router.openshift.io/timeout-tunnel': '999999999d',
    'haproxy.router.openshift.io/ip_allowlist': Array.from({ length: 100 }, (_, index) => `10.0.${index}.0/24`).join(
      ' ',
    ),
    'haproxy.router.openshift.io/rate-limit-connections': 'true',
    'haproxy.router.openshift.io/rate-limit-connections.concurrent-tcp': '10',
    'haproxy.router.openshift.io/rate-limit-connections.rate-tcp': '20',
    'haproxy.router.openshift.io/rate-limit-connections.rate-http': '30',
    'haproxy.router.openshift.io/rewrite-target': "/it's 100% $HOME",
    'haproxy.router.openshift.io/hsts_header': 'max-age="5"; preload',
    'haproxy.router.openshift.io/set-forwarded-headers': 'if-none',
    'haproxy.router.openshift.io/pod-concurrent-connections': '5',
    'haproxy.router.openshift.io/h1-adjust-case': 'true',
    'router.openshift.io/cookie_name': 'sticky',
    'router.openshift.io/cookie-same-site': 'Lax',
    'router.openshift.io/haproxy.health.check.interval': '2s',
  };
  const routes = ['', 'edge', 'reencrypt', 'passthrough'].flatMap((termination) =>
    ['None', 'Subdomain'].map((wildcardPolicy) =>
      route(
        `${termination || 'plain'}-${wildcardPolicy.toLowerCase()}`,
        {
          host: `h.${termination || 'plain'}${wildcardPolicy.toLowerCase()}.example.com`,
          wildcardPolicy,
          ...(termination === 'passthrough' ? {} : { path: '/a+(b)/' }),
          ...(termination === '' ? {} : { tls: { termination } }),
        },
        { annotations },
      ),
    ),
  );
  const certificate = pem();
  const more = {
    serviceCaPem: certificate,
    clientCaPem: certificate,
    errorPages: { 404: 'HTTP/1.0 404 Not Found\r\n\r\ngone', 503: 'HTTP/1.0 503 Away\r\n\r\naway' },
    policy: everything,
  };
  const { code, said, config } = judge(context, routes, more);
  assert.equal(code, 0, said);
  assert.doesNotMatch(said, /WARNING/);
  assert.match(config, /timeout tunnel 2147483647ms/);
  assert.match(config, /replace-path '\^\/a\\\+\\\(b\\\)\/\(\.\*\)\$' '\/its 100%% \$HOME\\1'/);
  for (const policy of [
    defaultPolicy,
    { ...everything, forwardedHeaderPolicy: 'Never' as const },
    { ...defaultPolicy, accessLog: { ...defaultPolicy.accessLog, enabled: true } },
    { ...defaultPolicy, tlsSecurityProfile: { ...defaultPolicy.tlsSecurityProfile, type: 'Modern' as const } },
    { ...defaultPolicy, tuning: { ...defaultPolicy.tuning, maxConnections: -1, threadCount: 1 } },
  ]) {
    const answer = judge(context, routes, { ...more, policy });
    assert.equal(answer.code, 0, answer.said);
  }
});

test('headers of requests and responses are set and removed, whatever is in the values', { skip: noHaproxy }, (t) => {
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
  const { code, said, config } = judge(t, [route('a', { httpHeaders })]);
  assert.equal(code, 0, said);
  assert.match(config, /http-request del-header 'X-Old'\n {2}http-response set-header 'X-Frame-Options' 'DENY'/);
});

test('clients are not let in when their authorities cannot be read', () => {
  const asked = (policy: '' | 'Optional' | 'Required', patterns: string[] = []) => {
    const clientTls = { policy, authorityConfigMap: 'ca', allowedSubjectPatterns: patterns };
    return fileOf(render([route('a', edge())], { policy: { ...defaultPolicy, clientTls } }), 'haproxy.cfg');
  };
  const refuses = /http-request deny deny_status 503/;
  assert.match(asked('Required'), refuses);
  assert.match(asked('Optional', ['^/CN=a']), refuses);
  assert.doesNotMatch(asked('Optional'), refuses);
  assert.doesNotMatch(asked(''), refuses);
});

test('HAProxy names the Route that it refuses', { skip: noHaproxy }, (context) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'router-weak-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const args = 'req -x509 -newkey rsa:512 -nodes -days 2 -subj /CN=weak -keyout k -out c'.split(' ');
  execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const [certificate, key] = ['c', 'k'].map((name) => readFileSync(path.join(directory, name), 'utf8'));
  const weak = route('weak', { host: 'weak.example.com', ...edge({ certificate, key }) });
  const { code, said, refused } = judge(context, [route('good', { host: 'good.example.com' }), weak]);
  assert.notEqual(code, 0);
  assert.deepEqual([...refused.keys()], ['be:web:weak'], said);
  const config = 'global\nbackend be:web:a\n  mode http\nbackend be:web:b\n  wrong\n';
  const inLine = "[ALERT] (1) : config : parsing [/run/haproxy.cfg.candidate:5] : unknown keyword 'wrong'";
  assert.deepEqual([...refusedBackends(inLine, config, '/run')], [['be:web:b', "unknown keyword 'wrong'"]]);
});
