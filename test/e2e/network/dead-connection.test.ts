// A connection whose other side is no longer there, and says nothing: watches and requests end, and new ones get through later.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import path from 'node:path';
import { test } from 'node:test';
import { missing, Network, until } from './kit.ts';

test(
  'a path that drops everything ends watches and requests within the time of the probes',
  { skip: missing ?? false },
  async () => {
    await using network = new Network(false);
    const outside = network.outside();
    const run = (namespace: string, part: string) =>
      network.start(namespace, [
        process.execPath,
        '--disable-warning=ExperimentalWarning',
        path.join(import.meta.dirname, 'dead-connection.ts'),
        part,
      ]);
    const server = run(outside, 'server');
    await once(server.stdout!, 'data');
    const client = run(network.node, 'client');
    let told = '';
    client.stdout!.setEncoding('utf8').on('data', (text: string) => (told += text));
    await until('the watch has begun', () => told.includes('watch began'));
    const drop = 'add table inet t; add chain inet t c { type filter hook input priority 0; policy drop; }';
    const mute = 'add chain inet t d { type filter hook output priority 0; policy drop; }';
    network.in(outside, ['nft', `${drop}; ${mute}`]);
    const cutMs = Date.now();
    // Silent for 1 s, then two probes a second apart. The request, whose bytes nobody confirms, ends with the watch.
    await until(
      'both have ended',
      () => /watch ended: .*ETIMEDOUT/.test(told) && told.includes('request ended'),
      15_000,
    );
    assert.ok(Date.now() - cutMs < 10_000);
    assert.match(told, /request ended: the connection to \S+ is dead/);
    network.in(outside, ['nft', 'delete table inet t']);
    await until('the next request is answered', () => told.includes('answered'), 10_000);
  },
);
