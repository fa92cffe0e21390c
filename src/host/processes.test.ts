import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { sleep, systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { processStartTicks, SupervisedProcess } from './processes.ts';

const setup = (t: { after(run: () => void): void }) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'processes-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const make = (args: readonly string[] = ['300']) =>
    new SupervisedProcess({
      name: 'sleeper',
      command: 'sleep',
      args,
      env: { PATH: process.env['PATH'] ?? '' },
      stateFile: path.join(directory, 'state.json'),
      logFile: path.join(directory, 'log'),
      logBytesMax: 1000,
      clock: systemClock,
      logger: silentLogger,
      backoff: { baseMs: 10, maxMs: 20 },
    });
  return { directory, make };
};
const until = async (what: () => boolean) => {
  for (let i = 0; i < 200 && !what(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(what());
};

test('a released process is adopted by the next supervisor and stopped on demand', async (t) => {
  const { make, directory } = setup(t);
  const first = make();
  assert.equal(await first.start(), 'started');
  const pid = first.pid!;
  first.release();
  const second = make();
  assert.equal(await second.start(), 'adopted');
  assert.equal(second.pid, pid);
  await second.stop();
  assert.equal(processStartTicks(pid), undefined);
  assert.equal(existsSync(path.join(directory, 'state.json')), false);
});

test('a process that ends is started again, also when it was adopted', async (t) => {
  const { make } = setup(t);
  const first = make();
  await first.start();
  const pid = first.pid!;
  process.kill(pid, 'SIGKILL');
  await until(() => first.pid !== undefined && first.pid !== pid);
  first.release();
  const second = make();
  assert.equal(await second.start(), 'adopted');
  const adopted = second.pid!;
  process.kill(adopted, 'SIGKILL');
  await until(() => processStartTicks(adopted) === undefined);
  second.check();
  assert.match(second.problem ?? '', /sleeper ended/);
  await until(() => second.pid !== undefined && second.pid !== adopted);
  assert.equal(second.problem, undefined);
  await second.stop();
});

test('a changed command line replaces the process; a record of another process is not believed', async (t) => {
  const { make, directory } = setup(t);
  const first = make();
  await first.start();
  const pid = first.pid!;
  first.release();
  const second = make(['301']);
  assert.equal(await second.start(), 'started');
  assert.notEqual(second.pid, pid);
  assert.equal(processStartTicks(pid), undefined);
  await second.stop();
  const { writeFileSync } = await import('node:fs');
  const record = {
    pid: process.pid,
    startTicks: '1',
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
    digest: 'x',
  };
  writeFileSync(path.join(directory, 'state.json'), JSON.stringify(record));
  const third = make();
  assert.equal(await third.start(), 'started');
  await third.stop();
});

test('a missing command fails the first start with a remedy', async (t) => {
  const { directory } = setup(t);
  const missing = new SupervisedProcess({
    name: 'nothing',
    command: '/no/such/command',
    args: [],
    env: {},
    stateFile: path.join(directory, 's'),
    logFile: path.join(directory, 'l'),
    logBytesMax: 10,
    clock: systemClock,
    logger: silentLogger,
  });
  await assert.rejects(missing.start(), /nothing cannot be started/);
  await sleep(systemClock, 1);
});
