import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listenAddressesOf } from './listen.ts';
import { RouterMetrics } from './metrics.ts';

/** A row of HAProxy's `show stat`: named columns, the rest empty. */
const row = (backend: string, server: string, type: number, columns: Record<number, string | number>): string =>
  Array.from({ length: 90 }, (_, index) =>
    index === 0 ? backend : index === 1 ? server : index === 32 ? String(type) : String(columns[index] ?? ''),
  ).join(',');
const statistics = (requests: number) =>
  [
    '# pxname,svname,...',
    row('public', 'FRONTEND', 0, { 6: 50_000, 8: 100, 40: requests }),
    row('openshift_default', 'BACKEND', 1, { 7: 3, 17: 'UP' }),
    row('be:web:shop', 's1', 2, { 7: requests, 17: 'no check' }),
    row('be:web:shop', 's2', 2, { 7: 0, 17: 'MAINT' }),
    row('be:web:shop', 'BACKEND', 1, { 4: 1, 7: requests, 17: 'UP' }),
  ].join('\n');
const labels = (backend: string) =>
  backend === 'be:web:shop'
    ? {
        namespace: 'web',
        route: 'shop',
        mode: 'https-edge',
        server: (slot: number) =>
          slot === 1 ? { server: '10.42.0.2:8080', pod: 'shop-1', service: 'shop' } : undefined,
      }
    : undefined;

test('names and labels of OpenShift; free slots are nobody; counters go on over a reload', () => {
  const metrics = new RouterMetrics();
  const text = metrics.print(statistics(5), labels);
  for (const line of [
    'haproxy_up 1',
    'haproxy_max_connections 50000',
    'haproxy_exporter_server_threshold{type="current"} 2',
    'haproxy_frontend_http_responses_total{frontend="public",code="2xx"} 5',
    'haproxy_backend_up{backend="https-edge",namespace="web",route="shop"} 1',
    'haproxy_backend_connections_total{backend="other/openshift_default",namespace="",route=""} 3',
    'haproxy_server_up{server="10.42.0.2:8080",pod="shop-1",service="shop",namespace="web",route="shop"} 1',
  ])
    assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
  assert.doesNotMatch(text, /server="s2"|haproxy_backend_current_sessions\{backend="https-edge"/);
  metrics.remember(statistics(5));
  assert.match(metrics.print(statistics(2), labels), /haproxy_backend_connections_total\{backend="https-edge",.*\} 7/);
  assert.match(metrics.print(undefined, labels), /^haproxy_up 0$/m);
});

test('listening: all, addresses, interfaces, and what the machine does not have', () => {
  const machine = [
    { interface: 'eth0', address: '192.0.2.1' },
    { interface: 'eth0', address: 'fe80::1' },
    { interface: 'eth1', address: '2001:db8::1' },
  ];
  const at = (...asked: string[]) => listenAddressesOf(asked, machine, ['*', '::']);
  assert.deepEqual(at().addresses, ['*', '::']);
  assert.deepEqual(at('eth0', '2001:db8::1', '192.0.2.1').addresses, ['192.0.2.1', '2001:db8::1']);
  assert.deepEqual(at('0.0.0.0').addresses, ['*']);
  const { addresses, problems } = at('192.0.2.9', 'eth7', 'eth1');
  assert.deepEqual(addresses, ['2001:db8::1']);
  assert.deepEqual(
    problems.map((one) => /on (\S+) .*no such (\w+)/.exec(one)?.slice(1)),
    [
      ['192.0.2.9', 'address'],
      ['eth7', 'interface'],
    ],
  );
});
