import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfiguration, type ConfigurationHost } from './check.ts';
import { ChangeableConfiguration } from './live.ts';

const host: ConfigurationHost = {
  hostname: 'edge',
  isRoot: true,
  homeDirectory: '/root',
  homeDataExists: false,
  nodeAddress: () => '192.168.1.10',
};
const configurationWith = (path: string, value: string | number) =>
  checkConfiguration(new Map([[path, { value, source: 'test', name: path }]]), host).configuration;

test('who listens is told when its part is another by value, and only then', () => {
  const errors: unknown[] = [];
  const live = new ChangeableConfiguration(configurationWith('logVLevel', 0), (error) => errors.push(error));
  const seen: unknown[] = [];
  live.onChange(
    () => 1,
    () => seen.push('never'),
  );
  live.onChange(
    (one) => one.logVerbosity,
    () => {
      throw new Error('listener');
    },
  );
  const listening = live.onChange(
    (one) => ({ level: one.logVerbosity }),
    (now, before) => seen.push([before.level, now.level]),
  );
  live.replace(configurationWith('nodeName', 'other'));
  assert.equal(live.current.nodeName, 'other');
  live.replace(configurationWith('logVLevel', 4));
  listening[Symbol.dispose]();
  live.replace(configurationWith('logVLevel', 5));
  assert.deepEqual(seen, [[0, 4]]);
  assert.deepEqual(errors.map(String), ['Error: listener', 'Error: listener']);
});
