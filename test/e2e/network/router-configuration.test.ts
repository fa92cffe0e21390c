// The keys ingress.* with a real HAProxy: each is changed while it runs, and what clients see changes with it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ConfigMaps, Secrets } from '#api/generated/kind-references.ts';
import { defaultPolicy } from '#network/router/policy.ts';
import { missing, until } from './kit.ts';
import { route, RouterBench } from './router-bench.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const shop = 'https://shop.example.org/';

test('the router follows its configuration while it runs', { skip: missing ?? false }, async (t) => {
  await using bench = new RouterBench();
  await bench.start(['a']);
  const own = bench.certificate('own.example.org');
  const routes = [
    route('shop', 'shop.example.org', { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' } }),
    route('plain', 'plain.example.org'),
    route('own', 'own.example.org', { tls: { termination: 'edge', ...own } }),
    route('wild', 'any.example.net', { wildcardPolicy: 'Subdomain' }),
    route('first', 'shared.example.org', {}),
    route('second', 'shared.example.org', { path: '/b' }, { namespace: 'other', second: 2 }),
  ];
  await bench.routes(...routes);
  const get = bench.get.bind(bench);
  const problems = async () => (await bench.router.problems()).join();

  await t.test('routeAdmissionPolicy', async () => {
    assert.equal(bench.verdict('wild'), 'RouteNotAdmitted: wildcard routes are not allowed');
    assert.equal(bench.verdict('second'), 'admitted');
    const routeAdmissionPolicy = { namespaceOwnership: 'Strict', wildcardPolicy: 'WildcardsAllowed' };
    await bench.configure({ routeAdmissionPolicy });
    await until('the wildcard is admitted', () => bench.verdict('wild') === 'admitted');
    await until('the other namespace is not', () => bench.verdict('second').startsWith('HostAlreadyClaimed: '));
    assert.equal((await get('http://else.example.net/')).status, 200);
    await bench.configure({ routeAdmissionPolicy: defaultPolicy.routeAdmissionPolicy });
    await until('as before', () => bench.verdict('second') === 'admitted');
    assert.equal((await get('http://else.example.net/')).status, 503);
  });

  await t.test('ports: the new ones answer, the old ones no more, and redirects name the new one', async () => {
    await bench.configure({ httpPort: 8080, httpsPort: 8443 });
    assert.equal((await get('https://shop.example.org:8443/')).status, 200);
    const { headers } = await get('http://shop.example.org:8080/x');
    assert.equal(headers['location'], 'https://shop.example.org:8443/x');
    await until('the old port is closed', async () => (await get(shop)).body === 'ECONNREFUSED');
    await bench.configure({ httpPort: 80, httpsPort: 443 });
    assert.equal((await get(shop)).status, 200);
  });

  await t.test('a port of another program: told with its holder, and what was served goes on', async () => {
    const holder = await bench.echo(bench.network.node, 'holder', 9443);
    await bench.order({ httpsPort: 9443 });
    await until('it is told', async () => /port 9443 is in use by \S+ \(process \d+\)/.test(await problems()), 15_000);
    assert.match(await problems(), new RegExp(`process ${holder.pid}`));
    assert.equal((await get(shop)).status, 200, 'on the port before');
    holder.kill('SIGKILL');
    await until(
      'the new port answers',
      async () => (await get('https://shop.example.org:9443/')).status === 200,
      20_000,
    );
    await until('no problem', async () => (await problems()) === '');
    await bench.configure({ httpsPort: 443 });
  });

  await t.test('listenAddress: addresses and interfaces; one that is not there is told', async () => {
    await bench.configure({ listenAddresses: ['cni0', '192.0.2.77'] });
    assert.equal((await get(shop)).body, 'ECONNREFUSED');
    const inside = await bench.network.load(bench.network.pod('10.42.0.50'), shop, 1, { connectTo: '10.42.0.1' });
    assert.match(inside[0]!, /^200/);
    assert.match(await problems(), /does not listen on 192\.0\.2\.77 .*no such address now/);
    await bench.configure({ listenAddresses: ['out0'] });
    assert.equal((await get(shop)).status, 200);
    assert.equal(await problems(), '');
    await bench.configure({ listenAddresses: [] });
  });

  await t.test('certificateSecret', async () => {
    const given = bench.certificate('given');
    await bench.order({ certificateSecret: 'given' });
    const missingSecret = /Secret openshift-ingress\/given .*not found; the generated certificate is served/;
    await until('it is told', async () => missingSecret.test(await problems()));
    assert.equal((await get(shop)).certificateName, 'default');
    await bench.router.set(Secrets, [
      {
        metadata: { namespace: 'openshift-ingress', name: 'given' },
        type: 'kubernetes.io/tls',
        data: { 'tls.crt': base64(given.certificate), 'tls.key': base64(given.key) },
      },
    ]);
    await until('it is served', async () => (await get(shop)).certificateName === 'given');
    assert.equal(await problems(), '');
    await bench.configure({ certificateSecret: 'router-certs-default' });
  });

  await t.test('clientTLS: certificates of clients', async () => {
    const authority = bench.certificate('clients', undefined, 'basicConstraints=critical,CA:TRUE');
    const alice = bench.certificate('alice', authority);
    const bob = bench.certificate('bob', authority);
    const stranger = bench.certificate('stranger');
    const clientTls = { policy: 'Required', authorityConfigMap: 'client-ca', allowedSubjectPatterns: [] as string[] };
    await bench.configure({ clientTls });
    assert.equal((await get(shop, alice)).status, 503, 'without authorities nobody is let in');
    assert.match(await problems(), /client certificates cannot be verified/);
    await bench.router.set(ConfigMaps, [
      {
        metadata: { namespace: 'openshift-ingress', name: 'client-ca' },
        data: { 'ca-bundle.pem': authority.certificate },
      },
    ]);
    await until('alice is let in', async () => (await get(shop, alice)).status === 200);
    assert.equal((await bench.asked(shop, alice)).headers['x-ssl-client-cn'], 'alice');
    assert.equal((await get(shop)).status, 0);
    assert.equal((await get(shop, stranger)).status, 0);
    await bench.configure({ clientTls: { ...clientTls, allowedSubjectPatterns: ['^/CN=alice$'] } });
    assert.deepEqual([(await get(shop, alice)).status, (await get(shop, bob)).status], [200, 403]);
    await bench.configure({ clientTls: { ...clientTls, policy: 'Optional' } });
    assert.deepEqual([(await get(shop)).status, (await get(shop, bob)).status], [200, 200]);
    await bench.configure({ clientTls: defaultPolicy.clientTls });
  });

  await t.test('tlsSecurityProfile', async () => {
    const versions = async () => {
      const good: string[] = [];
      for (const tlsVersion of ['TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const)
        if ((await get(shop, { tlsVersion })).status === 200) good.push(tlsVersion.slice(4));
      return good.join(' ');
    };
    const profile = (type: string) => ({ tlsSecurityProfile: { ...defaultPolicy.tlsSecurityProfile, type } });
    assert.equal(await versions(), '1.2 1.3');
    await bench.configure(profile('Modern'));
    assert.equal(await versions(), '1.3');
    await bench.configure(profile('Old'));
    assert.equal(await versions(), '1.1 1.2 1.3');
    const ciphers = ['ECDHE-ECDSA-AES256-GCM-SHA384', 'TLS_AES_256_GCM_SHA384'];
    await bench.configure({ tlsSecurityProfile: { type: 'Custom', ciphers, minVersion: 'VersionTLS12' } });
    assert.equal(await versions(), '1.2 1.3');
    await bench.configure(profile('Intermediate'));
  });

  await t.test('defaultHTTPVersion: HTTP/2 where a Route has its own certificate', async () => {
    const protocol = async (host: string) => (await get(`https://${host}/`, { http2: true })).protocol;
    assert.equal(await protocol('own.example.org'), '', 'refused');
    await bench.configure({ defaultHttpVersion: 2 });
    assert.equal(await protocol('own.example.org'), 'HTTP/2');
    assert.equal(await protocol('shop.example.org'), '', 'hosts of one certificate are not joined');
    await bench.configure({ defaultHttpVersion: 1 });
  });

  await t.test('forwardedHeaderPolicy, under the annotation of a Route', async () => {
    await bench.configure({ forwardedHeaderPolicy: 'Never' });
    assert.equal((await bench.asked(shop)).headers['x-forwarded-for'], undefined);
    await bench.configure({ forwardedHeaderPolicy: 'Append' });
    assert.equal((await bench.asked(shop)).headers['x-forwarded-for'], '192.0.2.2');
  });

  await t.test('httpCompression', async () => {
    const encoding = async () =>
      (await get(`${shop}gzip`, { headers: { 'accept-encoding': 'gzip' } })).headers['content-encoding'];
    assert.equal(await encoding(), undefined);
    await bench.configure({ compressedMimeTypes: ['text/plain'] });
    assert.equal(await encoding(), 'gzip');
    await bench.configure({ compressedMimeTypes: [] });
  });

  await t.test('httpErrorCodePages: 503 and 404; a page that is no answer is not used, and told', async () => {
    const pages = (data: Record<string, string>) =>
      bench.router.set(ConfigMaps, [{ metadata: { namespace: 'openshift-ingress', name: 'pages' }, data }]);
    const page = (code: number) => `HTTP/1.0 ${code} Custom\r\nContent-Type: text/plain\r\n\r\nmy own ${code}`;
    await pages({ 'error-page-503.http': page(503), 'error-page-404.http': page(404) });
    await bench.configure({ errorPagesConfigMap: 'pages' });
    const { status, body } = await get('http://nowhere.example.org/');
    assert.deepEqual([status, body], [404, 'my own 404']);
    bench.service('a', []);
    await bench.publish();
    await until('no Pod is left', async () => (await get('http://plain.example.org/')).body === 'my own 503');
    bench.service('a', ['10.42.0.2']);
    await bench.publish();
    await pages({ 'error-page-404.http': '<html>' });
    await until('it is told', async () => /error-page-404\.http is no whole HTTP answer/.test(await problems()));
    await until('the own page', async () => (await get('http://nowhere.example.org/')).status === 503);
    await bench.order({ errorPagesConfigMap: '' });
  });

  await t.test('accessLogging: into the log of HAProxy, or to a syslog server', async () => {
    const log = () => readFileSync(path.join(bench.directory, 'log/haproxy.log'), 'utf8');
    const accessLog = {
      ...defaultPolicy.accessLog,
      enabled: true,
      format: 'seen %[capture.req.hdr(0)] %ST',
      requestHeaders: [{ name: 'X-Who', maxLength: 20 }],
    };
    assert.equal((await get(shop, { headers: { 'x-who': 'before' } })).status, 200);
    await bench.configure({ accessLog });
    await get(shop, { headers: { 'x-who': 'alice' } });
    await until('the line', () => log().includes('seen alice 200'));
    assert.ok(!log().includes('before'));
    const received = bench.network.start(bench.outside, [
      process.execPath,
      '-e',
      `const s = require('dgram').createSocket('udp4'); s.bind(1514, () => console.log('ready'));
       s.on('message', (m) => console.log(String(m)));`,
    ]);
    let text = '';
    received.stdout!.setEncoding('utf8').on('data', (part: string) => (text += part));
    await until('the server is there', () => text.includes('ready'));
    const syslog = { address: '192.0.2.2', port: 1514, facility: 'local3', maxLength: 1024 };
    await bench.configure({ accessLog: { ...accessLog, destination: 'Syslog', syslog } });
    await get(shop, { headers: { 'x-who': 'bob' } });
    await until('the message', () => /^<158>.*seen bob 200/m.test(text));
    await bench.configure({ accessLog: defaultPolicy.accessLog });
  });

  await t.test('tuningOptions: timeouts and limits reach HAProxy', async () => {
    const tuning = { ...defaultPolicy.tuning, serverTimeoutMs: 200, maxConnections: 3000, threadCount: 2 };
    await bench.configure({ tuning });
    assert.equal((await get(`${shop}?delay=700`)).status, 504);
    const info = bench.admin('show info');
    assert.match(info, /^Maxconn: 3000$/m);
    assert.match(info, /^Nbthread: 2$/m);
    await bench.configure({ tuning: defaultPolicy.tuning });
    assert.equal((await get(`${shop}?delay=700`)).status, 200);
  });
});
