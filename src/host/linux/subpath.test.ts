import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { bindInside } from './subpath.ts';

test('a component that is a link by now, or leads upwards, is refused before anything is mounted', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'subpath-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const root = path.join(directory, 'root');
  mkdirSync(root);
  symlinkSync('/etc', path.join(root, 'link'));
  const target = path.join(directory, 'target');
  await assert.rejects(bindInside(root, 'link', 0o755, target), /changed while it was opened/);
  await assert.rejects(bindInside(root, 'link/made', 0o755, target));
  await assert.rejects(bindInside(root, '../x', 0o755, target), /leads out of the volume/);
  assert.ok(!existsSync('/etc/made') && !existsSync(target));
});
