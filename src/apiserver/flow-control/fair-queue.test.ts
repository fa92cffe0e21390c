import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { allocate, nominalLimits, smoothed } from './allocation.ts';
import { DemandIntegrator } from './demand.ts';
import { FairQueue, type Refusal, type Ticket } from './fair-queue.ts';
import { RetryAfter } from './retry-after.ts';
import { deal, hashOf } from './shuffle.ts';
import { estimate, levelSeatsMax } from './seats.ts';
import { requestInfo } from '../request-info.ts';
import { defaultPriorityLevels } from '#rules/flow-control-defaults.ts';

const narrow = { seats: 1, finalSeats: 0, finalMs: 0 };
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function bench(seats: number, settings: { queues: number; handSize: number; queueLengthMax: number } | undefined) {
  const clock = new VirtualClock(0);
  const queue = new FairQueue(clock, settings, seats);
  const order: string[] = [];
  const tickets = new Map<string, Ticket>();
  const ask = (flow: string, name: string, work = narrow, signal = new AbortController().signal, limitMs = 15_000) => {
    const outcome = queue.start(
      work,
      { schema: 's', name: flow, hash: () => hashOf(flow) },
      { limitMs, signal: () => signal },
    );
    const take = (one: Ticket | Refusal): string => {
      if (typeof one === 'string') return one;
      order.push(name);
      tickets.set(name, one);
      return 'runs';
    };
    return outcome instanceof Promise ? outcome.then(take) : take(outcome);
  };
  const finish = (name: string): void => {
    tickets.get(name)!.finish();
    tickets.delete(name);
  };
  return { clock, queue, order, tickets, ask, finish };
}

test('seats are given at once while there are some; without queues the rest is refused', () => {
  const { queue, ask, finish } = bench(2, undefined);
  assert.deepEqual([ask('a', '1'), ask('a', '2'), ask('b', '3')], ['runs', 'runs', 'concurrency-limit']);
  finish('1');
  assert.equal(ask('b', '4'), 'runs');
  assert.equal(queue.seatsInUse, 2);
});

test('a flow that asks for much waits for itself, not others for it', async () => {
  const { queue, ask, finish, order, tickets, clock } = bench(1, { queues: 64, handSize: 2, queueLengthMax: 100 });
  void ask('elephant', 'e0');
  for (let count = 1; count <= 20; count++) void ask('elephant', `e${count}`);
  for (const one of ['m1', 'm2', 'm3']) void ask('mouse', one);
  assert.equal(queue.waitingCount, 23);
  while (queue.waitingCount > 0 || tickets.size > 0) {
    clock.advance(10);
    finish([...tickets.keys()][0]!);
    await turn();
  }
  assert.equal(order.length, 24);
  assert.ok(order.indexOf('m3') < 10, `the mouse is served among the first: ${order.slice(0, 12).join()}`);
  assert.deepEqual(
    order.filter((one) => one.startsWith('m')),
    ['m1', 'm2', 'm3'],
  );
});

test('a full queue refuses, a wait ends after its limit, and when the client goes', async () => {
  const { queue, ask, clock, finish } = bench(1, { queues: 1, handSize: 1, queueLengthMax: 2 });
  assert.equal(ask('a', 'runs'), 'runs');
  const waits = ask('a', 'waits');
  const client = new AbortController();
  const leaves = ask('a', 'leaves', narrow, client.signal);
  assert.equal(ask('a', 'third'), 'queue-full');
  client.abort();
  assert.equal(await leaves, 'cancelled');
  const late = ask('a', 'late', narrow, new AbortController().signal, 100);
  clock.advance(101);
  assert.equal(await late, 'time-out');
  finish('runs');
  assert.equal(await waits, 'runs');
  finish('waits');
  assert.deepEqual([queue.isIdle, queue.seatsInUse, queue.waitingCount], [true, 0, 0]);
  assert.deepEqual(queue.refused, { 'concurrency-limit': 0, 'queue-full': 1, 'time-out': 1, cancelled: 1 });
});

test('a wide request is waited for, and one wider than the level runs alone', async () => {
  const { ask, finish, order } = bench(2, { queues: 1, handSize: 1, queueLengthMax: 10 });
  const wide = { seats: 5, finalSeats: 0, finalMs: 0 };
  void ask('a', 'n1');
  void ask('a', 'n2');
  void ask('a', 'wide', wide);
  void ask('a', 'n3');
  finish('n1');
  await turn();
  assert.deepEqual(order, ['n1', 'n2'], 'a narrow one does not pass it');
  finish('n2');
  await turn();
  assert.deepEqual(order, ['n1', 'n2', 'wide']);
  finish('wide');
  await turn();
  assert.deepEqual(order, ['n1', 'n2', 'wide', 'n3']);
});

test('a write that many watch holds its seats until they are told', async () => {
  const { ask, finish, clock, queue } = bench(4, { queues: 1, handSize: 1, queueLengthMax: 10 });
  assert.equal(ask('a', 'write', { seats: 1, finalSeats: 3, finalMs: 20 }), 'runs');
  const read = ask('a', 'wide', { seats: 2, finalSeats: 0, finalMs: 0 });
  finish('write');
  assert.equal(queue.seatsInUse, 3);
  clock.advance(20);
  assert.equal(await read, 'runs');
});

test('queues that change keep what waits in them', async () => {
  const { ask, finish, queue } = bench(1, { queues: 8, handSize: 2, queueLengthMax: 10 });
  void ask('a', 'first');
  const second = ask('a', 'second');
  queue.configure({ queues: 2, handSize: 1, queueLengthMax: 10 });
  const third = ask('b', 'third');
  finish('first');
  assert.equal(await second, 'runs');
  finish('second');
  assert.equal(await third, 'runs');
});

test('hands are of different queues, always the same for a flow, and even over all', () => {
  const counts = new Map<number, number>();
  for (let flow = 0; flow < 4_000; flow++) {
    const hand = deal(hashOf(`flow-${flow}`), 64, 6);
    assert.equal(new Set(hand).size, 6);
    assert.ok(hand.every((one) => one >= 0 && one < 64));
    assert.deepEqual(deal(hashOf(`flow-${flow}`), 64, 6), hand);
    for (const one of hand) counts.set(one, (counts.get(one) ?? 0) + 1);
  }
  assert.equal(counts.size, 64);
  for (const [queue, count] of counts) assert.ok(count > 250 && count < 500, `queue ${queue}: ${count}`);
});

test('the default levels have the seats that upstream gives them of 600', () => {
  const limits = nominalLimits(defaultPriorityLevels, 600);
  // Observed: apiserver_flowcontrol_nominal_limit_seats, _lower_limit_seats of 1.36.2.
  assert.deepEqual(
    [...limits].map(([name, { nominal, lower }]) => [name, nominal, lower]),
    [
      ['exempt', 0, 0],
      ['catch-all', 13, 13],
      ['system', 74, 50],
      ['node-high', 98, 73],
      ['leader-election', 25, 25],
      ['workload-high', 98, 49],
      ['workload-low', 245, 24],
      ['global-default', 49, 24],
    ],
  );
});

test('levels without work lend, and get theirs back when they ask', () => {
  const limits = nominalLimits(defaultPriorityLevels, 600);
  const levels = (busy: string, seats: number) =>
    defaultPriorityLevels.map((one) => {
      const name = one.metadata.name!;
      const demand = name === busy ? seats : 0;
      const isExempt = one.spec.type === 'Exempt';
      return { name, isExempt, ...limits.get(name)!, highWatermark: demand, smoothed: demand };
    });
  const lent = allocate(levels('workload-high', 500), 600);
  assert.ok(lent.get('workload-high')! > 98, String(lent.get('workload-high')));
  assert.equal(lent.get('workload-low'), 24);
  assert.equal(lent.get('catch-all'), 13, 'it lends nothing');
  const sum = [...lent.values()].reduce((total, one) => total + one, 0);
  assert.ok(Math.abs(sum - 600) <= 7, String(sum));
});

test('demand is averaged over time, with its peak; a peak is forgotten slowly', () => {
  const demand = new DemandIntegrator(0);
  demand.add(4, 0);
  demand.add(-4, 250);
  const taken = demand.take(1_000);
  assert.equal(taken.highWatermark, 4);
  assert.equal(taken.average, 1);
  assert.equal(demand.take(2_000).highWatermark, 0);
  assert.equal(smoothed(0, { highWatermark: 9, average: 2, standardDeviation: 1 }), 3);
  let value = 100;
  for (let period = 0; period < 30; period++)
    value = smoothed(value, { highWatermark: 0, average: 0, standardDeviation: 0 });
  assert.ok(value > 45 && value < 55, `half after five minutes: ${value}`);
});

test('clients are told to stay away longer while refusals go on', () => {
  const retry = new RetryAfter();
  for (let count = 0; count < 10; count++) retry.onRefused(100);
  assert.equal(retry.seconds, 1);
  for (let second = 101; second < 130; second++) for (let count = 0; count < 200; count++) retry.onRefused(second);
  assert.ok(retry.seconds >= 16, String(retry.seconds));
  const high = retry.seconds;
  for (let second = 200; second < 260; second += 2) retry.onRefused(second);
  assert.ok(retry.seconds < high);
});

test('work is estimated by what is listed and by who watches', () => {
  const info = (method: string, text: string) => {
    const url = new URL(text, 'http://x');
    return [requestInfo(method, url.pathname, url.searchParams), url.searchParams] as const;
  };
  const of = (method: string, text: string, count: number, watchers = 0) =>
    estimate(...info(method, text), 10, { count: () => count, watchers: () => watchers });
  assert.equal(of('GET', '/api/v1/pods', 0).seats, 1);
  assert.equal(of('GET', '/api/v1/pods', 450).seats, 5);
  assert.equal(of('GET', '/api/v1/pods', 9_000).seats, 10);
  assert.equal(of('GET', '/api/v1/pods?limit=200', 9_000).seats, 2);
  assert.equal(of('GET', '/api/v1/pods?limit=200&labelSelector=a', 450).seats, 5);
  assert.equal(of('GET', '/api/v1/namespaces/a/pods?fieldSelector=metadata.name=x', 450).seats, 1);
  assert.equal(of('GET', '/api/v1/pods?watch=true&resourceVersion=9', 450).seats, 1);
  assert.equal(of('GET', '/api/v1/pods?watch=true', 450).seats, 5);
  assert.deepEqual(of('POST', '/api/v1/namespaces/a/pods', 0, 9), { seats: 1, finalSeats: 0, finalMs: 0 });
  assert.deepEqual(of('POST', '/api/v1/namespaces/a/pods', 0, 35), { seats: 1, finalSeats: 4, finalMs: 5 });
  assert.deepEqual(of('DELETE', '/api/v1/namespaces/a/pods/x', 0, 400), { seats: 1, finalSeats: 10, finalMs: 20 });
  assert.deepEqual([levelSeatsMax(98, 6), levelSeatsMax(5, 6)], [15, 1]);
});
