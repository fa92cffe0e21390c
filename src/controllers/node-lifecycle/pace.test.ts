import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '#api/generated/types.ts';
import { EvictionPace, pollMs, rateOf, zoneOf } from './pace.ts';

const node = (name: string, ready: string | undefined, zone?: string): Node => ({
  metadata: { name, labels: zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone } },
  spec: {},
  status: { conditions: ready === undefined ? [] : [{ type: 'Ready', status: ready }] },
});
const zone = (up: number, down: number): readonly Node[] => [
  ...Array.from({ length: up }, (_, index) => node(`up${index}`, 'True')),
  ...Array.from({ length: down }, (_, index) => node(`down${index}`, index % 2 === 0 ? 'Unknown' : 'False')),
];

test('the rate of a zone: by the share of it that is down', () => {
  assert.equal(rateOf(zone(9, 1)), 0.1);
  assert.equal(rateOf(zone(1, 2)), 0.1, 'two are not many');
  assert.equal(rateOf(zone(3, 3)), 0.1, 'half of it');
  assert.equal(rateOf(zone(2, 3)), 0, 'a small zone that is disrupted');
  assert.equal(rateOf(zone(20, 31)), 0.01, 'a large one');
  assert.equal(rateOf(zone(20, 30)), 0);
  assert.equal(rateOf(zone(0, 5)), 0.1, 'all of it, while others are up');
  assert.equal(rateOf([...zone(2, 2), node('new', undefined)]), 0, 'who has not reported is not ready');
});

test('one node at once, the next ones every ten seconds, in the order of asking', () => {
  const pace = new EvictionPace();
  const nodes = zone(9, 3);
  const [one, two, three] = nodes.slice(9) as [Node, Node, Node];
  const ask = (which: Node, seconds: number) => pace.ask(which, () => nodes, seconds * 1000);
  assert.equal(ask(one, 0), 0);
  assert.equal(ask(one, 1), 0, 'it stays allowed until it is tainted');
  assert.equal(ask(two, 1), pollMs);
  assert.equal(ask(three, 2), pollMs);
  assert.equal(ask(two, 6), 4000);
  assert.notEqual(ask(three, 10), 0, 'another one asked before');
  assert.equal(ask(two, 10), 0);
  assert.notEqual(ask(three, 19), 0);
  assert.equal(ask(three, 20), 0);
});

test('who is up again, or gone, makes way', () => {
  const pace = new EvictionPace();
  const nodes = zone(9, 3);
  const [one, two, three] = nodes.slice(9) as [Node, Node, Node];
  const ask = (which: Node, seconds: number) => pace.ask(which, () => nodes, seconds * 1000);
  assert.deepEqual([ask(one, 0), ask(two, 0) > 0, ask(three, 0) > 0], [0, true, true]);
  pace.forget('down1');
  assert.equal(ask(three, 10), 0);
  pace.forget('down0');
  assert.notEqual(ask(one, 11), 0, 'down once more: from the end of the queue');
});

test('zones do not wait for each other, and a small one that is disrupted waits until it is better', () => {
  const pace = new EvictionPace();
  const member = (name: string, ready: string) => node(name, ready, 'b');
  let nodes = [...zone(3, 1), member('b1', 'Unknown'), member('b2', 'Unknown'), member('b3', 'True')];
  const ask = (name: string, seconds: number) =>
    pace.ask(
      nodes.find((each) => each.metadata.name === name)!,
      () => nodes,
      seconds * 1000,
    );
  assert.deepEqual([ask('down0', 0), ask('b1', 0)], [0, 0]);
  nodes = [...nodes, member('b4', 'False')];
  for (const seconds of [2, 100, 1000]) assert.equal(ask('b2', seconds), pollMs, 'three of four are down');
  nodes = [...nodes, member('b5', 'True'), member('b6', 'True')];
  assert.notEqual(ask('b2', 1001), 0, 'a full token does not carry over from a time without evictions');
  assert.equal(ask('b2', 1011), 0);
  assert.equal(zoneOf(nodes.at(-1)!), ':\0:b');
});

test('excluded nodes do not count, and after a time without evictions the first one waits, too', () => {
  const pace = new EvictionPace();
  const excluded = (name: string): Node => ({
    metadata: { name, labels: { 'node.kubernetes.io/exclude-disruption': '' } },
    spec: {},
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  });
  const nodes = [...zone(1, 3), excluded('x'), excluded('y'), excluded('z')];
  assert.equal(
    pace.ask(nodes[1]!, () => nodes, 0),
    pollMs,
    'three of four that count',
  );
  const small = [...zone(1, 3), ...['x', 'y', 'z'].map((name) => node(name, 'True'))];
  const other = new EvictionPace();
  assert.equal(
    other.ask(small[1]!, () => small, 0),
    0,
  );
  other.forget('down0');
  other.restart(60_000);
  assert.notEqual(
    other.ask(small[2]!, () => small, 60_000),
    0,
  );
  assert.equal(
    other.ask(small[2]!, () => small, 70_000),
    0,
  );
});
