import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemRandom } from './random.ts';

test('random bytes of the system are never given twice, in small and large pieces', () => {
  const seen = new Set<string>();
  for (let round = 0; round < 3_000; round++)
    for (const count of [16, 31, 32, 33]) seen.add(Buffer.from(systemRandom.bytes(count)).toString('hex'));
  assert.equal(seen.size, 12_000);
  const zeros = Buffer.alloc(16).toString('hex');
  assert.ok([...seen].every((one) => !one.startsWith(zeros)));
  assert.equal(systemRandom.bytes(0).length, 0);
});
