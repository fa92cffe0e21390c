import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { Pace } from './pace.ts';

test('a slow disk is told while it lasts, and in the log once a minute', async () => {
  const clock = new VirtualClock(0);
  const warnings: string[] = [];
  const logger: Logger = {
    debug() {},
    info() {},
    warn: (text) => void warnings.push(text),
    error() {},
    named: () => logger,
  };
  const pace = new Pace(clock, logger);
  const commit = async (ms: number, outcome: 'done' | 'failed' = 'done'): Promise<string | undefined> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const paced = pace.of(promise);
    clock.advance(ms);
    // Somebody sets the clock of the machine meanwhile.
    clock.jump(1e12);
    const told = pace.problem();
    if (outcome === 'done') resolve();
    else reject(new Error('no'));
    await paced.catch(() => {});
    assert.equal(pace.problem(), undefined);
    return told;
  };
  assert.equal(await commit(1_000), undefined);
  assert.match((await commit(10_000))!, /^a write has waited for the disk of the data file for 10 s/);
  await commit(10_000, 'failed');
  assert.deepEqual(warnings, ['a write took 10 s to reach the disk: the disk of the data file is slow']);
  clock.advance(60_000);
  await commit(3_000);
  assert.equal(warnings.length, 2);
});
