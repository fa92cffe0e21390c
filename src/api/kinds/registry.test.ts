import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { kindTable } from '../kinds.ts';
import { behaviours } from './registry.ts';

test('every file below kinds/ is in the registry', () => {
  const registry = readFileSync(new URL('registry.ts', import.meta.url), 'utf8');
  const files = globSync('*/*.ts', { cwd: import.meta.dirname }).filter((file) => !file.endsWith('.test.ts'));
  assert.ok(files.length > 20);
  assert.deepEqual(
    files.filter((file) => !registry.includes(`'./${file}'`)),
    [],
  );
});

test('every behaviour is of a kind in the table, and says the selectors of its row', () => {
  const own = new Set(['metadata.name', 'metadata.namespace']);
  for (const [key, behaviour] of Object.entries(behaviours)) {
    const [group, kind] = key.includes('/') ? key.split('/') : ['', key];
    const rows = kindTable.rows.filter((one) => one.group === group && one.kind === kind);
    const row = rows.find((one) => one.servedByDefault) ?? rows[0];
    assert.ok(row, key);
    assert.equal(kindTable.behaviour(row), behaviour);
    const fields = row.fieldSelectors.filter((field) => !own.has(field));
    if (fields.length === 0) continue;
    const empty = { metadata: {}, spec: { to: {} }, status: {} };
    const values = behaviour.selectableFields?.(empty) ?? {};
    assert.deepEqual(
      fields.filter((field) => !(field in values)),
      [],
      key,
    );
  }
});
