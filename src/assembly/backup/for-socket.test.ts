import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { systemFiles } from '#host/files.ts';
import { Parts } from '../parts.ts';
import { backupForSocket } from './for-socket.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'backup-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('one backup at a time, to an absolute path', async () => {
  const parts = new Parts();
  const context = {
    parts,
    configuration: { dataDirectory: folder, datastore: {} },
    logger: silentLogger,
    files: systemFiles,
    clock: new VirtualClock(0),
  };
  const target = path.join(folder, 'target');
  assert.match(JSON.stringify(await backupForSocket(context, target)), /nothing to back up/);
  parts.provide('copyStore', async (file) => {
    writeFileSync(file, 'objects');
    return 7;
  });
  assert.match(JSON.stringify(await backupForSocket(context, 'target')), /no absolute path/);
  const [first, second] = await Promise.all([backupForSocket(context, target), backupForSocket(context, target)]);
  assert.ok('manifest' in first && first.manifest.revision === 7);
  assert.ok('message' in second && second.message === 'Another backup is being made.');
  assert.equal(existsSync(path.join(target, 'backup.json')), true);
  // It is over when it is done, and when it has failed.
  for (const again of [1, 2])
    assert.match(JSON.stringify(await backupForSocket(context, target)), /There is something at/, String(again));
});

test('of objects on etcd there is none, and it is said what to do instead', async () => {
  const context = {
    parts: new Parts(),
    configuration: { dataDirectory: folder, datastore: { etcd: { members: ['127.0.0.1:2379'] } } },
    logger: silentLogger,
    files: systemFiles,
    clock: new VirtualClock(0),
  };
  assert.match(JSON.stringify(await backupForSocket(context, path.join(folder, 'none'))), /on etcd.*etcdctl snapshot/);
});
