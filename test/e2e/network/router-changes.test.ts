// Nothing is lost while things change: a steady load on new and kept connections and one long tunnel, while Routes, certificates,
// endpoints and the configuration change and HAProxy is reloaded again and again; and HAProxy comes back when it is killed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing, until } from './kit.ts';
import { route, RouterBench } from './router-bench.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('the router while everything around it changes', { skip: missing ?? false }, async (t) => {
  await using bench = new RouterBench();
  await bench.start(['a', 'b']);
  bench.service('both', ['10.42.0.2', '10.42.0.3']);
  await bench.publish();
  const to = { kind: 'Service', name: 'both', weight: 100 };
  const certificates = [bench.certificate('one'), bench.certificate('two')] as const;
  const shop = (version: number) =>
    route('shop', 'shop.example.org', { to, tls: { termination: 'edge', ...certificates[version % 2]! } });
  const plain = route('plain', 'plain.example.org', { to });
  await bench.routes(shop(0), plain);

  await t.test('no request fails and no tunnel ends over ten reloads and as many changes of endpoints', async () => {
    assert.equal(await bench.tunnel('https://shop.example.org/'), 'open');
    const urls = ['https://shop.example.org/', 'http://plain.example.org/'];
    await bench.load([...urls.map((url) => ({ url })), ...urls.map((url) => ({ url, keep: true }))], 8);
    const workers = new Set([bench.worker()]);
    for (let round = 0; round < 10; round++) {
      // A certificate and a Route more: a reload. Endpoints: none.
      await bench.routes(shop(round), plain, route(`more-${round}`, `more-${round}.example.org`, {}, { second: 1 }));
      workers.add(bench.worker());
      bench.service('both', round % 2 === 0 ? ['10.42.0.3'] : ['10.42.0.2', '10.42.0.3']);
      await bench.publish();
      await pause(150);
    }
    await bench.configure({ defaultHttpVersion: 2 });
    const { good, failures } = await bench.endLoad();
    assert.deepEqual(failures, []);
    assert.ok(good > 200, String(good));
    assert.ok(workers.size >= 10, `${workers.size} workers`);
    const { echoed, ended } = await bench.tunnelState();
    assert.equal(ended, undefined);
    await until('the tunnel lives', async () => (await bench.tunnelState()).echoed > echoed);
  });

  await t.test('HAProxy is killed: it is back within two seconds, with the endpoints of now', async () => {
    bench.service('both', ['10.42.0.3']);
    await bench.publish();
    const before = bench.processId();
    const killed = performance.now();
    const both = [before, Number(bench.worker())];
    for (const one of both)
      try {
        process.kill(one, 'SIGKILL');
      } catch {
        // It ended with the master.
      }
    await until('it answers', async () => (await bench.get('https://shop.example.org/')).status === 200, 10_000);
    const tookMs = performance.now() - killed;
    assert.ok(tookMs < 3_000, `${tookMs} ms`);
    assert.notEqual(bench.processId(), before);
    assert.equal((await bench.asked('https://shop.example.org/')).name, 'b');
    await until('no problem is left', async () => (await bench.router.problems()).length === 0);
    assert.equal(bench.verdict('shop'), 'admitted');
  });

  await t.test('a port for health that another program holds is told, and Routes are served', async () => {
    await bench.router.kill();
    await pause(100);
    const holder = await bench.echo(bench.network.node, 'holder', 1936);
    await bench.startRouter();
    const told = (await bench.router.problems()).join();
    assert.match(told, new RegExp(`port 1936 is in use by \\S+ \\(process ${holder.pid}\\); Routes are not concerned`));
    await bench.routes(shop(0), plain);
    assert.equal((await bench.get('https://shop.example.org/')).status, 200);
    assert.equal(
      (await bench.network.load(bench.network.node, 'http://127.0.0.1:1936/healthz', 1))[0]!.slice(0, 3),
      '200',
    );
  });
});
