import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { linuxMounts, parseMountInfo } from './mounts.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';

test('tmpfs and bind mounts appear, limit and go', { skip }, (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'mounts '));
  const [tmpfs, bound] = [path.join(directory, 'tmpfs'), path.join(directory, 'bound')];
  t.after(() => {
    for (const target of [bound, tmpfs]) linuxMounts.unmount(target);
    rmSync(directory, { recursive: true });
  });
  mkdirSync(tmpfs);
  mkdirSync(bound);
  linuxMounts.tmpfs(tmpfs, { sizeBytes: 65_536, mode: 0o700 });
  assert.ok(linuxMounts.isMountPoint(tmpfs));
  assert.equal(statSync(tmpfs).mode & 0o777, 0o700);
  assert.throws(() => writeFileSync(path.join(tmpfs, 'large'), Buffer.alloc(1_000_000)), /ENOSPC/);
  rmSync(path.join(tmpfs, 'large'));
  writeFileSync(path.join(tmpfs, 'a'), 'x');
  linuxMounts.bind(tmpfs, bound, { readOnly: true });
  assert.equal(readFileSync(path.join(bound, 'a'), 'utf8'), 'x');
  assert.throws(() => writeFileSync(path.join(bound, 'b'), 'x'), /EROFS/);
  linuxMounts.unmount(bound);
  linuxMounts.unmount(bound);
  assert.equal(linuxMounts.isMountPoint(bound), false);
});

test('a failed mount says which call and why', { skip }, () => {
  assert.throws(() => linuxMounts.bind('/no/such', '/no/such/either'), /mount \/no\/such on .*No such file/);
});

test('mount points with spaces are read back', () => {
  assert.deepEqual(parseMountInfo('36 35 98:0 / /mnt/a\\040b rw - ext4 /dev/root rw\n'), ['/mnt/a b']);
});
