// Multicast DNS between two hosts on a real link: another host of the LAN asks, claims, and hears what the node says.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Routes } from '#api/generated/kind-references.ts';
import type { Route } from '#api/generated/types.ts';
import { missing, Network, until } from './kit.ts';

interface Heard {
  readonly atMs: number;
  readonly direct: boolean;
  readonly from: string;
  readonly type: 'query' | 'response';
  readonly id: number;
  readonly questions: readonly { readonly name: string; readonly type: string }[];
  readonly answers: readonly { name: string; type: string; data: unknown; ttl: number; flush: boolean }[];
  readonly authorities: readonly { readonly name: string; readonly type: string; readonly data: unknown }[];
}

class Peer {
  readonly heard: Heard[] = [];
  readonly #child: ChildProcess;
  ready = false;
  constructor(network: Network, namespace: string, address: string) {
    const script = path.join(import.meta.dirname, 'mdns-peer.ts');
    this.#child = network.start(
      namespace,
      [process.execPath, '--disable-warning=ExperimentalWarning', script, address],
      {
        stdin: true,
      },
    );
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      const message = JSON.parse(line) as Heard & { ready?: boolean };
      if (message.ready === true) this.ready = true;
      else this.heard.push(message);
    });
  }
  send(command: object): void {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
  }
  /** Messages that come after the call and satisfy `wanted`; the first of them. */
  async next(what: string, wanted: (message: Heard) => boolean, act: () => void, timeoutMs = 3_000): Promise<Heard> {
    const from = this.heard.length;
    act();
    let found: Heard | undefined;
    await until(what, () => (found = this.heard.slice(from).find(wanted)) !== undefined, timeoutMs);
    return found!;
  }
  async silence(ms: number, unwanted: (message: Heard) => boolean, act: () => void): Promise<void> {
    const from = this.heard.length;
    act();
    await wait(ms);
    assert.deepEqual(this.heard.slice(from).filter(unwanted), []);
  }
}

const route = (name: string, host: string, admitted = true): Route => ({
  metadata: { namespace: 'web', name },
  spec: { host, to: { kind: 'Service', name: 'web' } },
  status: {
    ingress: [{ host, routerName: 'default', conditions: [{ type: 'Admitted', status: admitted ? 'True' : 'False' }] }],
  },
});
const says =
  (name: string, data: unknown, ttl = 120) =>
  (message: Heard) =>
    message.type === 'response' &&
    message.answers.some((one) => one.name === name && one.data === data && one.ttl === ttl);
const ask = (name: string, type = 'A') => ({ questions: [{ name, type }] });
const isAbout = (name: string) => (message: Heard) =>
  message.type === 'response' && message.answers.some((one) => one.name === name);

test('multicast DNS between two hosts', { skip: missing ?? false }, async (t) => {
  await using network = new Network();
  const lan = network.outside();
  const pod = network.pod('10.42.0.2');
  const peer = new Peer(network, lan, '192.0.2.2');
  const inPod = new Peer(network, pod, '10.42.0.2');
  await until('the peers listen', () => peer.ready && inPod.ready);
  let mdns = await network.runner('mdns', { nodeName: 'edge.local' });
  await mdns.set(Routes, [
    route('shop', 'shop.local'),
    route('outside', 'www.example.com'),
    route('not', 'not.local', false),
  ]);
  const held = ['edge.local', 'shop.local'];

  await t.test('names are probed for three times and announced twice, with the cache-flush bit', async () => {
    await until(
      'two announcements',
      () => held.every((name) => peer.heard.filter(says(name, '192.0.2.1')).length >= 2),
      5_000,
    );
    for (const name of held) {
      const probes = peer.heard.filter(
        (one) => one.type === 'query' && one.authorities.some((claim) => claim.name === name),
      );
      assert.equal(probes.length, 3, name);
      assert.deepEqual(probes[0]!.authorities.find((one) => one.name === name)?.data, '192.0.2.1');
      const gapMs = probes[2]!.atMs - probes[0]!.atMs;
      assert.ok(gapMs >= 450 && gapMs < 1_500, `${gapMs} ms`);
      const [announcement] = peer.heard.filter(says(name, '192.0.2.1'));
      assert.equal(announcement!.answers.find((one) => one.name === name)?.flush, true);
    }
    assert.equal(peer.heard.some(isAbout('not.local')), false);
    assert.equal(peer.heard.some(isAbout('www.example.com')), false);
  });

  await t.test('a question is answered to all; known answers are not repeated; other types are denied', async () => {
    await wait(1_100);
    const answer = await peer.next('an answer', says('shop.local', '192.0.2.1'), () => peer.send(ask('SHOP.local')));
    assert.deepEqual([answer.direct, answer.questions, answer.id], [false, [], 0]);
    await wait(1_100);
    const known = [{ name: 'shop.local', type: 'A', class: 'IN', ttl: 100, data: '192.0.2.1' }];
    await peer.silence(400, isAbout('shop.local'), () => peer.send({ ...ask('shop.local'), known }));
    const old = [{ ...known[0]!, ttl: 50 }];
    await peer.next('an answer', says('shop.local', '192.0.2.1'), () =>
      peer.send({ ...ask('shop.local'), known: old }),
    );
    await wait(1_100);
    const denial = await peer.next('a denial', isAbout('edge.local'), () => peer.send(ask('edge.local', 'AAAA')));
    assert.deepEqual(
      denial.answers.map(({ type, data }) => [type, data]),
      [['NSEC', { nextDomain: 'edge.local', rrtypes: ['A'] }]],
    );
    await peer.silence(400, isAbout('not.local'), () => peer.send(ask('not.local')));
  });

  await t.test('who wants it alone is told alone; a plain DNS client gets its question and a short time', async () => {
    const alone = await peer.next('an answer', says('edge.local', '192.0.2.1'), () =>
      peer.send({ ...ask('edge.local'), wantsUnicast: true }),
    );
    assert.equal(alone.direct, true);
    const plain = await peer.next('an answer', says('edge.local', '192.0.2.1', 10), () =>
      peer.send({ ...ask('edge.local'), plain: true }),
    );
    assert.deepEqual([plain.direct, plain.id, plain.questions.map((one) => one.name)], [true, 77, ['edge.local']]);
    assert.equal(plain.answers[0]?.flush, false);
  });

  await t.test('nothing is said to Pods, and their questions are not answered', async () => {
    await inPod.silence(
      500,
      () => true,
      () => inPod.send(ask('edge.local')),
    );
    assert.deepEqual(inPod.heard, []);
  });

  await t.test('broken messages are dropped', async () => {
    for (const bytes of ['00', 'ff'.repeat(40), '0000000000010000000000000461', '000000000001000000000000c00c00010001'])
      peer.send({ bytes });
    await wait(1_100);
    await peer.next('an answer', says('shop.local', '192.0.2.1'), () => peer.send(ask('shop.local')));
  });

  await t.test('a second Route keeps the name; the last one takes it away with a goodbye', async () => {
    await mdns.set(Routes, [route('shop', 'shop.local'), route('shop2', 'shop.local')]);
    await mdns.set(Routes, [route('shop2', 'shop.local')]);
    await peer.silence(500, says('shop.local', '192.0.2.1', 0), () => undefined);
    const goodbye = await peer.next('a goodbye', says('shop.local', '192.0.2.1', 0), () => void mdns.set(Routes, []));
    assert.equal(goodbye.answers.length, 1);
    await peer.silence(500, isAbout('shop.local'), () => peer.send(ask('shop.local')));
  });

  await t.test('a name that another host has is left to it, and told', async () => {
    const defend = setInterval(() => {
      const isProbed = peer.heard.some(
        (one) => one.type === 'query' && one.authorities.some((claim) => claim.name === 'taken.local'),
      );
      if (isProbed)
        peer.send({ answers: [{ name: 'taken.local', type: 'A', class: 'IN', ttl: 120, data: '192.0.2.2' }] });
    }, 50);
    try {
      await mdns.set(Routes, [route('taken', 'taken.local')]);
      await until('the conflict', async () => (await mdns.problems()).length > 0);
    } finally {
      clearInterval(defend);
    }
    assert.deepEqual(await mdns.problems(), [
      'taken.local is not announced: another host of the network has that name (192.0.2.2)',
    ]);
    await peer.silence(1_500, isAbout('taken.local'), () => peer.send(ask('taken.local')));
    await mdns.set(Routes, []);
    await until('no problem', async () => (await mdns.problems()).length === 0);
  });

  await t.test('a new address is announced, and so is a new interface', async () => {
    await peer.next(
      'the announcement',
      says('edge.local', '192.0.2.9'),
      () => {
        network.ip(network.node, 'address del 192.0.2.1/24 dev out0');
        network.ip(network.node, 'address add 192.0.2.9/24 dev out0');
      },
      5_000,
    );
    const other = network.namespace('other');
    network.ip(network.node, `link add lan1 type veth peer name eth0 netns ${other}`);
    network.ip(other, 'address add 198.51.100.2/24 dev eth0');
    network.ip(other, 'link set eth0 up');
    const second = new Peer(network, other, '198.51.100.2');
    await until('the peer listens', () => second.ready);
    await second.next(
      'the announcement',
      says('edge.local', '198.51.100.1'),
      () => {
        network.ip(network.node, 'link set lan1 up');
        network.ip(network.node, 'address add 198.51.100.1/24 dev lan1');
      },
      5_000,
    );
    assert.equal(second.heard.some(says('edge.local', '192.0.2.9')), false, 'each link hears its own address');
  });

  await t.test('with an address of IPv6 it is announced, too, and asked for by IPv6', async () => {
    await peer.next(
      'the announcement',
      says('edge.local', '2001:db8::9'),
      () => network.ip(network.node, 'address add 2001:db8::9/64 dev out0 nodad'),
      5_000,
    );
    const [, own] =
      /inet6 (fe80::\S+)\//.exec(network.in(lan, ['ip', '-6', '-o', 'address', 'show', 'dev', 'eth0'])) ?? [];
    const sixth = new Peer(network, lan, `${own}%eth0`);
    await until('the peer listens', () => sixth.ready);
    // It is announced twice, and then said at most once a second.
    await wait(2_100);
    const answer = await sixth.next('an answer', says('edge.local', '2001:db8::9'), () =>
      sixth.send(ask('edge.local', 'AAAA')),
    );
    assert.match(answer.from, /^fe80::/);
  });

  await t.test('an orderly stop says goodbye', async () => {
    await peer.next('a goodbye', says('edge.local', '192.0.2.9', 0), () => void mdns.stop());
  });

  await t.test('without a name in .local no port is open; a port that cannot be had is told', async () => {
    mdns = await network.runner('mdns', { nodeName: 'edge.example.com' });
    await mdns.set(Routes, [route('www', 'www.example.com')]);
    await mdns.whenReady();
    await wait(200);
    assert.doesNotMatch(network.in(network.node, ['ss', '-lnu']), /:5353/);
    const blocker = network.start(network.node, [
      process.execPath,
      '-e',
      "require('node:dgram').createSocket('udp4').bind(5353, '0.0.0.0', () => console.log('bound'))",
    ]);
    await new Promise((resolve) => blocker.stdout!.once('data', resolve));
    await mdns.set(Routes, [route('late', 'late.local')]);
    await until('the problem', async () => (await mdns.problems()).length > 0);
    const [problem] = await mdns.problems();
    assert.match(
      problem!,
      /names ending in \.local are not announced \(.*EADDRINUSE.*\); another program may have UDP port 5353/,
    );
    await mdns.stop();
  });
});
