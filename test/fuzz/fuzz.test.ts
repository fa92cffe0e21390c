// A short run of `npm run fuzz`, from the same seed every time; FUZZ_SEED looks elsewhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindTable } from '#api/kinds.ts';
import { checks } from './checks.ts';
import { fuzz } from './run.ts';

const seconds = 60;

test('what is generated of every kind passes every codec, and no write of it fails in a way that is ours', async () => {
  const seed = Number(process.env['FUZZ_SEED'] ?? 36);
  const { objects, failures } = await fuzz({ seed, seconds, rounds: 2 });
  assert.deepEqual(failures, []);
  const kinds = kindTable.rows.filter((row) => row.servedByDefault && row.storage !== undefined).length;
  assert.equal(objects, kinds * checks.length * 2);
});

test('what does not hold is told with its seed and the smallest object that shows it', async () => {
  const broken = {
    name: 'no data',
    isTyped: true,
    run: async (_row: unknown, object: Record<string, unknown>) =>
      Object.hasOwn(object, 'data') ? 'there is data' : undefined,
  };
  const { failures } = await fuzz({ seed: 5, seconds, rounds: 20, only: ['ConfigMap'], checks: [broken] });
  const [failure] = failures;
  assert.equal(failures.length, 1);
  assert.deepEqual(
    [failure!.seed, failure!.kind, failure!.check, failure!.problem, failure!.object],
    [5, 'ConfigMap', 'no data', 'there is data', { data: {} }],
  );
});
