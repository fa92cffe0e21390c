import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOldCluster } from './old-cluster.ts';

const owner = JSON.stringify({ dataDirectory: '/var/lib/microshift', clusterId: 'one' });

test('a cluster is old when this data directory held it and does no more', () => {
  assert.equal(isOldCluster(owner, '/var/lib/microshift', undefined), true, 'emptied');
  assert.equal(isOldCluster(owner, '/var/lib/microshift', 'two'), true, 'replaced');
  assert.equal(isOldCluster(owner, '/var/lib/microshift', 'one\n'), false, 'a restart');
  assert.equal(isOldCluster(owner, '/srv/other', undefined), false, 'of somebody else');
  assert.equal(isOldCluster(undefined, '/var/lib/microshift', undefined), false, 'after a reboot');
  assert.equal(isOldCluster('half', '/var/lib/microshift', undefined), false, 'unreadable');
});
