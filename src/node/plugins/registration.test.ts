import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { loggedScope } from '#base/scope.ts';
import { linuxNodeMachine } from '#host/node-machine.ts';
import { announcePlugin } from '#kit/grpc-server.ts';
import { type Plugin, PluginRegistrations } from './registration.ts';
import { registrationTable } from './registration-table.ts';

async function eventually(check: () => void): Promise<void> {
  for (let left = 400; ; left--)
    try {
      return check();
    } catch (error) {
      if (left === 0) throw error;
      await sleep(10);
    }
}

async function started(t: { after(run: () => Promise<void>): void }) {
  const root = mkdtempSync(path.join(tmpdir(), 'plugins-'));
  const directory = path.join(root, 'registry');
  const calls: string[] = [];
  const fails = { registering: '' };
  const log = (what: string) => (plugin: Plugin) =>
    void calls.push(`${what} ${plugin.name} ${path.basename(plugin.endpoint)} ${plugin.supportedVersions.join()}`);
  const plugins = new PluginRegistrations({
    machine: linuxNodeMachine(),
    clock: systemClock,
    logger: silentLogger,
    directory,
    handlers: {
      CSIPlugin: {
        validate(plugin) {
          if (plugin.supportedVersions.length === 0) throw new Error('no versions');
        },
        async register(plugin) {
          if (fails.registering !== '') throw new Error(fails.registering);
          log('register')(plugin);
        },
        async deregister(plugin) {
          log('deregister')(plugin);
        },
      },
    },
  });
  const scope = loggedScope('test', silentLogger);
  t.after(async () => {
    await scope.close();
    rmSync(root, { recursive: true, force: true });
  });
  const announce = (file: string, more: Partial<Parameters<typeof announcePlugin>[2]> = {}) =>
    announcePlugin(path.join(directory, file), registrationTable, {
      type: 'CSIPlugin',
      name: 'disk.example',
      endpoint: '/run/disk.sock',
      versions: ['1.0.0'],
      ...more,
    });
  return { plugins, scope, directory, calls, fails, announce };
}

test('sockets that are there, that come, in folders too, are registered; those that go are taken back', async (t) => {
  const { plugins, scope, directory, calls, announce } = await started(t);
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, 'file.sock'), 'no socket');
  await using first = await announce('first.sock');
  await plugins.start(scope);
  await eventually(() => assert.deepEqual(first.told, [{ pluginRegistered: true, error: '' }]));
  assert.deepEqual(calls, ['register disk.example disk.sock 1.0.0']);
  mkdirSync(path.join(directory, 'below'));
  const second = await announce('below/second.sock', { name: 'other.example', endpoint: '' });
  await using hidden = await announce('.hidden.sock', { name: 'hidden.example' });
  await eventually(() => assert.equal(calls.at(-1), 'register other.example second.sock 1.0.0'));
  await second[Symbol.asyncDispose]();
  await eventually(() => assert.equal(calls.at(-1), 'deregister other.example second.sock 1.0.0'));
  assert.deepEqual(
    plugins.list().map(({ name }) => name),
    ['disk.example'],
  );
  assert.deepEqual(hidden.told, []);
});

test('a socket that another takes the place of is registered anew', async (t) => {
  const { plugins, scope, calls, announce } = await started(t);
  await plugins.start(scope);
  const first = await announce('disk.sock');
  await eventually(() => assert.equal(plugins.list().length, 1));
  await first[Symbol.asyncDispose]();
  await using again = await announce('disk.sock', { versions: ['1.1.0'] });
  await eventually(() => assert.equal(again.told.length, 1));
  assert.deepEqual(calls.slice(1), [
    'deregister disk.example disk.sock 1.0.0',
    'register disk.example disk.sock 1.1.0',
  ]);
});

test('what is refused is told why, and tried again', async (t) => {
  const { plugins, scope, calls, fails, announce } = await started(t);
  fails.registering = 'not yet';
  await plugins.start(scope);
  await using strange = await announce('strange.sock', { type: 'Strange' });
  await using bad = await announce('bad.sock', { versions: [] });
  await using slow = await announce('slow.sock');
  await eventually(() => {
    assert.match(
      strange.told[0]?.error ?? '',
      /^RegisterPlugin error -- no handler registered for plugin type: Strange at socket .*strange\.sock$/,
    );
    assert.equal(bad.told[0]?.error, 'RegisterPlugin error -- plugin validation failed with err: no versions');
    assert.equal(slow.told[0]?.error, 'RegisterPlugin error -- plugin registration failed with err: not yet');
  });
  fails.registering = '';
  await eventually(() => assert.equal(slow.told.at(-1)?.pluginRegistered, true));
  assert.deepEqual(calls, ['register disk.example disk.sock 1.0.0']);
});
