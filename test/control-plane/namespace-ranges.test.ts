// User ids and SELinux categories of namespaces on the real control plane: at once, never twice, and mended when spoilt.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Namespaces } from '#api/generated/kind-references.ts';
import { startControlPlane, type TestControlPlane } from '#kit/start-control-plane.ts';
import type { Json } from '#kit/start-api-server.ts';

const uidRange = 'openshift.io/sa.scc.uid-range';
const allocation = '/apis/security.openshift.io/v1/rangeallocations/scc-uid';
let cluster: TestControlPlane;
before(async () => {
  cluster = await startControlPlane();
});
after(() => cluster[Symbol.asyncDispose]());

const allRanges = () =>
  cluster.eventually(async () => {
    const ranges = (await cluster.list(Namespaces)).map((one) => one.metadata.annotations?.[uidRange]);
    assert.ok(ranges.every((one: Json) => one !== undefined));
    return ranges as string[];
  });

test('thirty namespaces made at once have thirty ranges, and the three annotations', async () => {
  await Promise.all(
    Array.from({ length: 30 }, (_, index) => cluster.create(Namespaces, { metadata: { name: `team-${index}` } })),
  );
  const ranges = await allRanges();
  assert.equal(new Set(ranges).size, ranges.length);
  const { annotations } = (await cluster.find(Namespaces, undefined, 'team-7')).metadata;
  assert.match(annotations[uidRange], /^1000\d{2}0000\/10000$/);
  assert.equal(annotations['openshift.io/sa.scc.supplemental-groups'], annotations[uidRange]);
  assert.match(annotations['openshift.io/sa.scc.mcs'], /^s0:c\d+,c\d+$/);
});

test('the range of a deleted namespace is free after a repair, which is at most eight hours away', async () => {
  const old = (await cluster.find(Namespaces, undefined, 'team-3')).metadata.annotations[uidRange];
  await cluster.api.delete('/api/v1/namespaces/team-3');
  await cluster.eventually(async () => assert.equal(await cluster.find(Namespaces, undefined, 'team-3'), undefined));
  await cluster.create(Namespaces, { metadata: { name: 'soon' } });
  assert.ok(!(await allRanges()).includes(old));
  cluster.api.virtualClock.advance(8 * 3_600_000);
  await cluster.eventually(async () => {
    await cluster.create(Namespaces, { metadata: { name: 'later', namespace: undefined } }).catch(() => {});
    assert.equal((await cluster.find(Namespaces, undefined, 'later')).metadata.annotations?.[uidRange], old);
  });
});

test('a lost or spoilt allocation costs nobody a range, and gives none twice', async () => {
  const before = await allRanges();
  await cluster.api.delete(allocation);
  await cluster.create(Namespaces, { metadata: { name: 'after-loss' } });
  await allRanges();
  await cluster.api.patch(allocation, 'merge', { data: 'AA==' });
  await cluster.create(Namespaces, { metadata: { name: 'after-harm' } });
  const now = await allRanges();
  assert.equal(new Set(now).size, now.length);
  assert.ok(before.every((one) => now.includes(one)));
  assert.deepEqual(cluster.complaints, []);
});

test('a namespace that loses its range gets one again, and keeps the categories that it has', async () => {
  const { annotations } = (await cluster.find(Namespaces, undefined, 'team-9')).metadata;
  await cluster.api.patch('/api/v1/namespaces/team-9', 'merge', { metadata: { annotations: { [uidRange]: null } } });
  const ranges = await allRanges();
  assert.equal(new Set(ranges).size, ranges.length);
  const now = (await cluster.find(Namespaces, undefined, 'team-9')).metadata.annotations;
  assert.equal(now['openshift.io/sa.scc.mcs'], annotations['openshift.io/sa.scc.mcs']);
});
