import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { GrpcError, grpcCode } from '#wire/grpc.ts';
import type { AuthConfig } from '../cri/messages.ts';
import type { PullCredential } from './keyring.ts';
import { Puller, type PullerOptions } from './puller.ts';

const sandbox = {} as never;
const live = new AbortController().signal;
const credential = (username: string): PullCredential => ({ auth: { username }, hash: username, secret: undefined });
const settle = () => new Promise((resolve) => setImmediate(resolve));

function puller(
  pullImage: (image: string, auth: AuthConfig | undefined, signal: AbortSignal | undefined) => Promise<string>,
  more: Partial<Pick<PullerOptions, 'pullsMax' | 'learn' | 'prepare'>> & { readonly progress?: () => string[] } = {},
) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const { progress = () => [], ...options } = more;
  return {
    clock,
    puller: new Puller({
      runtime: {
        pullImage: (image, auth, _sandbox, signal) => pullImage(image, auth, signal),
        pullProgress: async () => progress(),
      },
      clock,
      pullsMax: 10,
      progressDeadlineMs: 60_000,
      prepare: async () => undefined,
      learn: () => false,
      ...options,
    }),
  };
}
const untilAborted = (signal: AbortSignal | undefined) =>
  new Promise<string>((_, reject) => signal?.addEventListener('abort', () => reject(new GrpcError(1, 'cancelled'))));

test('credentials are tried in turn; when all fail, all is told once', async () => {
  const { puller: one } = puller(async (_, auth) => {
    if (auth?.username === 'good') return 'ref';
    throw new GrpcError(grpcCode.unknown, `refused ${auth?.username}`);
  });
  const pulled = await one.pull('r.io/a:1', [credential('bad'), credential('good')], sandbox, live);
  assert.equal(pulled.credential?.auth.username, 'good');
  await assert.rejects(one.pull('r.io/a:1', [credential('bad')], sandbox, live), { message: 'refused bad' });
  await assert.rejects(one.pull('r.io/a:1', ['a', 'b', 'a'].map(credential), sandbox, live), {
    message: '[refused a, refused b]',
  });
  const { puller: other } = puller(() => Promise.reject(new GrpcError(grpcCode.notFound, 'no such')));
  await assert.rejects(other.pull('r.io/a:1', [], sandbox, live), {
    message: 'rpc error: code = NotFound desc = no such',
  });
});

test('no more than allowed at once; the others come in turn, and one that is no longer wanted leaves the line', async () => {
  const ends: (() => void)[] = [];
  const began: string[] = [];
  const { puller: one } = puller(
    (image) => {
      began.push(image);
      return new Promise((resolve) => ends.push(() => resolve('ref')));
    },
    { pullsMax: 1 },
  );
  const gone = new AbortController();
  const pulls = [
    one.pull('r.io/first', [], sandbox, live),
    one.pull('r.io/gone', [], sandbox, gone.signal),
    one.pull('r.io/third', [], sandbox, live),
  ];
  await settle();
  assert.deepEqual(began, ['r.io/first']);
  gone.abort();
  await assert.rejects(pulls[1]!, /no longer wanted/);
  ends[0]!();
  await pulls[0];
  await settle();
  assert.deepEqual(began, ['r.io/first', 'r.io/third']);
  ends[1]!();
  await pulls[2];
});

test('a pull without progress is given up; progress, and unpacking after it, give it time', async () => {
  let progress: string[] = ['left behind 7'];
  const { puller: one, clock } = puller((_, __, signal) => untilAborted(signal), { progress: () => progress });
  const pass = async (ms: number) => {
    for (let spent = 0; spent < ms; spent += 10_000) {
      clock.advance(10_000);
      await settle();
    }
  };
  let failure = '';
  const pulling = one.pull('r.io/a:1', [], sandbox, live).catch((error: Error) => (failure = error.message));
  await settle();
  for (let offset = 0; offset < 5; offset++) {
    progress = ['left behind 7', `layer ${offset}`];
    await pass(50_000);
  }
  assert.equal(failure, '');
  progress = ['left behind 7'];
  await pass(150_000);
  assert.equal(failure, '');
  await pass(60_000);
  await pulling;
  assert.match(failure, /^failed to pull image "r\.io\/a:1": the registry sent nothing for 60 s \(cancelled\)$/);
});

test('what a failure taught is used at once, and once; what is not allowed is not asked of the runtime', async () => {
  let [asked, taught] = [0, 0];
  const { puller: one } = puller(() => Promise.reject(new Error(`failure ${++asked}`)), {
    learn: () => ++taught < 10,
  });
  await assert.rejects(one.pull('r.io/a:1', [], sandbox, live), { message: 'failure 2' });
  const { puller: other } = puller(() => assert.fail('asked'), {
    prepare: async (repository) => assert.fail(`${repository} is blocked`),
  });
  await assert.rejects(other.pull('r.io/a:1', [], sandbox, live), /^AssertionError.*: r\.io\/a is blocked/);
});
