import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { type DiskState, diskState } from '#host/disk-state.ts';
import { storeFile } from './backup/contents.ts';
import { afterDiskFailure, untilUsable } from './usable-disk.ts';

const root = mkdtempSync(path.join(tmpdir(), 'usable-disk-'));
after(() => rmSync(root, { recursive: true, force: true }));

function start(
  wait: typeof untilUsable | typeof afterDiskFailure,
  first: DiskState,
  dataDirectory = path.join(root, 'none'),
) {
  const clock = new VirtualClock(0);
  const stop = new AbortController();
  const [errors, told]: [string[], string[]] = [[], []];
  const disk = { state: first, looks: 0 };
  const logger: Logger = {
    debug() {},
    info() {},
    warn() {},
    error: (text) => void errors.push(text),
    named: () => logger,
  };
  const notifier = { notify: (...lines: readonly string[]) => void told.push(lines.join(' ')) };
  const look = (): DiskState => (disk.looks++, disk.state);
  let outcome: unknown = 'waits';
  const ended = wait({ dataDirectory, clock, logger, notifier, stop: stop.signal, look }).then(
    (value) => (outcome = value),
  );
  const pass = async (): Promise<unknown> => {
    clock.advance(10_000);
    await new Promise(setImmediate);
    return outcome;
  };
  return { pass, stop, errors, told, disk, ended, outcome: () => outcome };
}

test('a disk that is read-only is waited for, told once, also to the supervisor', async () => {
  const { pass, errors, told, disk } = start(untilUsable, { isReadOnly: true, freeBytes: 1e9 });
  for (let turn = 0; turn < 5; turn++) assert.equal(await pass(), 'waits');
  assert.match(errors.join(), /^the disk of the data directory .* is read-only: make it writable/);
  assert.match(told.join(), /^READY=1 STATUS=the disk/);
  assert.deepEqual([errors.length, told.length, disk.looks], [1, 1, 6]);
  disk.state = { isReadOnly: false, freeBytes: 1e9 };
  assert.equal(await pass(), true);
});

test('a full disk is waited for at a first start; a cluster that is there is read', async () => {
  const full = { isReadOnly: false, freeBytes: 1_000_000 };
  const first = start(untilUsable, full);
  assert.equal(await first.pass(), 'waits');
  assert.match(first.errors.join(), /has 0 MB left, and a first start needs 8 MB/);
  first.stop.abort();
  assert.equal(await first.ended, false);

  const there = path.join(root, 'there');
  mkdirSync(path.dirname(storeFile(there)), { recursive: true });
  writeFileSync(storeFile(there), 'x');
  assert.equal(await start(untilUsable, full, there).ended, true);
});

test('behind a start that failed for the disk a while passes, and more while it is read-only', async () => {
  const good = { isReadOnly: false, freeBytes: 1e9 };
  const { pass, disk, outcome } = start(afterDiskFailure, good);
  assert.equal(outcome(), 'waits');
  disk.state = { ...good, isReadOnly: true };
  assert.equal(await pass(), 'waits');
  disk.state = good;
  assert.equal(await pass(), undefined);
});

test('the state of a real disk, also of a directory that is not there yet', () => {
  assert.deepEqual(diskState(path.join(root, 'not', 'yet')).isReadOnly, false);
  assert.ok(diskState(root).freeBytes > 0);
  assert.equal(diskState('/proc/none').freeBytes, 0);
});
