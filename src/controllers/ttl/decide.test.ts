import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide, secondsOf, sizeAfter } from './decide.ts';

test('seconds by the number of nodes, with room before they change back', () => {
  const counts = [1, 100, 101, 95, 90, 89, 500, 501, 460, 449, 5000, 1800, 1799, 3];
  let size = 0;
  const seconds = counts.map((count) => secondsOf((size = sizeAfter(size, count))));
  assert.deepEqual(seconds, [0, 0, 15, 15, 15, 0, 15, 30, 30, 15, 300, 300, 60, 0]);
});

test('the annotation is written when it says something else', () => {
  const node = (value?: string) => ({
    metadata: { name: 'n', annotations: value === undefined ? undefined : { 'node.alpha.kubernetes.io/ttl': value } },
    spec: {},
  });
  assert.deepEqual(decide({ node: node('0'), seconds: 0 }).actions, []);
  for (const other of [undefined, '15', 'x']) assert.equal(decide({ node: node(other), seconds: 0 }).actions.length, 1);
});
