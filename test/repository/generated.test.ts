// What scripts/generate.ts writes is committed and fresh.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generateAll, generateHashes, generatePage } from '../../scripts/generate.ts';

test('generated files are what the generator writes; run npm run generate', async () => {
  for (const [name, content] of [...generateAll(), await generateHashes()]) {
    const committed = readFileSync(new URL(`../../src/api/generated/${name}`, import.meta.url), 'utf8');
    assert.ok(committed === content, `src/api/generated/${name} is stale`);
  }
});

test('the tables of docs/how-to/configure.md are those of the configuration keys; run npm run generate', () => {
  const { now, wanted } = generatePage();
  assert.ok(now === wanted, 'docs/how-to/configure.md is stale');
});
