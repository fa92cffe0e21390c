// What one Route may ask of the router, each shown by a request through a real HAProxy: wildcards, weights, policies for HTTP,
// re-encryption with the service CA, annotations, cookies, headers, certificates from Secrets, and who gets a host.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ConfigMaps, Secrets } from '#api/generated/kind-references.ts';
import type { Secret } from '#api/generated/types.ts';
import { missing, until } from './kit.ts';
import { route, RouterBench } from './router-bench.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const annotation = (name: string) => `haproxy.router.openshift.io/${name}`;
const edge = { tls: { termination: 'edge' } };
const secret = (namespace: string, name: string, pem: { certificate: string; key: string }): Secret => ({
  metadata: { namespace, name },
  type: 'kubernetes.io/tls',
  data: { 'tls.crt': base64(pem.certificate), 'tls.key': base64(pem.key) },
});
const tally = (names: readonly string[]) =>
  Object.fromEntries([...new Set(names)].map((name) => [name, names.filter((one) => one === name).length]));

test('what a Route may ask for', { skip: missing ?? false }, async (t) => {
  await using bench = new RouterBench();
  await bench.start(['a', 'b'], {
    routeAdmissionPolicy: { namespaceOwnership: 'InterNamespaceAllowed', wildcardPolicy: 'WildcardsAllowed' },
  });
  const to = (name: string, weight = 100) => ({ kind: 'Service', name, weight });
  const who = async (url: string, order = {}) => (await bench.asked(url, order)).name;

  await t.test('a wildcard is for every host of its domain but those that have a Route', async () => {
    await bench.routes(
      route('wild', 'any.example.com', { wildcardPolicy: 'Subdomain', to: to('a') }),
      route('wild-api', 'any.example.com', { wildcardPolicy: 'Subdomain', path: '/api', to: to('b') }, { second: 1 }),
      route('own', 'own.example.com', { to: to('b') }, { second: 2 }),
    );
    for (const [url, name] of [
      ['http://any.example.com/', 'a'],
      ['http://else.example.com/', 'a'],
      ['http://else.example.com/api/x', 'b'],
      ['http://own.example.com/', 'b'],
    ] as const)
      assert.equal(await who(url), name, url);
    assert.equal((await bench.get('http://deep.else.example.com/')).status, 503);
    assert.equal((await bench.get('http://example.com/')).status, 503);
  });

  await t.test('weights share requests; 0 gets none; all 0 answers 503', async () => {
    const shares = async (...weights: number[]) => {
      await bench.routes(
        route(
          'split',
          'split.example.com',
          {
            to: to('a', weights[0]),
            alternateBackends: [to('b', weights[1])],
          },
          { annotations: { [annotation('disable_cookies')]: 'true' }, second: weights[1]! % 10 },
        ),
      );
      const answers = await Promise.all(Array.from({ length: 40 }, () => bench.get('http://split.example.com/')));
      return tally(answers.map((one) => (one.status === 200 ? String(one.headers['x-from']) : String(one.status))));
    };
    const { a = 0, b = 0 } = await shares(75, 25);
    assert.ok(a >= 27 && a <= 33 && a + b === 40, JSON.stringify({ a, b }));
    assert.deepEqual(await shares(0, 100), { b: 40 });
    assert.deepEqual(await shares(0, 0), { 503: 40 });
  });

  await t.test(
    'HTTP to a TLS Route: refused, served or redirected, also for re-encryption and passthrough',
    async () => {
      const inPod = bench.certificate('tls.example.com');
      const file = path.join(bench.directory, 'pod.pem');
      writeFileSync(file, inPod.certificate + inPod.key);
      await bench.echo(bench.network.pod('10.42.0.9'), 'tls', 8443, file);
      bench.service('tls', ['10.42.0.9'], 8443);
      await bench.publish();
      const routes = ['edge', 'reencrypt', 'passthrough'].flatMap((termination) =>
        ['None', 'Allow', 'Redirect']
          .filter((policy) => termination !== 'passthrough' || policy !== 'Allow')
          .map((policy) =>
            route(`${termination}-${policy}`.toLowerCase(), `${termination}-${policy}.example.org`.toLowerCase(), {
              to: to(termination === 'edge' ? 'a' : 'tls'),
              tls: {
                termination,
                insecureEdgeTerminationPolicy: policy,
                ...(termination === 'reencrypt' ? { destinationCACertificate: inPod.certificate } : {}),
              },
            }),
          ),
      );
      await bench.routes(...routes);
      for (const { metadata, spec } of routes) {
        const name = metadata.name!;
        const plain = await bench.get(`http://${spec.host}/x?y=1`);
        const expected = name.endsWith('none') ? 503 : name.endsWith('allow') ? 200 : 302;
        assert.equal(plain.status, expected, name);
        if (expected === 302) assert.equal(plain.headers['location'], `https://${spec.host}/x?y=1`);
        assert.equal(await who(`https://${spec.host}/`), spec.to.name, name);
      }
    },
  );

  await t.test(
    're-encryption without an authority trusts the service CA, for the name of the Service only',
    async () => {
      const authority = bench.certificate('service-ca', undefined, 'basicConstraints=critical,CA:TRUE');
      const serve = async (address: string, name: string, host: string) => {
        const pem = bench.certificate(name, authority, `subjectAltName=DNS:${host}`);
        const file = path.join(bench.directory, `${name}.pem`);
        writeFileSync(file, pem.certificate + pem.key);
        await bench.echo(bench.network.pod(address), name, 8443, file);
        bench.service(name, [address], 8443);
      };
      await serve('10.42.0.20', 'right', 'right.web.svc');
      await serve('10.42.0.21', 'wrong', 'other.web.svc');
      await bench.publish();
      const reencrypt = { tls: { termination: 'reencrypt' } };
      await bench.routes(
        route('right', 'right.example.org', { to: to('right'), ...reencrypt }),
        route('wrong', 'wrong.example.org', { to: to('wrong'), ...reencrypt }),
      );
      assert.equal((await bench.get('https://right.example.org/')).status, 503, 'there is no service CA yet');
      await bench.router.set(ConfigMaps, [
        {
          metadata: { namespace: 'openshift-service-ca', name: 'signing-cabundle' },
          data: { 'ca-bundle.crt': authority.certificate },
        },
      ]);
      await until('it is trusted', async () => (await bench.get('https://right.example.org/')).status === 200);
      assert.equal((await bench.get('https://wrong.example.org/')).status, 503);
    },
  );

  await t.test('annotations', async (inner) => {
    const annotated = async (annotations: Record<string, string>, spec = {}) => {
      const named = Object.fromEntries(
        Object.entries(annotations).map(([name, value]) => [name.includes('/') ? name : annotation(name), value]),
      );
      await bench.routes(route('noted', 'noted.example.org', spec, { annotations: named }));
    };
    const url = 'http://noted.example.org/';
    const secure = 'https://noted.example.org/';
    await inner.test('timeout: an answer that takes longer is 504', async () => {
      await annotated({ timeout: '200ms' });
      assert.equal((await bench.get(`${url}?delay=600`)).status, 504);
      await annotated({ timeout: '2s' });
      assert.equal((await bench.get(`${url}?delay=600`)).status, 200);
    });
    await inner.test('timeout-tunnel: an idle tunnel ends', async () => {
      await annotated({ 'timeout-tunnel': '300ms' }, edge);
      assert.equal(await bench.tunnel(secure, true), 'open');
      await until('it ends', async () => (await bench.tunnelState()).ended !== undefined);
      await annotated({ 'timeout-tunnel': '1h', timeout: '300ms' }, edge);
      assert.equal(await bench.tunnel(secure, true), 'open');
      await new Promise((resolve) => setTimeout(resolve, 800));
      assert.equal((await bench.tunnelState()).ended, undefined);
    });
    await inner.test('ip_allowlist, and ip_whitelist for old Routes', async () => {
      await annotated({ ip_allowlist: '198.51.100.0/24 192.0.2.2' });
      assert.equal((await bench.get(url)).status, 200);
      await annotated({ ip_whitelist: '198.51.100.0/24 10.42.0.0/16' });
      assert.notEqual((await bench.get(url)).status, 200);
      assert.match(
        (await bench.network.load(bench.network.pod('10.42.0.30'), url, 1, { connectTo: '10.42.0.1' }))[0]!,
        /^200/,
      );
    });
    await inner.test('rate-limit-connections: only so many requests from one address', async () => {
      await annotated({ 'rate-limit-connections': 'true', 'rate-limit-connections.rate-http': '5' });
      const answers = await Promise.all(Array.from({ length: 15 }, () => bench.get(url)));
      const good = answers.filter((one) => one.status === 200).length;
      assert.ok(good >= 3 && good <= 6, String(good));
    });
    await inner.test('rewrite-target', async () => {
      const seen = async (target: string, at: string, asked: string) => {
        await annotated({ 'rewrite-target': target }, { path: at });
        return (await bench.asked(`http://noted.example.org${asked}`)).url;
      };
      assert.equal(await seen('/', '/foo', '/foo'), '/');
      assert.equal(await seen('/', '/foo', '/foo/x?q=1'), '/x?q=1');
      assert.equal(await seen('/bar', '/foo', '/foo/x'), '/bar/x');
      assert.equal(await seen('/50%25', '/foo', '/foo/x'), '/50%25/x');
    });
    await inner.test('hsts_header, on TLS only', async () => {
      await annotated(
        { hsts_header: 'max-age=31536000;includeSubDomains' },
        { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Allow' } },
      );
      const { headers } = await bench.get(secure);
      assert.equal(headers['strict-transport-security'], 'max-age=31536000;includeSubDomains');
    });
    await inner.test('set-forwarded-headers', async () => {
      const given = { 'x-forwarded-for': '198.51.100.9', 'x-forwarded-proto': 'gopher', forwarded: 'for=198.51.100.9' };
      const seen = async (how: string) => {
        await annotated({ 'set-forwarded-headers': how }, edge);
        const { headers } = await bench.asked(secure, { headers: given });
        return [
          headers['x-forwarded-for'],
          headers['x-forwarded-proto'],
          headers['forwarded'],
          headers['x-forwarded-port'],
        ];
      };
      const forwarded = 'for=192.0.2.2;host=noted.example.org;proto=https';
      assert.deepEqual(await seen('append'), [
        '198.51.100.9, 192.0.2.2',
        'gopher, https',
        `for=198.51.100.9, ${forwarded}`,
        '443',
      ]);
      assert.deepEqual(await seen('replace'), ['192.0.2.2', 'https', forwarded, '443']);
      assert.deepEqual(await seen('if-none'), ['198.51.100.9', 'gopher', 'for=198.51.100.9', '443']);
      assert.deepEqual(await seen('never'), ['198.51.100.9', 'gopher', 'for=198.51.100.9', undefined]);
    });
    await inner.test('balance source: one client, one Pod', async () => {
      bench.service('both', ['10.42.0.2', '10.42.0.3']);
      await bench.publish();
      await annotated({ balance: 'source', disable_cookies: 'true' }, { to: to('both') });
      const names = await Promise.all(Array.from({ length: 12 }, () => who(url)));
      assert.equal(new Set(names).size, 1, names.join());
    });
    await inner.test('pod-concurrent-connections: more wait for their turn', async () => {
      await annotated({ 'pod-concurrent-connections': '1' });
      // The HAProxy of before the reload may still take one of the two: each process counts for itself.
      await until('one after the other', async () => {
        const started = performance.now();
        const answers = await Promise.all([bench.get(`${url}?delay=400`), bench.get(`${url}?delay=400`)]);
        assert.deepEqual(
          answers.map((one) => one.status),
          [200, 200],
        );
        return performance.now() - started >= 750;
      });
    });
    await inner.test('h1-adjust-case: header names with capitals for servers that need them', async () => {
      await annotated({});
      assert.ok((await bench.asked(url)).rawHeaders.includes('host'));
      await annotated({ 'h1-adjust-case': 'true' });
      assert.ok((await bench.asked(url)).rawHeaders.includes('Host'));
    });
    await inner.test('values that cannot be used: the Route is served, and an event names them', async () => {
      await annotated({ timeout: 'soon', balance: 'best\n  server evil 192.0.2.1:80', 'rewrite-target': 'x' });
      assert.equal((await bench.get(url)).status, 200);
      const told = bench.router.events.filter((one) => one.startsWith('noted Warning InvalidAnnotation'));
      for (const name of ['timeout', 'balance', 'rewrite-target'])
        assert.ok(
          told.some((one) => one.includes(annotation(name))),
          name,
        );
    });
    await inner.test('health checks: a Pod that does not answer is found, and gets nothing', async () => {
      bench.service('half', ['10.42.0.2', '10.42.0.99']);
      await bench.publish();
      await annotated({ 'router.openshift.io/haproxy.health.check.interval': '100ms' }, { to: to('half') });
      const status = (slot: string) =>
        bench
          .admin('show stat')
          .split('\n')
          .find((line) => line.startsWith(`be:web:noted,${slot},`))
          ?.split(',')[17];
      await until('the dead one is down', () => status('s2')?.startsWith('DOWN') === true, 8_000);
      assert.match(status('s1') ?? '', /^UP/);
      // Alone again, it is tried whatever a check said before.
      bench.service('half', ['10.42.0.99']);
      await bench.publish();
      await until('no check', () => status('s2') === 'no check' || status('s2') === 'UP');
    });
  });

  await t.test('cookies bind a client to its Pod', async () => {
    await bench.routes(
      route(
        'sticky',
        'sticky.example.org',
        { to: to('both'), ...edge },
        {
          annotations: { 'router.openshift.io/cookie_name': 'pod', 'router.openshift.io/cookie-same-site': 'Strict' },
        },
      ),
    );
    const first = await bench.get('https://sticky.example.org/');
    const cookie = String(first.headers['set-cookie']);
    assert.match(cookie, /^pod=\S+; path=\/; HttpOnly; Secure; SameSite=Strict$/);
    const names = await Promise.all(
      Array.from({ length: 10 }, () =>
        who('https://sticky.example.org/', { headers: { cookie: cookie.split(';')[0]! } }),
      ),
    );
    assert.deepEqual([...new Set(names)], [first.headers['x-from']]);
  });

  await t.test('httpHeaders of the Route; what spoofs a client certificate is removed', async () => {
    const set = (name: string, value: string) => ({ name, action: { type: 'Set', set: { value } } });
    await bench.routes(
      route('headers', 'headers.example.org', {
        httpHeaders: {
          actions: {
            request: [set('X-Host', '%[req.hdr(host),lower]'), { name: 'X-Secret', action: { type: 'Delete' } }],
            response: [set('X-Frame-Options', "it's DENY"), { name: 'X-From', action: { type: 'Delete' } }],
          },
        },
      }),
    );
    const sent = { 'x-secret': '1', 'x-ssl-client-cn': 'admin', proxy: 'http://evil' };
    const { headers, body } = await bench.get('http://headers.example.org/', { headers: sent });
    assert.deepEqual([headers['x-frame-options'], headers['x-from']], ["it's DENY", undefined]);
    const seen = (JSON.parse(body) as { headers: Record<string, string> }).headers;
    assert.equal(seen['x-host'], 'headers.example.org');
    for (const name of Object.keys(sent)) assert.equal(seen[name], undefined, name);
  });

  await t.test('HTTP/2 without TLS to Pods that speak it (appProtocol h2c)', async () => {
    await bench.echo(bench.network.pod('10.42.0.40'), 'h2c', 8080, 'h2c');
    bench.service('h2c', ['10.42.0.40'], 8080, 'kubernetes.io/h2c');
    await bench.publish();
    await bench.routes(route('h2c', 'h2c.example.org', { to: to('h2c') }));
    const { name, version } = await bench.asked('http://h2c.example.org/');
    assert.deepEqual([name, version], ['h2c', '2.0']);
  });

  await t.test(
    'certificates: of the Route, of a Secret that changes, of nobody; wrong ones are refused in the status',
    async () => {
      const [one, two, other] = ['one', 'two', 'other'].map((name) => bench.certificate(name)) as [
        ReturnType<RouterBench['certificate']>,
        ReturnType<RouterBench['certificate']>,
        ReturnType<RouterBench['certificate']>,
      ];
      const external = (name: string) => ({ tls: { termination: 'edge', externalCertificate: { name } } });
      const expired = bench.expiredCertificate('expired.example.org');
      await bench.router.set(Secrets, [secret('web', 'cert', one), secret('web', 'hidden', one)]);
      await bench.router.order({ type: 'forbid', names: ['secrets web/hidden'] });
      await bench.routes(
        route('external', 'external.example.org', external('cert')),
        route('gone', 'gone.example.org', external('gone')),
        route('hidden', 'hidden.example.org', external('hidden')),
        route('mixed', 'mixed.example.org', {
          tls: { termination: 'edge', certificate: one.certificate, key: two.key },
        }),
        route('foreign', 'foreign.example.org', {
          tls: { termination: 'edge', ...one, caCertificate: other.certificate },
        }),
        route('keyless', 'keyless.example.org', { tls: { termination: 'edge', certificate: one.certificate } }),
        route('expired', 'expired.example.org', { tls: { termination: 'edge', ...expired } }),
        route('plain', 'plain.example.org', edge),
      );
      const field = 'spec.tls.externalCertificate';
      assert.equal(bench.verdict('external'), 'admitted');
      assert.equal(
        bench.verdict('gone'),
        `ExternalCertificateValidationFailed: ${field}: Not found: "secrets \\"gone\\" not found"`,
      );
      assert.equal(
        bench.verdict('hidden'),
        `ExternalCertificateValidationFailed: ${field}: Forbidden: router serviceaccount does not have permission to list this secret`,
      );
      const invalid = (name: string) =>
        /^ExtendedValidationFailed: spec\.tls\.(\w+): Invalid value: "[^"]*": (.*)$/
          .exec(bench.verdict(name))
          ?.slice(1);
      assert.deepEqual(invalid('mixed'), ['key', 'tls: private key does not match public key']);
      assert.deepEqual(invalid('foreign'), [
        'certificate',
        'error verifying certificate: x509: certificate signed by unknown authority',
      ]);
      assert.deepEqual(invalid('keyless'), ['key', 'no key specified']);
      // As upstream: the client decides; here it is told, too.
      assert.equal(bench.verdict('expired'), 'admitted');
      assert.ok(bench.router.events.some((event) => event.startsWith('expired Warning CertificateExpired')));
      const served = async (host: string) => (await bench.get(`https://${host}/`)).certificateName;
      assert.equal(await served('external.example.org'), 'one');
      assert.equal(await served('plain.example.org'), 'default');
      await bench.router.set(Secrets, [
        secret('web', 'cert', two),
        secret('openshift-ingress', 'router-certs-default', other),
      ]);
      await until('the new certificate', async () => (await served('external.example.org')) === 'two');
      await until('the new default', async () => (await served('plain.example.org')) === 'other');
      await bench.router.set(Secrets, []);
      await until('the Route is refused', () => bench.verdict('external').includes('not found'));
      await until('the generated default', async () => (await served('plain.example.org')) === 'default');
    },
  );

  await t.test("a host is its oldest Route's; who lost is admitted when the winner goes", async () => {
    const winner = route('winner', 'taken.example.org', { to: to('a') });
    const loser = route('loser', 'taken.example.org', { to: to('b') }, { namespace: 'other', second: 3 });
    await bench.routes(winner, loser);
    assert.equal(
      bench.verdict('loser'),
      'HostAlreadyClaimed: a route in another namespace holds host taken.example.org',
    );
    assert.equal(await who('http://taken.example.org/'), 'a');
    await bench.routes(loser);
    assert.equal(bench.verdict('loser'), 'admitted');
    // Its Service is in its own namespace, where there is none.
    assert.equal((await bench.get('http://taken.example.org/')).status, 503);
  });

  await t.test('a Route that HAProxy itself refuses is left out and marked; the others go on', async () => {
    const { execFileSync } = await import('node:child_process');
    const weak = execFileSync(
      'sh',
      ['-c', 'openssl req -x509 -newkey rsa:512 -nodes -days 2 -subj /CN=weak -keyout - -out - 2>/dev/null'],
      { encoding: 'utf8' },
    );
    const part = (type: string) => new RegExp(`-----BEGIN ${type}[^]*END ${type}-----`).exec(weak)![0];
    await bench.routes(
      route('weak', 'weak.example.org', {
        tls: { termination: 'edge', certificate: part('CERTIFICATE'), key: part('PRIVATE KEY') },
      }),
      route('good', 'good.example.org'),
    );
    assert.match(bench.verdict('weak'), /^ExtendedValidationFailed: the router cannot serve it: /);
    assert.equal(bench.verdict('good'), 'admitted');
    assert.equal(await who('http://good.example.org/'), 'a');
  });
});
