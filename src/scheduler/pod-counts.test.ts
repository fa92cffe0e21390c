import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/generated/types.ts';
import { NodeInfo } from './node-info.ts';
import { PodCounts } from './pod-counts.ts';

const pod = (uid: string, app: string): Pod => ({
  metadata: { name: uid, namespace: 'default', uid, labels: { app } },
  spec: { containers: [{ name: 'c' }] },
});
const isWeb = ({ metadata }: Pod): boolean => metadata.labels?.['app'] === 'web';

test('counts follow what comes, goes and changes, and look at nothing that stayed', () => {
  const counts = new PodCounts();
  const [one, two] = ['one', 'two'].map((name) => new NodeInfo({ metadata: { name }, spec: {} }));
  let looked = 0;
  const matches = (other: Pod) => (looked++, isWeb(other));
  const now = () => [one!, two!].map(counts.of('web', matches));
  assert.deepEqual(now(), [0, 0]);
  one!.add(pod('a', 'web'));
  two!.add(pod('b', 'other'));
  assert.deepEqual(now(), [1, 0]);
  looked = 0;
  assert.deepEqual(now(), [1, 0]);
  assert.equal(looked, 0);
  two!.add(pod('b', 'web'));
  assert.deepEqual([now(), looked], [[1, 1], 1]);
  one!.remove('a');
  assert.deepEqual(now(), [0, 1]);
  // A copy to try something out is another node.
  const trial = two!.clone();
  trial.remove('b');
  assert.deepEqual([counts.of('web', matches)(trial), ...now()], [0, 0, 1]);
});

test('of many selections the ones that are not asked for are forgotten, and counted anew', () => {
  const counts = new PodCounts();
  const info = new NodeInfo({ metadata: { name: 'one' }, spec: {} });
  info.add(pod('a', 'web'));
  for (let index = 0; index < 100; index++)
    assert.equal(counts.of(`selection ${index}`, index % 2 === 0 ? isWeb : () => false)(info), 1 - (index % 2));
  assert.equal(counts.of('selection 1', isWeb)(info), 1, 'no count of before');
});
