import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupFiles, cpuWeight, sliceArguments } from './cgroups.ts';

const limits = { cpuShares: 512, cpuLimitMilli: 500, memoryLimitBytes: 1024 };

test('limits as files of both versions; none is said too, as a limit may go', () => {
  assert.deepEqual(cgroupFiles(false, limits), [
    ['cpu', 'cpu.shares', '512'],
    ['cpu', 'cpu.cfs_period_us', '100000'],
    ['cpu', 'cpu.cfs_quota_us', '50000'],
    ['memory', 'memory.limit_in_bytes', '1024'],
  ]);
  assert.deepEqual(cgroupFiles(true, { cpuShares: 2 }), [
    ['', 'cpu.weight', '1'],
    ['', 'cpu.max', 'max'],
    ['', 'memory.max', 'max'],
  ]);
  assert.deepEqual([cpuWeight(2), cpuWeight(1024), cpuWeight(262_144)], [1, 39, 10_000]);
  assert.equal(cgroupFiles(true, { ...limits, cpuLimitMilli: 1 })[1]?.[2], '1000 100000', 'a millisecond at least');
});

test('a slice of systemd has the same limits as properties', () => {
  const text = sliceArguments('kubepods-podx.slice', true, limits).join(' ');
  assert.match(text, /StartTransientUnit ssa\(sv\)a\(sa\(sv\)\) kubepods-podx\.slice replace 7 /);
  assert.match(text, /CPUWeight t 20 CPUQuotaPerSecUSec t 500000 MemoryMax t 1024 0$/);
  assert.match(
    sliceArguments('s.slice', false, { cpuShares: 2 }).join(' '),
    /CPUShares t 2 .* MemoryLimit t 18446744073709551615 0$/,
  );
});
