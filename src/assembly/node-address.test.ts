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
  let sixth: string | undefined;
  const detectIpv6 = () => sixth;
  const make = (nodeIpDetected: boolean, nodeIpv6?: string) =>
    new NodeAddress({ nodeIp: found, nodeIpDetected, nodeIpv6 }, () => found, detectIpv6, changes, silentLogger);
  const followed = make(true);
  const fixed = make(false, '2001:db8::9');
  followed.onChange(() => seen.push(followed.current));
  for (found of ['127.0.0.1', '192.0.2.2', '192.0.2.2', '127.0.0.1', '192.0.2.3']) change();
  assert.deepEqual(seen, ['192.0.2.2', '192.0.2.3']);
  assert.equal(fixed.current, '192.0.2.1');
  // Of IPv6 the same: it may come later than the process.
  assert.equal(followed.ipv6, undefined);
  for (sixth of ['2001:db8::1', undefined, '2001:db8::2']) change();
  assert.deepEqual([followed.ipv6, fixed.ipv6, seen.length], ['2001:db8::2', '2001:db8::9', 4]);
  followed[Symbol.dispose]();
  found = '192.0.2.4';
  change();
  assert.equal(followed.current, '192.0.2.3');
});
