import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportText } from './simulate-scale.ts';
import { type Clock, sleep, systemClock, VirtualClock } from '#base/clock.ts';
import { seededRandom } from '#base/random.ts';
import type { ApiRequest, ApiResponse } from '#api/request.ts';
import { kindOfRequest, Latencies } from '#simulation/scale/latencies.ts';
import { runScale, type ScaleOptions } from '#simulation/scale/run.ts';
import { onVirtualTime } from '#simulation/scale/virtual-time.ts';

test('requests are told apart by verb and resource; watches are none', () => {
  const of = (method: string, path: string, query = '') => {
    const kind = kindOfRequest({ method, path, query: new URLSearchParams(query) });
    return kind && `${kind.verb} ${kind.resource}`;
  };
  assert.equal(of('GET', '/api/v1/namespaces/a/pods/p'), 'GET pods');
  assert.equal(of('GET', '/api/v1/pods'), 'LIST pods');
  assert.equal(of('GET', '/api/v1/namespaces/a'), 'GET namespaces');
  assert.equal(of('GET', '/apis/apps/v1/namespaces/a/deployments'), 'LIST deployments');
  assert.equal(of('PATCH', '/api/v1/namespaces/a/pods/p/status'), 'PATCH pods/status');
  assert.equal(of('GET', '/api/v1/pods', 'watch=true'), undefined);
  assert.equal(of('GET', '/readyz'), undefined);
});

test('percentiles are within five per cent', async () => {
  const clock = new VirtualClock(0);
  const latencies = new Latencies(clock);
  const handler = latencies.around({
    handle: async ({ path }) => {
      clock.advance(Number(path.split('/').at(-1)));
      return {} as ApiResponse;
    },
  });
  for (let ms = 1; ms <= 100; ms++)
    await handler.handle({ method: 'GET', path: `/api/v1/nodes/${ms}`, query: new URLSearchParams() } as ApiRequest);
  const [row] = latencies.rows();
  assert.deepEqual([row?.verb, row?.resource, row?.count, row?.maxMs], ['GET', 'nodes', 100, 100]);
  assert.ok(Math.abs(row!.p50Ms - 50) < 3 && Math.abs(row!.p99Ms - 99) < 5, JSON.stringify(row));
});

const small = (clock: Clock, onProgress: (line: string) => void): ScaleOptions => ({
  nodes: 5,
  pods: 40,
  podsPerDeployment: 20,
  podStartMs: 5,
  podStopMs: 5,
  leaseSeconds: 1,
  clock,
  realClock: systemClock,
  random: seededRandom(1),
  residentBytes: () => 5 * 1024 ** 3,
  processorSeconds: () => performance.now() / 1_000,
  onProgress,
  signal: AbortSignal.timeout(60_000),
});

test('a small cluster of simulated nodes runs all of its Pods, and says what that took', async () => {
  const lines: string[] = [];
  const alive = setInterval(() => {}, 1_000);
  try {
    const report = await runScale(small(systemClock, (line) => lines.push(line)));
    const counts = new Map(report.latencies.map((row) => [`${row.verb} ${row.resource}`, row.count]));
    assert.equal(counts.get('POST pods'), 40);
    assert.equal(counts.get('POST pods/binding'), 40);
    assert.equal(counts.get('PATCH pods/status'), 40);
    assert.ok(counts.get('PATCH leases')! >= 5);
    assert.ok(report.podsPerSecond > 1);
    assert.deepEqual(report.broken, ['memory: more than 4 GB']);
    assert.match(reportText(report), /POST {2,}pods\/binding {2,}40 [\s\S]*Not held: memory: more than 4 GB\.$/);
    assert.deepEqual(
      lines.filter((line) => /failed|error/.test(line)),
      [],
    );
  } finally {
    clearInterval(alive);
  }
});

test('on virtual time Pods that take an hour to begin are waited for by nobody, and nodes stay alive meanwhile', async () => {
  const lines: string[] = [];
  const beganMs = performance.now();
  const report = await onVirtualTime(Date.UTC(2026, 0), (clock) =>
    runScale({ ...small(clock, (line) => lines.push(line)), podStartMs: 3_600_000, leaseSeconds: 10 }),
  );
  assert.ok(performance.now() - beganMs < 60_000);
  assert.ok(report.clusterSeconds > 3_600 && report.clusterSeconds < 3_700, `${report.clusterSeconds} s`);
  const counts = new Map(report.latencies.map((row) => [`${row.verb} ${row.resource}`, row.count]));
  assert.equal(counts.get('PATCH pods/status'), 40);
  assert.equal(counts.get('POST pods'), 40, 'none was evicted and made again');
  const renewals = counts.get('PATCH leases')!;
  assert.ok(renewals >= 5 * 350 && renewals <= 5 * 370, `${renewals} renewals of five Leases`);
  assert.ok(report.latencies.every((row) => row.maxMs < 10_000));
  assert.deepEqual(
    lines.filter((line) => /failed|error/.test(line)),
    [],
  );
});

test('what fails on virtual time fails for who waits', async () => {
  await assert.rejects(
    onVirtualTime(0, async (clock) => {
      await sleep(clock, 600_000);
      throw new Error('ten minutes later');
    }),
    /ten minutes later/,
  );
});
