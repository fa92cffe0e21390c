import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootTimeMs, cgroupUse, deviceOf, networkUse, parseNetworkDevices, swapSpace } from './usage.ts';

test('network devices as the kernel tells them, the loopback left out', () => {
  const told = parseNetworkDevices(
    'Inter-|   Receive  |  Transmit\n face |bytes packets errs\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0:1500 10 2 4 0 0 0 0 2500 20 3 5 0 0 0 0\n',
  );
  assert.deepEqual(told, [
    {
      name: 'eth0',
      receivedBytes: 1500,
      receivedPackets: 10,
      receiveErrors: 2,
      receiveDrops: 4,
      sentBytes: 2500,
      sentPackets: 20,
      sendErrors: 3,
      sendDrops: 5,
    },
  ]);
});

test('the machine itself has used something, since it booted', async () => {
  const use = await cgroupUse('');
  assert.ok(use !== undefined && use.cpuNanoseconds > 1e6);
  assert.ok(use.memoryWorkingSetBytes > 0 && use.memoryWorkingSetBytes <= use.memoryUsageBytes);
  assert.equal(await cgroupUse('/no-such-cgroup'), undefined);
  assert.deepEqual(await networkUse('/no-such-cgroup'), []);
  assert.ok(bootTimeMs() > 0);
  const { totalBytes, freeBytes } = swapSpace();
  assert.ok(freeBytes >= 0 && freeBytes <= totalBytes);
  assert.notEqual(await deviceOf('/'), '');
  assert.equal(await deviceOf('/proc/self'), 'proc');
});
