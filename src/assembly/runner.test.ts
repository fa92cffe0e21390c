import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvariantError } from '#base/errors.ts';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import type { Scope } from '#base/scope.ts';
import type { Service } from '#base/service.ts';
import { ServiceRunner } from './runner.ts';

const runnerOf = (services: readonly Service[]) =>
  new ServiceRunner({ services, clock: new VirtualClock(0), logger: silentLogger, aliveMs: 0 });

function traced(
  name: string,
  dependsOn: readonly string[],
  trace: string[],
  gate: Promise<void> = Promise.resolve(),
): Service {
  return {
    name,
    dependsOn,
    async start(scope: Scope) {
      trace.push(`+${name}`);
      scope.onClose(() => void trace.push(`-${name}`));
      await gate;
      trace.push(`=${name}`);
    },
  };
}

test('services start side by side, behind those that they depend on, and stop in reverse', async () => {
  const trace: string[] = [];
  const slow = Promise.withResolvers<void>();
  const runner = runnerOf([
    traced('keys', [], trace, slow.promise),
    traced('store', [], trace),
    traced('api', ['keys', 'store'], trace),
    traced('controllers', ['api'], trace),
  ]);
  const started = runner.start();
  await new Promise(setImmediate);
  assert.deepEqual(trace, ['+keys', '+store', '=store']);
  assert.deepEqual(runner.status().find((one) => one.name === 'api')?.waitsFor, ['keys']);
  slow.resolve();
  await started;
  assert(runner.ready);
  assert.deepEqual(trace.slice(3), ['=keys', '+api', '=api', '+controllers', '=controllers']);
  await runner.stop();
  assert.deepEqual(trace.slice(-4), ['-controllers', '-api', '-keys', '-store']);
});

test('a service that cannot start is named with its reason, and nothing behind it starts', async () => {
  const trace: string[] = [];
  const runner = runnerOf([
    { name: 'store', dependsOn: [], start: () => Promise.reject(new Error('the disk is full')) },
    traced('api', ['store'], trace),
  ]);
  void runner.start();
  const { service, error } = await runner.failed;
  assert.equal(service, 'store');
  assert.match(String(error), /the disk is full/);
  assert.deepEqual(
    runner.status().map((one) => [one.state, one.problems]),
    [
      ['failed', ['the disk is full']],
      ['waiting', []],
    ],
  );
  assert.deepEqual(trace, []);
  await runner.stop();
});

test('background work that fails after the start counts as a failure of its service', async () => {
  const runner = runnerOf([
    {
      name: 'store',
      dependsOn: [],
      start(scope) {
        scope.spawn('flush', () => Promise.reject(new Error('the disk is gone')));
        return Promise.resolve();
      },
    },
  ]);
  await runner.start();
  const { service, error } = await runner.failed;
  assert.deepEqual([service, String(error)], ['store', 'Error: flush: the disk is gone']);
});

test('what is wrong is told as long as it is', async () => {
  let problems = ['no container runtime'];
  const runner = runnerOf([{ name: 'node', dependsOn: [], start: () => Promise.resolve(), problems: () => problems }]);
  await runner.start();
  assert.deepEqual(runner.status()[0]?.problems, ['no container runtime']);
  problems = [];
  assert.deepEqual(runner.status()[0]?.problems, []);
});

test('stopping in the middle of the start does not start what waits', async () => {
  const trace: string[] = [];
  const slow = Promise.withResolvers<void>();
  const runner = runnerOf([traced('store', [], trace, slow.promise), traced('api', ['store'], trace)]);
  void runner.start();
  await new Promise(setImmediate);
  const stopped = runner.stop();
  slow.resolve();
  await stopped;
  await new Promise(setImmediate);
  assert(!trace.includes('+api'));
});

test('a service above the one that it depends on is refused', () => {
  assert.throws(() => runnerOf([traced('api', ['store'], []), traced('store', [], [])]), InvariantError);
});
