import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oldCluster } from './old-cluster.ts';

const owner = JSON.stringify({ dataDirectory: '/var/lib/microshift', clusterId: 'one', ownRuntime: true });

const isOld = (...given: Parameters<typeof oldCluster>) => oldCluster(...given) !== undefined;

test('a cluster is old when this data directory held it and does no more', () => {
  assert.equal(isOld(owner, '/var/lib/microshift', undefined), true, 'emptied');
  assert.equal(isOld(owner, '/var/lib/microshift', 'two'), true, 'replaced');
  assert.equal(isOld(owner, '/var/lib/microshift', 'one\n'), false, 'a restart');
  assert.equal(isOld(owner, '/srv/other', undefined), false, 'of somebody else');
  assert.equal(isOld(undefined, '/var/lib/microshift', undefined), false, 'after a reboot');
  assert.equal(isOld('half', '/var/lib/microshift', undefined), false, 'unreadable');
});
