// What becomes of joined connections when one side is gone already. The way of bytes is in test/e2e.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { joinUpgraded } from './connect.ts';

const answerOn = (socket: ReturnType<typeof duplexPair>[0]) => ({
  status: 101,
  headers: { connection: 'Upgrade', upgrade: 'websocket' },
  socket,
  head: new Uint8Array(),
});

test('a client that went while the node was asked takes the connection to the node with it', async () => {
  const [client] = duplexPair();
  const [node] = duplexPair();
  client.on('error', () => {});
  client.destroy();
  await once(client, 'close');
  joinUpgraded({ socket: client, head: new Uint8Array() }, answerOn(node), () => true);
  assert.equal(node.destroyed, true);
});

test('a client that goes later does, too, and one that stays keeps it', async () => {
  const [client] = duplexPair();
  const [node] = duplexPair();
  joinUpgraded({ socket: client, head: new Uint8Array() }, answerOn(node), () => true);
  assert.equal(node.destroyed, false);
  const closed = new Promise((resolve) => void node.once('close', resolve));
  client.destroy();
  await closed;
});
