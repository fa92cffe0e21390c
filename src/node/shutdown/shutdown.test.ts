import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { loggedScope } from '#base/scope.ts';
import type { Pod } from '#api/generated/types.ts';
import { graceInGroup, shutdownGroups } from './groups.ts';
import { NodeShutdown } from './shutdown.ts';

const pod = (uid: string, more: Partial<Pod['spec']> = {}): Pod => ({
  metadata: { name: uid, uid },
  spec: { containers: [], ...more },
  status: { phase: 'Running' },
});
const critical = { priority: 2_000_001_000 };
const periods = { totalSeconds: 30, criticalSeconds: 10 };

test('critical Pods end last, in their part of the time; a Pod’s own grace counts where it is shorter', () => {
  const [plain, quick, important] = [pod('a'), pod('b', { terminationGracePeriodSeconds: 2 }), pod('c', critical)];
  const groups = shutdownGroups([important, plain, quick], periods);
  assert.deepEqual(
    groups.map(({ seconds, pods }) => [seconds, pods.map((one) => one.metadata.uid)]),
    [
      [20, ['a', 'b']],
      [10, ['c']],
    ],
  );
  assert.deepEqual(
    [plain, quick].map((one) => graceInGroup(one, groups[0]!)),
    [20, 2],
  );
  assert.deepEqual(
    shutdownGroups([important], periods).map((one) => one.seconds),
    [10],
  );
});

function machine(pods: Pod[], quiet: Set<string>) {
  const seen: string[] = [];
  const host = { preparing: false, hint: () => {}, locks: 0 };
  const clock = new VirtualClock(0);
  const shutdown = new NodeShutdown({
    inhibitor: {
      allowDelay: async (seconds) => void seen.push(`delay of ${seconds} s`),
      inhibit: async () => {
        host.locks++;
        return { [Symbol.dispose]: () => void host.locks-- };
      },
      isPreparing: async () => host.preparing,
      watch: (onHint, signal) => {
        host.hint = onHint;
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    },
    periods,
    clock,
    logger: silentLogger,
    pods: () => pods,
    end: (one, graceSeconds) => seen.push(`end ${one.metadata.uid} in ${graceSeconds} s`),
    isQuiet: (uid) => quiet.has(uid),
    onChange: (message) => seen.push(message),
  });
  const scope = loggedScope('shutdown', silentLogger);
  shutdown.start(scope);
  const settle = async () => {
    for (let turns = 0; turns < 30; turns++) await new Promise((resolve) => setImmediate(resolve));
  };
  const ended = (uid: string) => {
    quiet.add(uid);
    pods.splice(
      0,
      pods.length,
      ...pods.map((one) => (one.metadata.uid === uid ? { ...one, status: { phase: 'Failed' } } : one)),
    );
  };
  return { shutdown, seen, host, clock, settle, ended, [Symbol.asyncDispose]: () => scope.close() };
}

test('the machine waits while Pods end, group by group, and no longer; a cancelled shutdown is guarded against again', async () => {
  await using at = machine([pod('a'), pod('c', critical)], new Set());
  await at.settle();
  assert.deepEqual([at.host.locks, at.shutdown.isShuttingDown], [1, false]);
  at.host.preparing = true;
  at.host.hint();
  await at.settle();
  assert.equal(at.shutdown.isShuttingDown, true);
  assert.deepEqual(at.seen, ['delay of 30 s', 'Shutdown manager detected shutdown event', 'end a in 20 s']);
  at.ended('a');
  at.clock.advance(200);
  await at.settle();
  assert.equal(at.seen.at(-1), 'end c in 10 s');
  assert.equal(at.host.locks, 1);
  at.ended('c');
  at.clock.advance(200);
  await at.settle();
  assert.equal(at.host.locks, 0);
  at.host.preparing = false;
  at.host.hint();
  await at.settle();
  assert.equal(at.seen.at(-1), 'Shutdown manager detected shutdown cancellation');
  assert.deepEqual([at.host.locks, at.shutdown.isShuttingDown], [1, false]);
});

test('Pods that do not end keep neither the next group nor the machine longer than their time', async () => {
  await using at = machine([pod('a'), pod('c', critical)], new Set());
  await at.settle();
  at.host.preparing = true;
  at.host.hint();
  await at.settle();
  for (let waitedMs = 0; waitedMs < 30_400; waitedMs += 200) {
    at.clock.advance(200);
    await at.settle();
  }
  assert.deepEqual(at.seen.slice(-2), ['end a in 20 s', 'end c in 10 s']);
  assert.equal(at.host.locks, 0);
});

test('a signal that logind knows nothing of ends nothing', async () => {
  await using at = machine([pod('a')], new Set());
  await at.settle();
  at.host.hint();
  await at.settle();
  assert.deepEqual(at.seen, ['delay of 30 s']);
});
