// The router with a real HAProxy: TLS by host, redirects, paths, Pods that come and go, reloads, kill -9 and adoption, all under load.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { EndpointSlices, Routes, Services } from '#api/generated/kind-references.ts';
import type { EndpointSlice, Route, RouteSpec, Service } from '#api/generated/types.ts';
import { processStartTicks } from '#host/processes.ts';
import { missing, Network, tally, until, type Runner } from './kit.ts';

const certificate = (directory: string, name: string): { certificate: string; key: string } => {
  const args =
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=${name} -keyout k -out c`.split(
      ' ',
    );
  execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  return {
    certificate: readFileSync(path.join(directory, 'c'), 'utf8'),
    key: readFileSync(path.join(directory, 'k'), 'utf8'),
  };
};
const route = (name: string, host: string, spec: Partial<RouteSpec>, second = 0): Route => ({
  metadata: { namespace: 'web', name, uid: name, creationTimestamp: `2026-01-01T00:00:0${second}Z` },
  spec: { host, to: { kind: 'Service', name: 'shop' }, ...spec },
});
const service: Service = {
  metadata: { namespace: 'web', name: 'shop' },
  spec: { ports: [{ port: 80, targetPort: 8080 }] },
};
const slice = (ips: readonly string[]): EndpointSlice => ({
  metadata: { namespace: 'web', name: 'shop-1', labels: { 'kubernetes.io/service-name': 'shop' } },
  addressType: 'IPv4',
  ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  endpoints: ips.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
});
const names = (answers: readonly string[]) => tally(answers.map((one) => one.split(' ').slice(0, 2).join(' ')));

test('the router on a real kernel', { skip: missing ?? false }, async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'network-router-'));
  await using network = new Network();
  const outside = network.outside();
  const [a, b] = [network.pod('10.42.0.2'), network.pod('10.42.0.3')];
  const serverA = await network.server(a, 'a', 8080);
  await network.server(b, 'b', 8080);
  const own = certificate(directory, 'own.example.com');
  const fallback = certificate(directory, 'default');
  const options = {
    domain: 'apps.example.com',
    defaultCertificatePem: fallback.certificate + fallback.key,
    runDirectory: path.join(directory, 'run'),
    logDirectory: path.join(directory, 'log'),
    changesFile: path.join(directory, 'host-changes.jsonl'),
  };
  const routes = [
    route('edge', 'shop.example.com', { tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect' } }),
    route('plain', 'plain.example.com', {}),
    route('own', 'own.example.com', { tls: { termination: 'edge', ...own } }),
    route('api', 'paths.example.com', { path: '/api', tls: { termination: 'edge' } }),
    route('taken', 'shop.example.com', {}, 9),
  ];
  const both = ['10.42.0.2', '10.42.0.3'];
  const start = async (ips: readonly string[]): Promise<Runner> => {
    const runner = await network.runner('router', options);
    await runner.set(Services, [service]);
    await runner.set(EndpointSlices, [slice(ips)]);
    await runner.set(Routes, routes);
    await runner.whenReady();
    return runner;
  };
  const get = async (url: string, count = 1, more: Record<string, unknown> = {}) =>
    network.load(outside, url, count, { connectTo: '192.0.2.1', ...more });
  const pidOfHaproxy = () =>
    (JSON.parse(readFileSync(path.join(options.runDirectory, 'haproxy.process'), 'utf8')) as { pid: number }).pid;
  let router = await start(both);
  t.after(() => {
    try {
      process.kill(pidOfHaproxy(), 'SIGTERM');
    } catch {
      // It did not start, and the test says why.
    }
    rmSync(directory, { recursive: true });
  });

  await t.test('edge TLS spreads over both Pods; HTTP is redirected; hosts, paths and unknown names', async () => {
    const counts = names(await get('https://shop.example.com/', 40));
    assert.ok(counts['200 a']! > 5 && counts['200 b']! > 5, JSON.stringify(counts));
    assert.deepEqual(await get('http://shop.example.com/x?y=1'), ['302 https://shop.example.com/x?y=1']);
    assert.match((await get('http://plain.example.com/'))[0]!, /^200 [ab] 10\.42\.0\.1$/);
    assert.match((await get('https://plain.example.com/'))[0]!, /^503 .*Application is not available/s);
    assert.match((await get('https://paths.example.com/api'))[0]!, /^200/);
    assert.match((await get('https://paths.example.com/api/x'))[0]!, /^200/);
    assert.match((await get('https://paths.example.com/apis'))[0]!, /^503/);
    assert.match((await get('https://PATHS.example.com:443/api'))[0]!, /^200/);
    assert.match((await get('http://paths.example.com/api'))[0]!, /^503/);
    assert.match((await get('https://nowhere.example.com/'))[0]!, /^503/);
  });
  await t.test("the certificate is the host's own, else the default", () => {
    const subject = (host: string) =>
      network
        .in(outside, [
          'sh',
          '-c',
          `echo | openssl s_client -connect 192.0.2.1:443 -servername ${host} 2>/dev/null | openssl x509 -noout -subject`,
        ])
        .trim();
    assert.match(subject('own.example.com'), /own\.example\.com/);
    assert.match(subject('shop.example.com'), /default/);
  });
  await t.test('each Route is told whether it is admitted', () => {
    const condition = (name: string) =>
      (router.written.find((one) => one.object.metadata.name === name)!.object as Route).status!.ingress![0]!
        .conditions![0]!;
    assert.equal(condition('edge').status, 'True');
    assert.equal(condition('taken').status, 'False');
    assert.equal(condition('taken').reason, 'HostAlreadyClaimed');
  });
  await t.test(
    'no failed request while a Pod is deleted, comes back, Routes change, and the router is killed and adopted',
    async () => {
      const first = pidOfHaproxy();
      const fresh = get('https://shop.example.com/', 700, { everyMs: 8 });
      const kept = get('https://shop.example.com/', 350, { everyMs: 16, keep: true });
      const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
      // The Pod dies before the router hears of it.
      serverA.kill('SIGKILL');
      await pause(400);
      await router.set(EndpointSlices, [slice(['10.42.0.3'])]);
      await pause(300);
      await network.server(a, 'a2', 8080);
      await router.set(EndpointSlices, [slice(both)]);
      await pause(300);
      await router.set(Routes, [...routes, route('more', 'more.example.com', {})]);
      await pause(500);
      await router.kill();
      await pause(300);
      router = await start(both);
      await pause(200);
      await router.set(EndpointSlices, [slice(['10.42.0.3'])]);
      await pause(200);
      await router.set(EndpointSlices, [slice(both)]);
      const counts = names([...(await fresh), ...(await kept)]);
      const good = Object.entries(counts)
        .filter(([one]) => one.startsWith('200'))
        .reduce((sum, [, count]) => sum + count, 0);
      assert.equal(good, 1050, JSON.stringify(counts));
      assert.ok(counts['200 a2']! > 0, JSON.stringify(counts));
      assert.equal(pidOfHaproxy(), first, 'the same HAProxy all the time');
    },
  );
  await t.test('Pods come and go without a reload; none left gives the page', async () => {
    const worker = () =>
      network.in(network.node, [
        'sh',
        '-c',
        `echo 'show info' | socat - UNIX:${options.runDirectory}/admin.sock | grep ^Pid`,
      ]);
    const before = worker();
    await router.set(EndpointSlices, [slice([])]);
    await until('503', async () => (await get('https://shop.example.com/'))[0]!.startsWith('503'));
    await router.set(EndpointSlices, [slice(['10.42.0.3'])]);
    await until('200', async () => (await get('https://shop.example.com/'))[0]!.startsWith('200 b'));
    assert.equal(worker(), before);
    // More Pods than slots: a reload.
    await router.set(EndpointSlices, [slice(Array.from({ length: 6 }, (_, index) => `10.42.0.${index + 3}`))]);
    await until('a new worker', () => worker() !== before);
  });
  await t.test('health is for this host and its Pods; metrics are for who may read them', async () => {
    const health = 'http://10.42.0.1:1936/healthz';
    for (const where of ['http://127.0.0.1:1936/healthz', health, `${health}/ready`])
      assert.deepEqual(await network.load(network.node, where, 1), ['200 ok'], where);
    assert.deepEqual(await network.load(a, health, 1), ['200 ok']);
    assert.deepEqual(await get('http://192.0.2.1:1936/healthz'), ['ECONNRESET']);
    const metrics = async (token?: string) =>
      (
        await network.load(a, 'http://10.42.0.1:1936/metrics', 1, {
          headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        })
      )[0]!;
    assert.match(await metrics(), /^401/);
    assert.match(await metrics('wrong'), /^401/);
    assert.match(await metrics('stranger'), /^403 Forbidden: no rights/);
    const text = await metrics('reader');
    assert.match(text, /^haproxy_up 1$/m);
    const served = /^haproxy_backend_connections_total\{backend="https-edge",namespace="web",route="edge"\} (\d+)$/m;
    assert.ok(Number(served.exec(text)?.[1]) > 100, 'what was counted before the reloads is in it');
    assert.match(
      text,
      /^haproxy_server_up\{server="10\.42\.0\.3:8080",pod="",service="shop",namespace="web",route="edge"\} 1$/m,
    );
  });
  await t.test(
    'passthrough and re-encrypting Routes reach TLS servers in Pods; a wrong authority does not',
    async () => {
      const pod = network.pod('10.42.0.9');
      const inPod = certificate(directory, 'tls.example.com');
      const other = certificate(directory, 'other');
      writeFileSync(path.join(directory, 'pod.pem'), inPod.certificate + inPod.key);
      const secure = network.start(pod, [
        process.execPath,
        path.join(import.meta.dirname, 'server.ts'),
        'tls',
        '8443',
        path.join(directory, 'pod.pem'),
      ]);
      await once(secure.stdout!, 'data');
      const to = { kind: 'Service', name: 'secure' };
      const reencrypt = (destinationCACertificate: string) => ({
        to,
        tls: { termination: 'reencrypt', destinationCACertificate },
      });
      await router.set(Services, [
        service,
        { metadata: { namespace: 'web', name: 'secure' }, spec: { ports: [{ port: 443 }] } },
      ]);
      await router.set(EndpointSlices, [
        slice(['10.42.0.3']),
        {
          ...slice(['10.42.0.9']),
          metadata: { namespace: 'web', name: 'secure-1', labels: { 'kubernetes.io/service-name': 'secure' } },
          ports: [{ name: '', port: 8443, protocol: 'TCP' }],
        },
      ]);
      await router.set(Routes, [
        ...routes,
        route('through', 'tls.example.com', { to, tls: { termination: 'passthrough' } }),
        route('again', 'again.example.com', reencrypt(inPod.certificate)),
        route('wrong', 'wrong.example.com', reencrypt(other.certificate)),
      ]);
      await until('passthrough', async () => (await get('https://tls.example.com/'))[0]!.startsWith('200 tls'));
      assert.match((await get('https://again.example.com/'))[0]!, /^200 tls/);
      assert.match((await get('https://wrong.example.com/'))[0]!, /^503/);
      assert.match((await get('https://shop.example.com/'))[0]!, /^200 b/);
      const subject = network.in(outside, [
        'sh',
        '-c',
        'echo | openssl s_client -connect 192.0.2.1:443 -servername tls.example.com 2>/dev/null | openssl x509 -noout -subject',
      ]);
      assert.match(subject, /tls\.example\.com/);
      await router.set(Routes, routes);
    },
  );
  await t.test('an orderly stop leaves HAProxy serving', async () => {
    await router.set(EndpointSlices, [slice(['10.42.0.3'])]);
    await router.stop();
    assert.match((await get('https://shop.example.com/'))[0]!, /^200/);
  });
  await t.test('uninstall ends HAProxy and leaves nothing', async () => {
    const pid = pidOfHaproxy();
    const undo = await network.runner('undo', options);
    await undo.whenReady();
    await undo.stop();
    assert.equal(processStartTicks(pid), undefined);
    assert.ok(!existsSync(options.runDirectory));
    assert.deepEqual(await get('https://shop.example.com/'), ['ECONNREFUSED']);
  });
  await t.test(
    'a port that another program holds is a problem that is told, and goes when the port is free',
    async () => {
      const holder = await network.server(network.node, 'holder', 443);
      const late = await start(both);
      assert.match((await late.problems()).join(), /HAProxy cannot listen: port 443 is in use by \S+ \(process \d+\)/);
      holder.kill('SIGKILL');
      await until('it serves', async () => (await get('https://shop.example.com/'))[0]!.startsWith('200'), 15_000);
      await until('no problem', async () => (await late.problems()).length === 0, 15_000);
      await late.stop();
    },
  );
});
