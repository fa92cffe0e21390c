import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersistentVolumeClaim, Pod } from '#api/generated/types.ts';
import { decide } from './decide.ts';

const pod = (metadata: object = {}): Pod => ({
  metadata: { name: 'p', namespace: 'default', uid: 'pod', ...metadata },
  spec: {
    containers: [],
    volumes: [
      { name: 'plain', emptyDir: {} },
      { name: 'work', ephemeral: { volumeClaimTemplate: { metadata: { labels: { a: 'b' } }, spec: {} } } },
    ],
  },
});
const owned = (uid: string): PersistentVolumeClaim => ({
  metadata: { name: 'p-work', ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid, controller: true }] },
  spec: {},
});

test('makes the claim of each ephemeral volume, owned by the Pod', () => {
  const { actions } = decide({ pod: pod(), claim: () => undefined });
  assert.equal(actions.length, 1);
  const made = actions[0]!.verb === 'create' ? actions[0]!.object : undefined;
  assert.deepEqual(
    [made?.metadata.name, made?.metadata.labels, made?.metadata.ownerReferences?.[0]?.uid],
    ['p-work', { a: 'b' }, 'pod'],
  );
  assert.deepEqual(decide({ pod: pod(), claim: () => owned('pod') }).actions, []);
  assert.deepEqual(decide({ pod: pod({ deletionTimestamp: 'x' }), claim: () => undefined }).actions, []);
});

test("another's claim of that name is never used", () => {
  const { actions, events } = decide({ pod: pod(), claim: () => owned('other') });
  assert.deepEqual(actions, []);
  assert.equal(
    events![0]!.message,
    'ephemeral volume work: PVC default/p-work was not created for pod default/p (pod is not owner)',
  );
});
