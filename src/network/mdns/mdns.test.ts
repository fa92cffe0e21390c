// Claims on a clock of their own: what is sent when, who wins, and what others say. The real link: test/e2e/network/mdns.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import { seededRandom } from '#base/random.ts';
import { decodeMdns, encodeProbe, encodeReply, type MdnsAddress, type MdnsMessage } from '#wire/mdns-message.ts';
import type { Route } from '#api/generated/types.ts';
import { addressRecords, otherHolder, replyTo, winsProbe, type LinkAddress } from './answers.ts';
import { Claims, type Link } from './claims.ts';
import { wantedNames } from './names.ts';

const own: readonly LinkAddress[] = [
  { type: 'A', address: '192.0.2.1' },
  { type: 'AAAA', address: '2001:db8::1' },
];
const eth0: Link = { name: 'eth0', addresses: own };
const peer = { address: '192.0.2.2', port: 5353 };
const at = (name: string, address: string, ttlSeconds = 120): MdnsAddress => ({
  name,
  type: address.includes(':') ? 'AAAA' : 'A',
  address,
  ttlSeconds,
});
const question = (
  name: string,
  type: MdnsMessage['questions'][number]['type'],
  known: readonly MdnsAddress[] = [],
): MdnsMessage => ({
  id: 0,
  isResponse: false,
  questions: [{ name, type, wantsUnicast: false }],
  answers: known,
  authorities: [],
  additionals: [],
});
const response = (...answers: readonly MdnsAddress[]) => decodeMdns(encodeReply({ answers, denials: [] }))!;
const probe = (...claims: readonly MdnsAddress[]) =>
  decodeMdns(
    encodeProbe(
      claims.map((one) => one.name),
      claims,
    ),
  )!;

function start(names: readonly string[], links: readonly Link[] = [eth0]) {
  const clock = new VirtualClock(0);
  const sent: { readonly link: string; readonly message: MdnsMessage; readonly to?: object | undefined }[] = [];
  const taken: string[] = [];
  const claims = new Claims(
    clock,
    seededRandom(1),
    {
      send(link, bytes, to) {
        assert.ok(bytes.byteLength <= 1_472, `${bytes.byteLength} bytes do not fit a frame`);
        sent.push({ link, message: decodeMdns(bytes)!, to });
      },
    },
    (name, holder) => void taken.push(`${name} ${holder}`),
  );
  claims.setLinks(links);
  claims.setNames(new Set(names));
  const take = () => sent.splice(0).map((one) => one.message);
  return { clock, claims, taken, sent, take };
}

test('names are those of the node and of admitted Routes, in lower case, where they end in .local', () => {
  const route = (host: string, status: string): Route => ({
    metadata: {},
    spec: { host, to: { kind: 'Service', name: 'x' } },
    status: { ingress: [{ host, conditions: [{ type: 'Admitted', status }] }] },
  });
  const routes = [
    route('Shop.LOCAL', 'True'),
    route('shop.local', 'True'),
    route('a.b.local', 'True'),
    route('no.local', 'False'),
    route('x.example.com', 'True'),
    route('*.wild.local', 'True'),
    route(`${'a'.repeat(64)}.local`, 'True'),
    { metadata: {}, spec: { host: 'new.local', to: { kind: 'Service', name: 'x' } } } as Route,
  ];
  assert.deepEqual([...wantedNames('edge.local', routes)], ['edge.local', 'shop.local', 'a.b.local']);
  assert.deepEqual([...wantedNames('edge', [])], []);
});

test('answers are of the asked type; known ones are left out; a type that is not there is denied', () => {
  const isOurs = (name: string) => name === 'x.local';
  assert.deepEqual(replyTo(question('x.local', 'A'), isOurs, own)?.answers, [at('x.local', '192.0.2.1')]);
  assert.deepEqual(replyTo(question('x.local', 'ANY'), isOurs, own)?.answers, addressRecords('x.local', own));
  assert.equal(replyTo(question('y.local', 'A'), isOurs, own), undefined);
  assert.equal(replyTo(question('x.local', 'A', [at('x.local', '192.0.2.1', 60)]), isOurs, own), undefined);
  assert.notEqual(replyTo(question('x.local', 'A', [at('x.local', '192.0.2.1', 59)]), isOurs, own), undefined);
  assert.deepEqual(replyTo(question('x.local', 'AAAA'), isOurs, own.slice(0, 1)), {
    answers: [],
    denials: [{ name: 'x.local', types: ['A'], ttlSeconds: 120 }],
  });
  assert.deepEqual(replyTo(question('x.local', 'TXT'), isOurs, own)?.denials[0]?.types, ['A', 'AAAA']);
});

test('only another address of a type that we have is a conflict, and no goodbye', () => {
  assert.equal(otherHolder([at('x.local', '192.0.2.1')], 'x.local', own), undefined);
  assert.equal(otherHolder([at('x.local', '192.0.2.2')], 'x.local', own), '192.0.2.2');
  assert.equal(otherHolder([at('x.local', '192.0.2.2', 0)], 'x.local', own), undefined);
  assert.equal(otherHolder([at('y.local', '192.0.2.2')], 'x.local', own), undefined);
  assert.equal(otherHolder([at('x.local', '2001:db8::2')], 'x.local', own.slice(0, 1)), undefined);
});

test('of two that probe at once the later record wins', () => {
  const a = (address: string): LinkAddress => ({ type: address.includes(':') ? 'AAAA' : 'A', address });
  assert.equal(winsProbe([a('192.0.2.10')], [a('192.0.2.9')]), true);
  assert.equal(winsProbe([a('192.0.2.9')], [a('192.0.2.10')]), false);
  assert.equal(winsProbe([a('192.0.2.9'), a('2001:db8::1')], [a('192.0.2.9')]), true);
  assert.equal(winsProbe([a('192.0.2.9')], [a('192.0.2.9'), a('2001:db8::1')]), false);
  assert.equal(winsProbe([a('2001:db8::a')], [a('2001:db8::9')]), true);
  assert.equal(winsProbe([a('192.0.2.9')], [a('192.0.2.9')]), true);
});

test('a name is probed for, announced, answered at most once a second, and said goodbye to', () => {
  const { clock, claims, take } = start(['x.local']);
  assert.deepEqual(take(), []);
  claims.receive('eth0', question('x.local', 'A'), peer);
  assert.deepEqual(take(), [], 'nothing is said before it is ours');
  clock.advance(1_000);
  const first = take();
  assert.deepEqual(
    first.map((one) => one.isResponse),
    [false, false, false, true],
  );
  assert.deepEqual(first[0]!.authorities, addressRecords('x.local', own));
  clock.advance(1_000);
  assert.deepEqual(
    take().map((one) => one.answers),
    [addressRecords('x.local', own)],
  );
  clock.advance(10_000);
  assert.deepEqual(take(), []);
  claims.receive('eth0', question('x.local', 'A'), peer);
  claims.receive('eth0', question('x.local', 'A'), peer);
  assert.equal(take().length, 1);
  clock.advance(999);
  claims.receive('eth0', question('x.local', 'A'), peer);
  assert.equal(take().length, 0);
  clock.advance(1);
  claims.receive('eth0', question('x.local', 'A'), peer);
  assert.equal(take().length, 1);
  claims.setNames(new Set());
  assert.deepEqual(
    take().map((one) => one.answers),
    [addressRecords('x.local', own, 0)],
  );
});

test('a probe for what is ours is answered soon, and the name stays ours', () => {
  const { clock, claims, take, taken } = start(['x.local']);
  clock.advance(3_000);
  claims.receive('eth0', question('x.local', 'A'), peer);
  take();
  clock.advance(250);
  claims.receive('eth0', probe(at('x.local', '192.0.2.2')), peer);
  assert.deepEqual(
    take().map((one) => one.answers),
    [addressRecords('x.local', own)],
  );
  assert.deepEqual(taken, []);
});

test('a name that somebody has is left to him and asked for again after five minutes', () => {
  const { clock, claims, take, taken } = start(['x.local', 'y.local']);
  clock.advance(300);
  claims.receive('eth0', response(at('x.local', '192.0.2.2')), peer);
  assert.deepEqual(claims.taken, [{ name: 'x.local', holder: '192.0.2.2' }]);
  clock.advance(10_000);
  const said = take()
    .filter((one) => one.isResponse)
    .flatMap((one) => one.answers.map((answer) => answer.name));
  assert.deepEqual(new Set(said), new Set(['y.local']));
  clock.advance(300_000);
  assert.deepEqual(claims.taken, []);
  assert.ok(take().some((one) => one.isResponse && one.answers.some((answer) => answer.name === 'x.local')));
  assert.deepEqual(taken, ['x.local 192.0.2.2']);
});

test('who loses a simultaneous probe waits a second, and gives the name away when the other answers', () => {
  const { clock, claims, take } = start(['x.local']);
  clock.advance(300);
  claims.receive('eth0', probe(at('x.local', '192.0.2.2')), peer);
  take();
  clock.advance(900);
  assert.deepEqual(take(), []);
  clock.advance(400);
  assert.equal(take()[0]?.isResponse, false);
  claims.receive('eth0', response(at('x.local', '192.0.2.2')), peer);
  assert.equal(claims.taken.length, 1);
});

test('who wins a simultaneous probe goes on', () => {
  const { clock, claims, take } = start(['x.local']);
  clock.advance(300);
  claims.receive('eth0', probe(at('x.local', '192.0.2.0')), peer);
  clock.advance(1_000);
  assert.equal(take().at(-1)?.isResponse, true);
});

test('a name that both took while apart is probed for again: the other one defends it, or it stays', () => {
  for (const isDefended of [true, false]) {
    const { clock, claims, take } = start(['x.local']);
    clock.advance(5_000);
    take();
    claims.receive('eth0', response(at('x.local', '192.0.2.2')), peer);
    clock.advance(300);
    assert.equal(take()[0]?.isResponse, false);
    if (isDefended) claims.receive('eth0', response(at('x.local', '192.0.2.2')), peer);
    clock.advance(5_000);
    assert.equal(claims.taken.length, isDefended ? 1 : 0);
    assert.equal(
      take().some((one) => one.isResponse),
      !isDefended,
    );
  }
});

test('what the own host says on another link is no conflict', () => {
  const lan1: Link = { name: 'lan1', addresses: [{ type: 'A', address: '198.51.100.1' }] };
  const { clock, claims } = start(['x.local'], [eth0, lan1]);
  clock.advance(300);
  claims.receive('lan1', response(at('x.local', '192.0.2.1')), { address: '192.0.2.1', port: 5353 });
  clock.advance(5_000);
  assert.deepEqual(claims.taken, []);
});

test('many names go in few packets that fit a frame, each link with its own addresses', () => {
  const names = Array.from({ length: 45 }, (_, index) => `application-number-${index}-of-a-long-name.apps.edge.local`);
  const lan1: Link = { name: 'lan1', addresses: [{ type: 'A', address: '198.51.100.1' }] };
  const { clock, sent } = start(names, [eth0, lan1]);
  clock.advance(3_000);
  assert.ok(sent.length <= 2 * 10 * (3 + 2), `${sent.length} packets`);
  const announced = sent.filter((one) => one.message.isResponse && one.link === 'eth0');
  const counts = names.map(
    (name) => announced.filter((one) => one.message.answers.some((answer) => answer.name === name)).length,
  );
  assert.deepEqual(new Set(counts), new Set([2]));
  assert.ok(
    sent.every(({ link, message }) =>
      message.answers.every((one) => (one.address === '198.51.100.1') === (link === 'lan1')),
    ),
  );
});

test('bytes that are no message of multicast DNS are nothing', () => {
  for (const bytes of [
    [],
    [0],
    Array.from({ length: 12 }, () => 255),
    Array.from({ length: 12 }, () => 0).with(2, 0x08),
  ])
    assert.equal(decodeMdns(Uint8Array.from(bytes)), undefined);
});
