import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { createDnsTransport } from './dns-sockets.ts';

test('a resolver that cannot be reached gives no answer at once, and no defect', { timeout: 10_000 }, async () => {
  const transport = createDnsTransport(systemClock);
  // Connecting a socket to the broadcast address is refused by the kernel, as one without a route is.
  const answer = await transport.ask('255.255.255.255', Buffer.from('question'), 'udp', 60_000, () => ({
    value: true,
  }));
  assert.equal(answer, undefined);
});
