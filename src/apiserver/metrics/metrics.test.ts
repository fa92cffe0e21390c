// /metrics as monitoring reads it: names, labels and buckets of upstream, numbers of what happened.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { featureGates } from '#api/feature-gates.ts';
import { startApiServer } from '#kit/start-api-server.ts';
import { Count, familyText, Histogram } from './families.ts';

test('counts, histograms and their escaping', () => {
  const count = new Count('counter', 'a_total', 'Help.');
  count.add('x', () => ({ one: 'a"b\\c\nd' }));
  count.add('x', () => assert.fail('labels are made once'), 2);
  assert.equal(count.text(), '# HELP a_total Help.\n# TYPE a_total counter\na_total{one="a\\"b\\\\c\\nd"} 3\n');
  const histogram = new Histogram('b', 'Help.', [1, 5]);
  for (const value of [0.5, 1, 3, 9]) histogram.observe('x', () => ({ l: 'v' }), value);
  const lines = histogram.text().split('\n').slice(2, -1);
  assert.deepEqual(lines, [
    'b_bucket{l="v",le="1"} 2',
    'b_bucket{l="v",le="5"} 3',
    'b_bucket{l="v",le="+Inf"} 4',
    'b_sum{l="v"} 13.5',
    'b_count{l="v"} 4',
  ]);
  assert.equal(familyText('c', 'gauge', 'Help.', []), '', 'nothing to tell');
});

test('series are bounded: who makes many fills no memory', () => {
  const count = new Count('counter', 'a_total', 'Help.');
  for (let index = 0; index < 6_000; index++) count.add(String(index), () => ({ l: String(index) }));
  assert.equal(count.text().split('\n').length - 3, 5_000);
});

test('requests, objects, watches and attempts are told under the names of upstream', async () => {
  const api = await startApiServer({ featureGates: featureGates(new Map([['GenericWorkload', true]])) });
  const path = '/api/v1/namespaces/default/configmaps';
  await api.create(path, { metadata: { name: 'one' } });
  await api.send('POST', `${path}?dryRun=All`, { body: { metadata: { name: 'two' } } });
  await api.send('GET', `${path}/nothing`);
  await api.send('GET', '/apis/nothing/v1/anything');
  const watch = await api.watch(`${path}?watch=true`);
  await api.send('GET', path, { headers: { authorization: 'Bearer wrong' } });
  const of = async () => (await api.send('GET', '/metrics')).text;
  const text = await of();
  const lines = [
    'apiserver_request_total{code="201",system_client="",component="apiserver",dry_run="",group="",resource="configmaps",scope="namespace",subresource="",verb="CREATE",version="v1"} 1',
    'apiserver_request_total{code="201",system_client="",component="apiserver",dry_run="All",group="",resource="configmaps",scope="namespace",subresource="",verb="CREATE",version="v1"} 1',
    'apiserver_request_total{code="404",system_client="",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="GET",version="v1"} 1',
    'apiserver_request_duration_seconds_count{component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="GET",version="v1"} 1',
    'apiserver_storage_objects{resource="configmaps"} 1',
    'apiserver_resource_objects{group="",resource="configmaps"} 1',
    'apiserver_longrunning_requests{component="apiserver",group="",resource="configmaps",scope="namespace",subresource="",verb="WATCH",version="v1"} 1',
    'apiserver_current_inflight_requests{request_kind="mutating"} 0',
    'authentication_attempts{result="failure"} 1',
    'kubernetes_feature_enabled{name="GenericWorkload",stage="ALPHA"} 1',
    'kubernetes_feature_enabled{name="APIServerTracing",stage=""} 1',
    'kubernetes_build_info{build_date="2026-01-01T00:00:00Z",compiler="v8",git_commit="",git_tree_state="clean",git_version="v1.36.2+microshift",go_version="node",major="1",minor="36",platform="linux/amd64"} 1',
  ];
  for (const line of lines) assert.ok(text.includes(`${line}\n`), `${line}\nis not in\n${text}`);
  assert.match(text, /^process_resident_memory_bytes \d+$/m);
  assert.doesNotMatch(text, /anything/, 'what is not served makes no series');
  watch.stop();
  assert.doesNotMatch(await of(), /apiserver_longrunning_requests/);
});

test('labels of requests are no text of clients: unknown methods and dry runs are one series each', async () => {
  const api = await startApiServer();
  for (let index = 0; index < 20; index++) {
    await api.send(`M${index}`, '/version');
    await api.send('GET', `/version?dryRun=${index}`);
  }
  const { text } = await api.send('GET', '/metrics');
  const series = text.split('\n').filter((line: string) => line.startsWith('apiserver_request_total{'));
  assert.equal(series.filter((line: string) => line.includes('verb="OTHER"')).length, 1, series.join('\n'));
  assert.equal(series.filter((line: string) => line.includes('dry_run="invalid"')).length, 1);
  assert.doesNotMatch(series.join('\n'), /verb="M\d|dry_run="\d/);
});
