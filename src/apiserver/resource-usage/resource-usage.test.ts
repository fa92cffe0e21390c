// What nodes and Pods use, through the real chain, from nodes that answer as the node agent does: counters that go on with time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeConnector } from '../ports.ts';
import { startApiServer, type Answer, type TestApiServer } from '#kit/start-api-server.ts';
import { parseSample, useBetween } from './samples.ts';

const base = '/apis/metrics.k8s.io/v1beta1';
const asTable = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };

interface FakeNodes {
  readonly asked: string[];
  /** Instead of an answer. */
  failing: string | undefined;
  connector: NodeConnector;
}

/** n1 runs shop/web with two containers; n2 runs shop/db. Half a core each container, from the start of the clock. */
function fakeNodes(now: () => number): FakeNodes {
  const containers: Readonly<Record<string, readonly (readonly [pod: string, container: string])[]>> = {
    n1: [
      ['web', 'app'],
      ['web', 'proxy'],
    ],
    n2: [['db', 'app']],
  };
  const nodes: FakeNodes = {
    asked: [],
    failing: undefined,
    connector: {
      async request(node, { pathAndQuery }) {
        nodes.asked.push(node);
        assert.equal(pathAndQuery, '/metrics/resource');
        if (nodes.failing === node) throw new Error('connect ECONNREFUSED');
        const cpu = (now() / 1000) * 0.5;
        const text = [
          '# TYPE node_cpu_usage_seconds_total counter',
          `node_cpu_usage_seconds_total ${cpu * 2} ${now()}`,
          `node_memory_working_set_bytes 1073741824 ${now()}`,
          ...containers[node]!.flatMap(([pod, container]) => {
            const labels = `{container="${container}",namespace="shop",pod="${pod}"}`;
            return [
              `container_cpu_usage_seconds_total${labels} ${cpu} ${now()}`,
              `container_memory_working_set_bytes${labels} 8392704 ${now()}`,
            ];
          }),
          'resource_scrape_error 0',
        ].join('\n');
        return {
          status: 200,
          contentType: 'text/plain',
          // oxlint-disable-next-line require-yield -- one part
          stream: (async function* () {
            yield Buffer.from(text);
          })(),
        };
      },
      upgrade: () => Promise.reject(new Error('not here')),
    },
  };
  return nodes;
}

async function started(): Promise<{ api: TestApiServer; nodes: FakeNodes }> {
  let now = () => 0;
  const nodes = fakeNodes(() => now());
  const api = await startApiServer({ nodes: nodes.connector });
  now = () => api.virtualClock.now();
  for (const name of ['n1', 'n2'])
    await api.create('/api/v1/nodes', { kind: 'Node', apiVersion: 'v1', metadata: { name, labels: { zone: name } } });
  await api.create('/api/v1/namespaces', { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'shop' } });
  await api.create('/api/v1/namespaces/shop/serviceaccounts', { metadata: { name: 'default' } });
  for (const [name, nodeName] of [
    ['web', 'n1'],
    ['db', 'n2'],
    ['waiting', undefined],
    ['starting', 'n1'],
  ])
    await api.create('/api/v1/namespaces/shop/pods', {
      metadata: { name, labels: { app: name } },
      spec: { containers: [{ name: 'app', image: 'x' }], ...(nodeName === undefined ? {} : { nodeName }) },
    });
  return { api, nodes };
}

/** Lets the time pass that the server waits for between two samples. */
async function answer(api: TestApiServer, path: string, headers = {}): Promise<Answer> {
  let settled = false;
  const asking = api.send('GET', base + path, { headers }).finally(() => (settled = true));
  while (!settled) {
    await new Promise((resolve) => setImmediate(resolve));
    api.virtualClock.advance(100);
  }
  return asking;
}

test('nodes and Pods with what they use in the time between two samples', async () => {
  const { api } = await started();
  const nodes = (await answer(api, '/nodes')).json;
  assert.equal(nodes.kind, 'NodeMetricsList');
  assert.equal(nodes.apiVersion, 'metrics.k8s.io/v1beta1');
  const [first] = nodes.items;
  assert.deepEqual([first.metadata.name, first.metadata.labels.zone], ['n1', 'n1']);
  assert.deepEqual(first.usage, { cpu: '1', memory: '1Gi' });
  assert.match(first.window, /^1(\.\d+)?s$/);
  assert.match(first.timestamp, /^20\d\d-/);
  const pods = (await answer(api, '/namespaces/shop/pods')).json;
  assert.deepEqual(
    pods.items.map((one: { metadata: { name: string }; containers: unknown }) => [one.metadata.name, one.containers]),
    [
      ['db', [{ name: 'app', usage: { cpu: '500m', memory: '8196Ki' } }]],
      [
        'web',
        [
          { name: 'app', usage: { cpu: '500m', memory: '8196Ki' } },
          { name: 'proxy', usage: { cpu: '500m', memory: '8196Ki' } },
        ],
      ],
    ],
  );
  api.close();
});

test('selectors, single objects, all namespaces and tables', async () => {
  const { api } = await started();
  const names = async (path: string) =>
    (await answer(api, path)).json.items.map((one: { metadata: { name: string } }) => one.metadata.name);
  assert.deepEqual(await names('/pods?labelSelector=app%3Dweb'), ['web']);
  assert.deepEqual(await names('/pods?fieldSelector=metadata.name%3Ddb'), ['db']);
  assert.deepEqual(await names('/namespaces/default/pods'), []);
  assert.deepEqual(await names('/nodes?labelSelector=zone%3Dn2'), ['n2']);
  assert.equal((await answer(api, '/nodes/n2')).json.kind, 'NodeMetrics');
  assert.equal((await answer(api, '/namespaces/shop/pods/web')).json.kind, 'PodMetrics');
  const missing = await answer(api, '/namespaces/shop/pods/starting');
  assert.equal(missing.json.message, 'pods.metrics.k8s.io "shop/starting" not found');
  assert.equal((await answer(api, '/namespaces/shop/pods/nothing')).json.message, 'pods "nothing" not found');
  const table = (await answer(api, '/pods', asTable)).json;
  assert.deepEqual(
    table.columnDefinitions.map((one: { name: string }) => one.name),
    ['Name', 'cpu', 'memory', 'Window'],
  );
  assert.deepEqual(table.rows[1].cells.slice(0, 3), ['web', '1', '16392Ki']);
  assert.equal((await api.send('POST', `${base}/nodes`, { body: {} })).status, 405);
  assert.equal((await api.send('GET', `${base}/pods`, { as: { name: 'anna', groups: [] } })).status, 403);
  api.close();
});

test('nodes are asked only when somebody asks: twice at first, once while questions keep coming, together for many', async () => {
  const { api, nodes } = await started();
  await answer(api, '/nodes/n1');
  assert.deepEqual(nodes.asked, ['n1', 'n1']);
  api.virtualClock.advance(15_000);
  const { window } = (await answer(api, '/nodes/n1')).json;
  assert.equal(nodes.asked.length, 3);
  assert.match(window, /^15\.\d+s$|^15s$/);
  // Within a second the same answer holds.
  await Promise.all([api.send('GET', `${base}/nodes/n1`), api.send('GET', `${base}/nodes/n1`)]);
  assert.equal(nodes.asked.length, 3);
  api.virtualClock.advance(600_000);
  assert.equal(nodes.asked.length, 3);
  await answer(api, '/nodes/n1');
  assert.equal(nodes.asked.length, 5, 'what is older than a minute tells nothing about now');
  api.close();
});

test('a node that does not answer is left out, with its Pods; the others are told', async () => {
  const { api, nodes } = await started();
  nodes.failing = 'n1';
  assert.deepEqual(
    (await answer(api, '/nodes')).json.items.map((one: { metadata: { name: string } }) => one.metadata.name),
    ['n2'],
  );
  assert.deepEqual(
    (await answer(api, '/pods')).json.items.map((one: { metadata: { name: string } }) => one.metadata.name),
    ['db'],
  );
  assert.equal((await answer(api, '/nodes/n1')).json.message, 'nodes.metrics.k8s.io "n1" not found');
  api.close();
});

test('a sample is read as far as it makes sense', () => {
  const sample = parseSample(
    [
      'node_cpu_usage_seconds_total NaN 5',
      'container_cpu_usage_seconds_total{container="a",namespace="n",pod="p"} 1.5 1000',
      'container_memory_working_set_bytes{container="a",namespace="n",pod="p"} 4096 1000',
      'container_memory_working_set_bytes{container="without-cpu",namespace="n",pod="p"} 4096 1000',
      'container_cpu_usage_seconds_total{pod="p"} 1 1000',
      'container_cpu_usage_seconds_total{container="b",namespace="n",pod="p"} -1 1000',
      '{"json": true}',
    ].join('\n'),
  );
  assert.equal(sample.node, undefined);
  assert.deepEqual([...sample.pods.get('n/p')!.keys()], ['a']);
  const point = sample.pods.get('n/p')!.get('a')!;
  // A container that started anew counts from zero: no rate until there are two points of its new life.
  assert.equal(useBetween({ ...point, atMs: 0, cpuSeconds: 7 }, point), undefined);
  assert.equal(useBetween(point, point), undefined);
  assert.deepEqual(useBetween({ ...point, atMs: 0, cpuSeconds: 1 }, point), {
    cpuNanocores: 500_000_000,
    memoryBytes: 4096,
    windowMs: 1000,
    atMs: 1000,
  });
});

test('a long line of a node is read at once', () => {
  const started = performance.now();
  const sample = parseSample(`container_cpu_usage_seconds_total{${'a'.repeat(200_000)}} 1 1`);
  assert.equal(sample.pods.size, 0);
  assert.ok(performance.now() - started < 1_000);
});
