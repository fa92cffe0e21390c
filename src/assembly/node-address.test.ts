import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { NodeAddress } from './node-address.ts';

test('a found address is followed, a lost one stays, a configured one is not touched', () => {
  const clock = new VirtualClock(0);
  let found = '192.0.2.1';
  const seen: string[] = [];
  const followed = new NodeAddress({ nodeIp: found, nodeIpDetected: true }, () => found, clock, silentLogger);
  const fixed = new NodeAddress({ nodeIp: found, nodeIpDetected: false }, () => found, clock, silentLogger);
  followed.onChange(() => seen.push(followed.current));
  for (found of ['127.0.0.1', '192.0.2.2', '192.0.2.2', '127.0.0.1', '192.0.2.3']) clock.advance(10_000);
  assert.deepEqual(seen, ['192.0.2.2', '192.0.2.3']);
  assert.equal(fixed.current, '192.0.2.1');
  followed[Symbol.dispose]();
  found = '192.0.2.4';
  clock.advance(60_000);
  assert.equal(followed.current, '192.0.2.3');
});
