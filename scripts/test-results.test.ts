import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { TestResults, mayBeSkipped } from './test-results.ts';

/** What the runner really prints for a file of tests. */
function resultsOf(source: string): TestResults {
  const folder = mkdtempSync(path.join(tmpdir(), 'test-results-'));
  try {
    const file = path.join(folder, 'some.test.mjs');
    writeFileSync(file, `import { test } from 'node:test';\n${source}`);
    const { NODE_TEST_CONTEXT: _inner, ...env } = process.env;
    const { stdout } = spawnSync(process.execPath, ['--test', file], { encoding: 'utf8', env });
    const results = new TestResults();
    for (const line of stdout.split('\n')) results.read(line);
    return results;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('tests that do not run are named, however they were skipped', () => {
  const results = resultsOf(`
    test('runs', () => {});
    test('option', { skip: true }, () => {});
    test('reason', { skip: 'no such # machine' }, () => {});
    test('later', { todo: true }, () => {});
    test('outer', async (t) => { await t.test('inside', (one) => one.skip('now')); });
  `);
  assert.deepEqual(results.counts, { passed: 2, failed: 0, skipped: 4 });
  assert.deepEqual(results.unexplained.toSorted(), ['inside', 'later', 'option', 'reason']);
  assert.equal(results.complaints().length, 4);
});

test('those on the list may be skipped, and a run without any has no complaint', () => {
  const [name] = mayBeSkipped.keys();
  const results = resultsOf(`
    test(${JSON.stringify(name)}, { skip: 'reads version 1 files' }, () => {});
    test('runs', () => {});
  `);
  assert.deepEqual(results.counts, { passed: 1, failed: 0, skipped: 1 });
  assert.deepEqual(results.complaints(), []);
});

test('what failed is known by its file', () => {
  const results = resultsOf(`
    test('runs', () => {});
    test('outer', async (t) => { await t.test('inside', () => { throw new Error('no'); }); });
  `);
  assert.equal(results.counts.failed, 2);
  assert.deepEqual(
    [...results.failedIn].map((file) => path.basename(file)),
    ['some.test.mjs'],
  );
});

test('a sum that names do not explain is a complaint too', () => {
  const results = new TestResults();
  results.read('ℹ skipped 2');
  assert.deepEqual(results.complaints(), ['2 tests were skipped and not named']);
});
