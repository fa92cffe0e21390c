import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '#api/status.ts';
import { VirtualClock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { writtenWhenPossible } from './written-when-possible.ts';

function setUp() {
  const clock = new VirtualClock(0);
  const errors: string[] = [];
  let problems = (): readonly string[] => [];
  const logger: Logger = {
    debug() {},
    info() {},
    warn() {},
    error: (text) => void errors.push(text),
    named: () => logger,
  };
  const stop = new AbortController();
  const context = {
    clock,
    logger,
    stopping: stop.signal,
    showProblems: (given: () => readonly string[]) => void (problems = given),
  };
  return { clock, errors, stop, context, problems: () => problems() };
}

test('what a store refuses that is full or fails is written when it takes it', async () => {
  const { clock, errors, context, problems } = setUp();
  const answers = [
    new ApiError(500, '', 'etcdserver: mvcc: database space exceeded'),
    new ApiError(500, '', 'etcdserver: mvcc: database space exceeded'),
    new ApiError(503, 'ServiceUnavailable', 'storage is unavailable'),
  ];
  const written = writtenWhenPossible(context, 'the objects', async () => {
    const error = answers.shift();
    if (error !== undefined) throw error;
  });
  for (const expected of [/space exceeded/, /space exceeded/, /storage is unavailable/]) {
    await new Promise(setImmediate);
    assert.match(problems().join(), expected);
    clock.advance(10_000);
  }
  await written;
  assert.deepEqual([problems(), errors.length], [[], 2]);
});

test('another failure is one', async () => {
  const { context } = setUp();
  const failure = new ApiError(422, 'Invalid', 'no');
  await assert.rejects(
    writtenWhenPossible(context, 'it', () => Promise.reject(failure)),
    failure,
  );
});
