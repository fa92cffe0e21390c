import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { NodeAddress } from './node-address.ts';

test('a found address is followed, a lost one stays, a configured one is not touched', () => {
  const listeners = new Set<() => void>();
  const changes = {
    onChange(listener: () => void) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
  const change = () => listeners.forEach((one) => one());
  let found = '192.0.2.1';
  const seen: string[] = [];
  const followed = new NodeAddress({ nodeIp: found, nodeIpDetected: true }, () => found, changes, silentLogger);
  const fixed = new NodeAddress({ nodeIp: found, nodeIpDetected: false }, () => found, changes, silentLogger);
  followed.onChange(() => seen.push(followed.current));
  for (found of ['127.0.0.1', '192.0.2.2', '192.0.2.2', '127.0.0.1', '192.0.2.3']) change();
  assert.deepEqual(seen, ['192.0.2.2', '192.0.2.3']);
  assert.equal(fixed.current, '192.0.2.1');
  followed[Symbol.dispose]();
  found = '192.0.2.4';
  change();
  assert.equal(followed.current, '192.0.2.3');
});
