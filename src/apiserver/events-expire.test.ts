// Events go an hour after they were last written, whichever group they came through (upstream's --event-ttl, by default an hour).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventTtlSeconds } from '#base/limits.ts';
import { startApiServer } from '#kit/start-api-server.ts';

const core = '/api/v1/namespaces/default/events';
const grouped = '/apis/events.k8s.io/v1/namespaces/default/events';
const ofCore = (name: string) => ({
  metadata: { name },
  involvedObject: { kind: 'Pod', namespace: 'default', name: 'web' },
  reason: 'Started',
  type: 'Normal',
});
const ofGroup = (name: string, eventTime: string) => ({
  metadata: { name },
  eventTime,
  reportingController: 'example.com/tester',
  reportingInstance: 'one',
  action: 'Testing',
  reason: 'Started',
  type: 'Normal',
  regarding: { kind: 'Pod', namespace: 'default', name: 'web' },
});

test('Events end after an hour; who writes one again keeps it for another; watchers are told', async () => {
  assert.equal(eventTtlSeconds, 3_600);
  const api = await startApiServer();
  const there = async () => (await api.get(core)).items.map((one: { metadata: { name: string } }) => one.metadata.name);
  await api.create(core, ofCore('old'));
  await api.create(core, ofCore('repeated'));
  await api.create(core, ofCore('patched'));
  await api.create(grouped, ofGroup('grouped', new Date(api.clock.now()).toISOString().replace('Z', '000Z')));
  const watch = await api.watch(`${core}?watch=true`);
  const seen = (): string[] =>
    watch.events.filter((one) => one.type === 'DELETED').map((one) => one.object.metadata.name);

  api.virtualClock.advance(1_800_000);
  await api.update(`${core}/repeated`, { ...(await api.get(`${core}/repeated`)), count: 2 });
  await api.patch(`${core}/patched`, 'strategic', { count: 2 });
  api.virtualClock.advance(1_799_000);
  assert.deepEqual(await there(), ['grouped', 'old', 'patched', 'repeated']);
  assert.deepEqual(seen(), []);
  // The store looks every ten seconds.
  api.virtualClock.advance(11_000);
  assert.deepEqual(await there(), ['patched', 'repeated']);
  assert.deepEqual(new Set(seen()), new Set(['grouped', 'old']));
  assert.equal((await api.send('GET', `${grouped}/grouped`)).status, 404);

  api.virtualClock.advance(1_788_000);
  assert.deepEqual(await there(), ['patched', 'repeated']);
  api.virtualClock.advance(12_000);
  assert.deepEqual(await there(), []);
  assert.deepEqual(new Set(seen()), new Set(['grouped', 'old', 'patched', 'repeated']));
  // A name is free again.
  await api.create(core, ofCore('old'));
  watch.stop();
});

test('a dry run keeps no Event', async () => {
  const api = await startApiServer();
  await api.create(core, ofCore('one'));
  api.virtualClock.advance(3_000_000);
  await api.patch(`${core}/one?dryRun=All`, 'merge', { count: 2 });
  api.virtualClock.advance(610_000);
  assert.equal((await api.send('GET', `${core}/one`)).status, 404);
});
