import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Heap } from './heap.ts';

test('what comes out is in order, whatever the order in which it came', () => {
  const heap = new Heap<number>((one, other) => one < other);
  assert.equal(heap.pop(), undefined);
  // A permutation of 0 to 100: 37 and 101 have no common divisor.
  const numbers = Array.from({ length: 101 }, (_, index) => (index * 37) % 101);
  for (const one of numbers.slice(0, 60)) heap.push(one);
  const early = [heap.pop(), heap.pop()];
  for (const one of numbers.slice(60)) heap.push(one);
  assert.equal(heap.size, 99);
  const rest: number[] = [];
  for (let next = heap.pop(); next !== undefined; next = heap.pop()) rest.push(next);
  assert.deepEqual(
    early,
    numbers
      .slice(0, 60)
      .toSorted((a, b) => a - b)
      .slice(0, 2),
  );
  assert.deepEqual(
    [...early, ...rest].toSorted((a, b) => a! - b!),
    numbers.toSorted((a, b) => a - b),
  );
  assert.deepEqual(
    rest,
    rest.toSorted((a, b) => a - b),
  );
  assert.equal(heap.first, undefined);
});
