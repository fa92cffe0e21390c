import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupDetails, machinePressure, parseCgroupDetails, parsePressure } from './cgroup-details.ts';

const reader =
  (files: Readonly<Record<string, string>>) =>
  (_: string, file: string): string | undefined =>
    files[file];

test('a cgroup of version 2: times in microseconds, weights, limits that are none', () => {
  const details = parseCgroupDetails(
    reader({
      'memory.stat':
        'anon 4096\nfile 8192\nkernel 700\nfile_mapped 512\nactive_file 30\ninactive_file 40\npgfault 5\npgmajfault 1\n',
      'cgroup.procs': '12\n13\n',
      'pids.current': '7\n',
      'pids.max': 'max\n',
      'cpu.stat': 'usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 9\nnr_throttled 3\nthrottled_usec 2\n',
      'cpu.max': '50000 100000\n',
      'cpu.weight': '39\n',
      'memory.max': '1048576\n',
      'memory.swap.max': 'max\n',
      'memory.low': '0\n',
      'memory.swap.current': '99\n',
      'memory.peak': '16384\n',
      'memory.events': 'low 0\nhigh 0\nmax 4\noom 1\noom_kill 1\n',
      'io.stat': '8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n',
      'cpu.pressure':
        'some avg10=1.50 avg60=0.20 avg300=0.00 total=777\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n',
    }),
    true,
  )!;
  assert.deepEqual(
    [details.cpuUserNanoseconds, details.cpuSystemNanoseconds, details.throttling],
    [20_000, 10_000, { periods: 9, throttled: 3, throttledNanoseconds: 2_000 }],
  );
  assert.deepEqual(
    [details.cpuShares, details.cpuQuotaMicroseconds, details.cpuPeriodMicroseconds],
    [998, 50_000, 100_000],
  );
  assert.deepEqual(
    [details.memoryLimitBytes, details.memorySwapLimitBytes, details.memorySwapBytes],
    [1_048_576, 0, 99],
  );
  assert.deepEqual([details.processes, details.threads, details.threadsMax], [2, 7, 0]);
  assert.deepEqual([details.memoryLimitHits, details.oomKills, details.memoryKernelBytes], [4, 1, 700]);
  assert.deepEqual([...details.traffic], [['8:0', { readBytes: 1, writtenBytes: 2, reads: 3, writes: 4 }]]);
  assert.equal(details.pressure.cpu?.some.totalMicroseconds, 777);
  assert.equal(details.pressure.memory, undefined, 'no file, no pressure');
});

test('a cgroup of version 1: no limit is a number near the largest', () => {
  const details = parseCgroupDetails(
    reader({
      'memory.stat': 'pgfault 1\npgmajfault 0\ntotal_cache 8\ntotal_swap 3\ntotal_pgfault 6\ntotal_pgmajfault 2\n',
      'cgroup.procs': '1\n',
      'cpu.cfs_quota_us': '-1\n',
      'cpu.cfs_period_us': '100000\n',
      'cpu.shares': '1024\n',
      'cpu.stat': 'nr_periods 0\nnr_throttled 0\nthrottled_time 0\n',
      'memory.limit_in_bytes': '9223372036854771712\n',
      'memory.failcnt': '2\n',
      'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n',
      'blkio.throttle.io_service_bytes_recursive': '8:0 Read 5\n8:0 Write 6\n8:0 Total 11\nTotal 11\n',
      'blkio.throttle.io_serviced_recursive': '8:0 Read 1\n8:0 Write 2\n',
    }),
    false,
  )!;
  assert.equal(details.memoryLimitBytes, 0);
  assert.equal(details.throttling, undefined, 'nothing is throttled where there is no quota');
  assert.deepEqual(
    [details.pageFaults, details.majorPageFaults],
    [
      { own: 1, all: 6 },
      { own: 0, all: 2 },
    ],
  );
  assert.deepEqual([details.memorySwapBytes, details.memoryLimitHits, details.oomKills], [3, 2, 3]);
  assert.deepEqual([...details.traffic], [['8:0', { readBytes: 5, writtenBytes: 6, reads: 1, writes: 2 }]]);
  assert.equal(parseCgroupDetails(reader({}), false), undefined, 'no such cgroup');
});

test('pressure of a kernel that tells none is none', () => {
  assert.equal(parsePressure(undefined), undefined);
  assert.equal(parsePressure('some avg10=0.10 avg60=0.00 avg300=0.00 total=9\n')?.full.totalMicroseconds, 0);
});

test('this machine has used memory in both ways of looking, and no cgroup of a wrong name', async () => {
  const details = await cgroupDetails('');
  assert.ok(details !== undefined && details.memoryCacheBytes > 0 && details.pageFaults.all > 0);
  assert.equal(await cgroupDetails('/no-such-cgroup'), undefined);
  const pressure = await machinePressure('cpu');
  assert.ok(pressure === undefined || pressure.some.totalMicroseconds >= 0);
});
