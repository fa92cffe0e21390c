import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { OperatorError } from '#base/errors.ts';
import { lockDirectory, lockHolder } from './lock.ts';

test('a directory is locked once, names its holder, and is free when that is killed', async (context) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'microshift-lock-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const script = `
    const { lockDirectory } = await import(${JSON.stringify(import.meta.resolve('./lock.ts'))});
    globalThis.lock = await lockDirectory(${JSON.stringify(directory)});
    console.log('locked'); setInterval(() => {}, 1000);`;
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await once(child.stdout, 'data');
  assert.equal(await lockHolder(directory), child.pid);
  await assert.rejects(lockDirectory(directory), (error) => {
    assert(error instanceof OperatorError);
    assert.match(error.message, new RegExp(`process ${child.pid}\\).*${directory}`));
    assert.match(error.remedy, /--data-dir/);
    return true;
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(await lockHolder(directory), undefined);
  {
    using _lock = await lockDirectory(directory);
    assert.equal(await lockHolder(directory), process.pid);
  }
  assert.equal(await lockHolder(directory), undefined);
});

test('a directory that cannot be made is an answer for the operator', async () => {
  await assert.rejects(
    lockDirectory('/dev/null/microshift'),
    (error) => error instanceof OperatorError && /\/dev\/null\/microshift/.test(error.message),
  );
});

test('a directory that cannot be made is refused at once, also where the kernel makes none', async () => {
  await assert.rejects(lockDirectory('/proc/none/data'), /The data directory \/proc\/none\/data cannot be used/);
});
