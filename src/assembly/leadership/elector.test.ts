import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Leases } from '#api/generated/kind-references.ts';
import type { ApiRequest, ApiResponse } from '#api/request.ts';
import { sleep, VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { seededRandom } from '#base/random.ts';
import type { Scope } from '#base/scope.ts';
import { createInProcessClient } from '#client/in-process.ts';
import { administrator, pathOf, startApiServer, type TestApiServer } from '../../../test/kit/start-api-server.ts';
import { Elector } from './elector.ts';

class Candidate {
  readonly elector: Elector;
  readonly stop = new AbortController();
  readonly ended: Promise<void>;
  /** Requests are not answered while it is cut off, and fail after ten seconds. */
  isCutOff = false;
  /** Of the work, by the clock. */
  terms: { begin: number; fence?: number; end?: number }[] = [];
  scope: Scope | undefined;

  constructor(api: TestApiServer, clock: VirtualClock, identity: string) {
    const handle = async (request: ApiRequest): Promise<ApiResponse> => {
      if (!this.isCutOff) return api.server.handle(request);
      await sleep(clock, 10_000);
      throw new Error('cut off');
    };
    this.elector = new Elector({
      name: 'kube-scheduler',
      identity,
      client: createInProcessClient({ handler: { handle }, identity: administrator, clock }),
      clock,
      random: seededRandom(identity.charCodeAt(0)),
      logger: silentLogger,
      lead: async (scope) => {
        this.terms.push({ begin: clock.monotonicMs() });
        this.scope = scope;
        scope.onClose(() => void (this.terms.at(-1)!.end = clock.monotonicMs()));
      },
      fence: () => void (this.terms.at(-1)!.fence = clock.monotonicMs()),
    });
    this.ended = this.elector.run(this.stop.signal);
  }
  get isWorking(): boolean {
    return this.terms.length > 0 && this.terms.at(-1)!.end === undefined;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function scenario(run: (a: Candidate, b: Candidate, pass: Pass, clock: VirtualClock) => Promise<void>) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 2));
  const api = await startApiServer({ clock });
  const a = new Candidate(api, clock, 'a');
  await settle();
  const b = new Candidate(api, clock, 'b');
  await settle();
  const pass: Pass = async (ms) => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500);
      await settle();
      assert.ok(!(a.isWorking && b.isWorking), 'two leaders');
    }
  };
  try {
    await run(a, b, pass, clock);
    const { spec } = await api.get(pathOf(Leases, 'kube-system', 'kube-scheduler'));
    assert.ok(['a', 'b'].includes(spec.holderIdentity));
  } finally {
    for (const one of [a, b]) one.stop.abort();
    await pass(3_000);
    api.close();
  }
}
type Pass = (ms: number) => Promise<void>;

test('one works at a time; when it ends in order the other begins at its next try', () =>
  scenario(async (a, b, pass) => {
    await pass(60_000);
    assert.deepEqual([a.isWorking, b.isWorking, a.terms.length], [true, false, 1]);
    assert.equal(b.elector.holder, 'a');
    a.stop.abort();
    await a.ended;
    assert.equal(a.isWorking, false);
    await pass(4_500);
    assert.equal(b.isWorking, true);
  }));

test('a leader that is cut off stops before the other begins', () =>
  scenario(async (a, b, pass, clock) => {
    await pass(30_000);
    const cutMs = clock.monotonicMs();
    a.isCutOff = true;
    await pass(40_000);
    const { fence, end } = a.terms[0]!;
    const { begin } = b.terms[0]!;
    // To a step of the clock.
    assert.ok(fence! - cutMs <= 10_500 && end === fence, `${fence! - cutMs}`);
    assert.ok(begin - cutMs >= 13_000 && begin - cutMs <= 20_000, `${begin - cutMs}`);
  }));

test('one that was cut off comes back as a candidate', () =>
  scenario(async (a, b, pass) => {
    await pass(10_000);
    a.isCutOff = true;
    await pass(40_000);
    a.isCutOff = false;
    await pass(40_000);
    assert.deepEqual([a.isWorking, b.isWorking, a.terms.length, b.terms.length], [false, true, 1, 1]);
    assert.equal(a.elector.holder, 'b');
  }));

test('a wall clock that is set changes no leader', () =>
  scenario(async (a, b, pass, clock) => {
    for (const years of [1, -2]) {
      await pass(10_000);
      clock.jump(years * 365 * 86_400_000);
      await pass(30_000);
      assert.deepEqual([a.isWorking, b.terms.length, a.terms.length], [true, 0, 1]);
    }
  }));

test('a leader whose process slept stops when it wakes up, before it writes anything', async () => {
  const [awake, asleep] = [new VirtualClock(Date.UTC(2026, 0, 2)), new VirtualClock(Date.UTC(2026, 0, 2))];
  const api = await startApiServer({ clock: awake });
  const a = new Candidate(api, asleep, 'a');
  await settle();
  const b = new Candidate(api, awake, 'b');
  for (let passed = 0; passed < 40; passed++) {
    awake.advance(500);
    await settle();
  }
  assert.deepEqual([a.isWorking, b.isWorking], [true, true]);
  asleep.advance(20_000);
  await settle();
  assert.deepEqual([a.isWorking, b.isWorking], [false, true]);
  for (const one of [a, b]) one.stop.abort();
  await settle();
  api.close();
});

test('work that fails is begun again, here or elsewhere', () =>
  scenario(async (a, b, pass) => {
    await pass(5_000);
    assert.equal(a.isWorking, true);
    a.scope!.spawn('work', () => Promise.reject(new Error('it failed')));
    await pass(6_000);
    assert.equal(a.terms[0]!.fence !== undefined, true);
    assert.equal(a.isWorking || b.isWorking, true);
    assert.equal(a.terms.length + b.terms.length, 2);
  }));
