// An assembled control plane with nothing to do, for ten minutes of virtual time: which timers fire, and why. Each has its reason
// here, or is a defect. Real: everything `microshift run` starts with this role, the SQLite store and the HTTPS listener included.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChangeableConfiguration } from '#assembly/config/live.ts';
import { loadConfiguration, type LoadOptions } from '#assembly/config/load.ts';
import { runMicroShift } from '#assembly/start.ts';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { systemFiles } from '#host/files.ts';
import { hostIdentity } from '#host/identity.ts';
import { reserveLoopbackPort } from '#host/throw-away.ts';
import { detectNodeAddress, machineNetworks } from '#host/linux/addresses.ts';
import { countingClock, FiredTimers, NodeTimers, type ExpectedTimer, type NodeTimer } from './fired-timers.ts';

const second = 1000;
const minute = 60 * second;

const expected: readonly ExpectedTimer[] = [
  {
    source: 'src/pki/pki.ts',
    everyMs: minute,
    reason: 'compares the time with the day of the next renewal: a clock may be set, and nothing tells',
  },
  {
    source: 'src/host/machine-changes.ts',
    everyMs: minute,
    reason:
      'compares the host name: nothing tells of sethostname(2); changed addresses come from the kernel by themselves',
  },
  {
    source: 'src/host/idle-memory.ts',
    // Once more after a collection.
    everyMs: 50 * second,
    reason: 'looks whether the heap has grown and the process is idle, so that it is worth a collection',
  },
  {
    source: 'src/assembly/datastore/snapshots.ts',
    everyMs: 10 * minute,
    reason:
      'once an hour, the first time soon after the start: copies the data file for repairs, if anything has changed',
  },
];

/** Timers of Node itself, which take no clock: interval, and who sets it. */
const expectedOfNode: readonly { readonly intervalMs: number; readonly source: string; readonly reason: string }[] = [
  {
    intervalMs: 30_000,
    source: 'setupConnectionsTracking (node:_http_server',
    reason: 'ends connections whose request does not come: one listener',
  },
];

const idleMs = 10 * minute;

test('timers of an idle control plane have a reason', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'idle-'));
  const virtual = new VirtualClock(Date.now());
  const fired = new FiredTimers();
  const ofNode = new NodeTimers();
  const stop = new AbortController();
  const loadOptions: LoadOptions = {
    flags: { dataDir: directory, roles: 'controlplane' },
    environment: { MICROSHIFT_CLUSTER_URL: `https://127.0.0.1:${await reserveLoopbackPort()}` },
    identity: hostIdentity(),
    files: systemFiles,
    nodeAddress: detectNodeAddress,
    networks: machineNetworks,
  };
  const loaded = await loadConfiguration(loadOptions);
  let isReady = false;
  let repeating: readonly NodeTimer[] = [];
  const ended = runMicroShift({
    loaded,
    loadOptions,
    live: new ChangeableConfiguration(loaded.configuration, () => {}),
    onReloadRequest() {},
    environment: {},
    clock: countingClock(virtual, fired),
    random: systemRandom,
    logger: silentLogger,
    files: systemFiles,
    identity: hostIdentity(),
    stop: stop.signal,
    aliveMs: 0,
    onReady: () => (isReady = true),
  });
  try {
    /** A step of virtual time, and time to do what is due then. */
    const pass = async (milliseconds: number, stepMs: number): Promise<void> => {
      for (let left = milliseconds; left > 0; left -= stepMs) {
        virtual.advance(stepMs);
        await sleep(1);
      }
    };
    for (let waited = 0; !isReady; waited++) {
      assert.ok(waited < 5000, 'it becomes ready');
      await Promise.race([pass(5, 5), ended]);
    }
    // What the start leaves: Events' flush, caches that end, first looks.
    await pass(5 * minute, second);
    fired.begin();
    await pass(idleMs, second);
    fired.end();
    repeating = ofNode.repeating();
  } finally {
    ofNode[Symbol.dispose]();
    stop.abort();
    const over = ended.then(() => true);
    while (!(await Promise.race([over, sleep(5).then(() => false)]))) virtual.advance(50);
    rmSync(directory, { recursive: true, force: true });
  }
  assert.deepEqual(fired.unexplained(expected, idleMs), []);
  // A row that nothing matches any more is no reason for anything.
  for (const { source, everyMs } of expected)
    assert.ok(fired.all.has(source) || everyMs >= idleMs, `no timer of ${source} fires: its row is to go`);
  assert.deepEqual(
    repeating.map(({ intervalMs, stack }) => {
      const row = expectedOfNode.find((one) => one.intervalMs === intervalMs && stack.includes(one.source));
      return row?.source ?? `every ${intervalMs} ms, and nobody says why: ${stack}`;
    }),
    expectedOfNode.map((one) => one.source),
  );
});
