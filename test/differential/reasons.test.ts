// No difference from upstream without a reason, and no reason without a difference.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsReason, readFacts } from './facts.ts';
import { kindsUnderTest } from './kind-under-test.ts';
import { reasons } from './reasons.ts';

test('every answer that is recorded as different has a reason, and every reason is needed', () => {
  const unused = new Set(reasons);
  const without: string[] = [];
  for (const { id } of kindsUnderTest())
    for (const [step, fact] of Object.entries(readFacts(id) ?? {})) {
      if (!needsReason(fact)) continue;
      const reason = reasons.find((one) => one.kinds.test(id) && one.steps.test(step));
      if (reason === undefined) without.push(`${id} ${step}`);
      else unused.delete(reason);
    }
  assert.deepEqual(without, []);
  assert.deepEqual(
    [...unused].map((one) => one.reason),
    [],
  );
});
