import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootTimeMs, cgroupUse, networkUse, parseNetworkDevices } from './usage.ts';

test('network devices as the kernel tells them, the loopback left out', () => {
  const told = parseNetworkDevices(
    'Inter-|   Receive  |  Transmit\n face |bytes packets errs\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0:1500 10 2 0 0 0 0 0 2500 20 3 0 0 0 0 0\n',
  );
  assert.deepEqual(told, [{ name: 'eth0', receivedBytes: 1500, receiveErrors: 2, sentBytes: 2500, sendErrors: 3 }]);
});

test('the machine itself has used something, since it booted', async () => {
  const use = await cgroupUse('');
  assert.ok(use !== undefined && use.cpuNanoseconds > 1e6);
  assert.ok(use.memoryWorkingSetBytes > 0 && use.memoryWorkingSetBytes <= use.memoryUsageBytes);
  assert.equal(await cgroupUse('/no-such-cgroup'), undefined);
  assert.deepEqual(await networkUse('/no-such-cgroup'), []);
  assert.ok(bootTimeMs() > 0);
});
