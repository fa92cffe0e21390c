// Files on a disk that is full for a while: a small file system of its own, so it needs root.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { RotatedFile } from '#host/rotated-file.ts';

test('a line that a full disk cuts off does not spoil the next one', (context) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'rotated-full-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', directory]);
  assert.equal(mounted.status, 0, String(mounted.stderr));
  const file = new RotatedFile(
    path.join(directory, 'audit.log'),
    { maxBytes: 1 << 20, maxFiles: 0, maxAgeMs: 0 },
    () => 0,
  );
  context.after(() => {
    file.close();
    spawnSync('umount', [directory]);
    rmSync(directory, { recursive: true });
  });
  writeFileSync(path.join(directory, 'filler'), 'x'.repeat(4096));
  file.write(`${'a'.repeat(3000)}\n${'b'.repeat(3000)}\n`);
  file.flush();
  assert.match(file.problem ?? '', /ENOSPC/);
  rmSync(path.join(directory, 'filler'));
  file.write('whole\n');
  file.flush();
  assert.equal(file.problem, undefined);
  const lines = readFileSync(file.file, 'utf8').split('\n');
  assert.deepEqual([lines[0], lines.at(-2), lines.at(-1)], ['a'.repeat(3000), 'whole', '']);
});
