import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import type { Image } from '../cri/messages.ts';
import { Images, type ImageEvent } from './images.ts';
import { Puller } from './puller.ts';
import type { PullRecords } from './pull-records.ts';

const image: Image = { id: 'id', repoTags: [], repoDigests: [], size: 7, uid: null, username: '', pinned: false };
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** `pull` gives the failure of each try; undefined: it succeeds. */
function start(pull: (signal: AbortSignal | undefined) => Promise<string | undefined>, allowed = true) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const events: string[] = [];
  const [pulls, ended]: [number[], (string | undefined)[]] = [[], []];
  let present: Image | undefined;
  const runtime = {
    imageStatus: async () => present,
    pullProgress: async () => undefined,
    async pullImage(_: string, __: unknown, ___: unknown, signal?: AbortSignal) {
      pulls.push(clock.now());
      const failure = await pull(signal);
      if (failure !== undefined) throw new Error(failure);
      present = image;
      return 'id';
    },
  };
  // What the records decide is tested with them.
  const records: Pick<PullRecords, 'begun' | 'ended' | 'allows'> = {
    begun: async () => undefined,
    ended: (_, pulled) => void ended.push(pulled?.id),
    allows: async () => allowed,
  };
  const images = new Images({
    runtime: runtime as never,
    clock,
    logger: silentLogger,
    records: records as PullRecords,
    puller: new Puller({
      runtime: runtime as never,
      clock,
      pullsMax: 10,
      progressDeadlineMs: 3_600_000,
      prepare: async () => undefined,
      learn: () => false,
    }),
  });
  const ensure = async (policy: string, name = 'r.io/a:1') => {
    const answer = await images.ensure({
      podUid: 'pod',
      container: { name: 'c', image: name, imagePullPolicy: policy },
      sandbox: {} as never,
      credentials: async () => [],
      emit: ({ reason, message }: ImageEvent) => void events.push(`${reason}: ${message}`),
      onSettled: () => undefined,
    });
    await settle();
    return answer;
  };
  return { clock, images, ensure, events, pulls, ended, have: () => void (present = image) };
}

test('tries that fail come after 10 s, 20 s, and so on up to 5 minutes; the failure is shown, then that it waits', async () => {
  const { clock, ensure, pulls, events } = start(async () => 'no such host');
  for (let tries = 0; tries < 8; tries++) {
    assert.equal((await ensure('IfNotPresent')).state, 'pulling');
    const fresh = await ensure('IfNotPresent');
    assert.deepEqual(fresh, { state: 'failed', reason: 'ErrImagePull', message: 'no such host', retryInMs: 2_000 });
    clock.advance(2_000);
    const waiting = await ensure('IfNotPresent');
    assert.ok(waiting.state === 'failed');
    assert.equal(waiting.reason, 'ImagePullBackOff');
    assert.equal(waiting.message, 'Back-off pulling image "r.io/a:1": ErrImagePull: no such host');
    clock.advance(waiting.retryInMs);
  }
  const seconds = pulls.slice(1).map((at, index) => (at - pulls[index]!) / 1_000);
  assert.deepEqual(seconds, [10, 20, 40, 80, 160, 300, 300]);
  assert.deepEqual(events.slice(0, 4), [
    'Pulling: Pulling image "r.io/a:1"',
    'Failed: Failed to pull image "r.io/a:1": no such host',
    'Failed: Error: ErrImagePull',
    'BackOff: Back-off pulling image "r.io/a:1"',
  ]);
});

test('what the runtime says of the registry or a signature is the reason', async () => {
  for (const [said, reason, message] of [
    [
      'RegistryUnavailable: down',
      'RegistryUnavailable',
      'image pull failed for r.io/a:1 because the registry is unavailable: down',
    ],
    [
      'SignatureValidationFailed: bad',
      'SignatureValidationFailed',
      'image pull failed for r.io/a:1 because the signature validation failed: bad',
    ],
  ] as const) {
    const { ensure, events } = start(async () => said);
    await ensure('Always');
    const answer = await ensure('Always');
    assert.ok(answer.state === 'failed');
    assert.deepEqual([answer.reason, answer.message], [reason, message]);
    assert.ok(events.includes(`Failed: Error: ${reason}`));
  }
});

test('a present image is pulled again for Always alone, or when this Pod may not have it', async () => {
  const own = start(async () => undefined);
  own.have();
  assert.equal((await own.ensure('IfNotPresent')).state, 'present');
  assert.equal((await own.ensure('Always')).state, 'pulling');
  assert.equal((await own.ensure('Always')).state, 'present', 'once for a start');
  assert.equal(own.pulls.length, 1);
  assert.match(
    own.events.at(-1)!,
    /^Pulled: Successfully pulled image "r\.io\/a:1" in 0ms \(0ms including waiting\)\. Image size: 7 bytes\.$/,
  );
  assert.deepEqual(own.ended, ['id']);

  const others = start(async () => 'denied', false);
  others.have();
  assert.equal((await others.ensure('IfNotPresent')).state, 'pulling');
  const never = await others.ensure('Never', 'r.io/b:1');
  assert.ok(never.state === 'failed');
  assert.deepEqual(
    [never.reason, never.message],
    ['ErrImageNeverPull', 'Container image "r.io/b:1" is not present with pull policy of Never'],
  );
});

test('the pull of a Pod that is gone ends, without a word', async () => {
  const { ensure, images, events, ended } = start(
    (signal) => new Promise((resolve) => signal?.addEventListener('abort', () => resolve('cancelled'))),
  );
  await ensure('Always');
  images.forget('pod');
  await settle();
  await settle();
  assert.deepEqual(events, ['Pulling: Pulling image "r.io/a:1"']);
  assert.deepEqual(ended, [undefined]);
});
