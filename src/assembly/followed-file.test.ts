import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { Scope } from '#base/scope.ts';
import { systemFiles } from '#host/files.ts';
import { checkConfiguration } from './config/check.ts';
import { ChangeableConfiguration } from './config/live.ts';
import { followFile } from './followed-file.ts';

const withHosts = (file: string) => {
  const values = { 'dns.hosts.status': file === '' ? 'Disabled' : 'Enabled', 'dns.hosts.file': file };
  const raw = Object.entries(values).map(([name, value]) => [name, { value, source: 'test', name }] as const);
  return checkConfiguration(new Map(raw), {
    hostname: 'edge',
    isRoot: true,
    homeDirectory: '/root',
    homeDataExists: false,
    nodeAddress: () => '192.168.1.10',
  }).configuration;
};

test('a file that the configuration names is followed: its content, another file, none', async (context) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'followed-'));
  const [one, two] = [path.join(directory, 'one'), path.join(directory, 'two')];
  writeFileSync(one, '1');
  const scope = new Scope('test', (_, error) => assert.fail(String(error)));
  context.after(async () => {
    await scope.close();
    rmSync(directory, { recursive: true });
  });
  const live = new ChangeableConfiguration(withHosts(one), (error) => assert.fail(String(error)));
  const parts = { live, files: systemFiles, clock: systemClock, logger: silentLogger };
  const followed = await followFile(parts, scope, (now) => now.dns.hostsFile, Number);
  const becomes = async (value: number | undefined, problems: number): Promise<void> => {
    const same = () => followed.current() === value && followed.problems().length === problems;
    for (let tries = 0; tries < 100 && !same(); tries++) await wait(20);
    assert.deepEqual([followed.current(), followed.problems().length], [value, problems]);
  };
  await becomes(1, 0);
  writeFileSync(one, '2');
  await becomes(2, 0);
  writeFileSync(`${one}.new`, '3');
  renameSync(`${one}.new`, one);
  await becomes(3, 0);
  // What was read before stays.
  rmSync(one);
  await becomes(3, 1);
  assert.match(followed.problems()[0]!, /one cannot be used: it does not exist/);
  live.replace(withHosts(two));
  await becomes(3, 1);
  writeFileSync(two, '4');
  await becomes(4, 0);
  live.replace(withHosts(''));
  await becomes(undefined, 0);
});

test('an older state of a file that takes longer to read does not come back over a newer one', async (context) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'followed-'));
  const [one, two] = [path.join(directory, 'one'), path.join(directory, 'two')];
  for (const file of [one, two]) writeFileSync(file, '');
  const scope = new Scope('test', (_, error) => assert.fail(String(error)));
  context.after(async () => {
    await scope.close();
    rmSync(directory, { recursive: true });
  });
  const live = new ChangeableConfiguration(withHosts(one), (error) => assert.fail(String(error)));
  const parts = { live, files: systemFiles, clock: systemClock, logger: silentLogger };
  const slow = Promise.withResolvers<string>();
  const begun = Promise.withResolvers<void>();
  const answers = [
    () => 'first',
    () => {
      begun.resolve();
      return slow.promise;
    },
    () => 'newest',
  ];
  const followed = await followFile(
    parts,
    scope,
    (now) => now.dns.hostsFile,
    () => answers.shift()!(),
  );
  live.replace(withHosts(two));
  await begun.promise;
  live.replace(withHosts(''));
  live.replace(withHosts(two));
  while (followed.current() !== 'newest') await wait(1);
  slow.resolve('stale');
  await wait(1);
  assert.equal(followed.current(), 'newest');
});
