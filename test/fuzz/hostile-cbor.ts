// Request bodies in CBOR, well made and badly made, as hostile-bodies.ts has them for the other encodings. What a control plane
// of 1.36.2 with the gate CBORServingAndStorage answered is in hostile-cbor.observed.json.
import type { HostileBody } from './hostile-bodies.ts';

const type = { json: 'application/json', cbor: 'application/cbor', apply: 'application/apply-patch+cbor' } as const;

/** Item by item: `raw` stands as it is, texts are text strings, bytes byte strings. */
export type Item =
  | string
  | number
  | boolean
  | null
  | bigint
  | Uint8Array
  | readonly Item[]
  | { readonly [name: string]: Item }
  | Raw;
class Raw {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}
const raw = (...bytes: readonly (number | Uint8Array)[]): Raw =>
  new Raw(Buffer.concat(bytes.map((one) => (typeof one === 'number' ? Buffer.of(one) : one))));

function head(major: number, argument: bigint | number): Uint8Array {
  const value = BigInt(argument);
  if (value < 24n) return Buffer.of((major << 5) | Number(value));
  const size = value < 0x1_00n ? 1 : value < 0x1_00_00n ? 2 : value < 0x1_00_00_00_00n ? 4 : 8;
  const bytes = Buffer.alloc(1 + size);
  bytes[0] = (major << 5) | (24 + Math.log2(size));
  const digits = value.toString(16).padStart(size * 2, '0');
  bytes.write(digits, 1, 'hex');
  return bytes;
}

export function item(value: Item): Uint8Array {
  if (value instanceof Raw) return value.bytes;
  if (value === null) return Buffer.of(0xf6);
  if (typeof value === 'boolean') return Buffer.of(value ? 0xf5 : 0xf4);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'bigint') return value < 0n ? head(1, -1n - value) : head(0, value);
  if (typeof value === 'number') {
    if (Number.isInteger(value)) return item(BigInt(value));
    const bytes = Buffer.alloc(9, 0xfb);
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(item)]);
  const entries = Object.entries(value as Readonly<Record<string, Item>>);
  return Buffer.concat([head(5, entries.length), ...entries.flatMap(([name, one]) => [item(name), item(one)])]);
}
const tagged = (tag: number, value: Item): Raw => raw(head(6, tag), item(value));
const bytes = (text: string): Uint8Array => Buffer.from(text);
/** A map with keys that no object has, or twice. */
const pairs = (...members: readonly (readonly [Item, Item])[]): Raw =>
  raw(head(5, members.length), ...members.flatMap(([name, value]) => [item(name), item(value)]));
const endless = (major: number, ...members: readonly Item[]): Raw => raw((major << 5) | 31, ...members.map(item), 0xff);

const header = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'x' } };
const map = (rest: Readonly<Record<string, Item>> = {}): Uint8Array => item({ ...header, ...rest });
const container = (fields: Readonly<Record<string, Item>>): Uint8Array =>
  item({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'x' },
    spec: { containers: [{ name: 'a', image: 'b', ...fields }] },
  });
const pod = (fields: Readonly<Record<string, Item>>): Uint8Array =>
  item({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'x' },
    spec: { containers: [{ name: 'a', image: 'b' }], ...fields },
  });
const secret = (data: Item): Uint8Array => item({ kind: 'Secret', apiVersion: 'v1', metadata: { name: 'x' }, data });

const post = (name: string, body: Uint8Array, path = 'configmaps'): HostileBody => ({
  name,
  method: 'POST',
  path,
  contentType: type.cbor,
  body,
});
const strict = (name: string, body: Uint8Array, path = 'configmaps'): HostileBody =>
  post(`strictly: ${name}`, body, `${path}?fieldValidation=Strict`);
const apply = (name: string, body: Uint8Array, query = ''): HostileBody => ({
  name: `apply: ${name}`,
  method: 'PATCH',
  path: `configmaps/base?fieldManager=m${query}`,
  contentType: type.apply,
  body,
});
const codecs = '/apis/codec.example.com/v1/namespaces/default/codecs';
const custom = (name: string, body: Uint8Array, query = ''): HostileBody => ({
  ...post(`custom: ${name}`, body, codecs + query),
});
const codec = (rest: Readonly<Record<string, Item>> = {}): Uint8Array =>
  item({ kind: 'Codec', apiVersion: 'codec.example.com/v1', metadata: { name: 'x' }, ...rest });

const unknown = { foo: 1, data: { a: 'b' }, bar: 2 };

export const hostileCbor: readonly HostileBody[] = [
  post('an object', map({ data: { a: 'b' } })),
  post('with the tag', item(tagged(55_799, raw(map({ data: { a: 'b' } }))))),
  post('with the tag twice', item(tagged(55_799, tagged(55_799, raw(map()))))),
  post(
    'names and texts as byte strings',
    item(
      pairs(
        [bytes('kind'), bytes('ConfigMap')],
        [bytes('apiVersion'), bytes('v1')],
        [bytes('metadata'), pairs([bytes('name'), bytes('x')])],
      ),
    ),
  ),
  post('nothing', new Uint8Array()),
  post('JSON', bytes('{"kind":"ConfigMap"}')),
  post('an empty map', item({})),
  post('an array', item([])),
  post('a text', item('x')),
  post('a number', item(1)),
  post('null', item(null)),
  post('undefined', Buffer.of(0xf7)),
  post('true', item(true)),
  post('the tag alone', Buffer.of(0xd9, 0xd9, 0xf7)),
  post('cut off', map().subarray(0, 12)),
  post('cut off in a head', Buffer.of(0xb9, 0x01)),
  post('bytes behind', Buffer.concat([map(), Buffer.of(0xf6, 0xf6)])),
  post('a reserved head', Buffer.of(0xfc)),
  post('a reserved length', Buffer.of(0x5c)),
  post('a break alone', Buffer.of(0xff)),
  post('an integer without end', Buffer.of(0x1f)),
  post('a tag without end', Buffer.of(0xdf)),
  post('a short simple value in two bytes', Buffer.of(0xf8, 0x10)),
  post('a text longer than all', Buffer.of(0x7b, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
  post('a text of a length that overflows', Buffer.of(0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
  post('an array of a length that overflows', Buffer.of(0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
  post('an array of too many', Buffer.of(0x9b, 0, 0, 0, 1, 0, 0, 0, 0)),
  post('a map of too many', Buffer.of(0xba, 0x00, 0x20, 0x00, 0x01)),
  post('an array that announces two thousand million', Buffer.of(0x9a, 0x7f, 0xff, 0xff, 0xff)),
  post('20000 deep', map({ foo: raw(Buffer.alloc(20_000, 0x81), 0xf6) })),
  post('20000 tags deep', map({ foo: raw(Buffer.alloc(20_000, 0xc6), 0xf6) })),
  post('20000 deep without end', map({ foo: raw(Buffer.alloc(20_000, 0x9f), Buffer.alloc(20_000, 0xff)) })),
  post('a map without end', item(endless(5, 'kind', 'ConfigMap', 'apiVersion', 'v1', 'metadata', { name: 'x' }))),
  post('a map without end that lacks a value', item(endless(5, 'kind', 'ConfigMap', 'apiVersion'))),
  post('a text in pieces', map({ data: { a: endless(3, 'b', 'c') } })),
  post('bytes in pieces', map({ data: { a: endless(2, bytes('b'), bytes('c')) } })),
  post('a text in pieces of bytes', map({ data: { a: endless(3, bytes('b')) } })),
  post('a text in pieces in pieces', map({ data: { a: endless(3, endless(3, 'b')) } })),
  post('a text in pieces that breaks a letter', map({ data: { a: raw(0x7f, 0x61, 0xc3, 0x61, 0xa4, 0xff) } })),
  post('kind is a number', item({ kind: 1, apiVersion: 'v1', metadata: { name: 'x' } })),
  post('kind is null', item({ kind: null, apiVersion: null, metadata: { name: 'x' } })),
  post('kind of another', item({ ...header, kind: 'Secret' })),
  post('kind of nobody', item({ ...header, kind: 'Nothing' })),
  post('version of nobody', item({ ...header, apiVersion: 'v9' })),
  post('group of nobody', item({ ...header, apiVersion: 'a/b/c' })),
  post('kind twice', item(pairs(['kind', 'ConfigMap'], ['kind', 'ConfigMap']))),
  post('a key twice', item(pairs(...Object.entries(header), ['data', { a: '1' }], ['data', { a: '2' }]))),
  post('an unknown key twice', item(pairs(...Object.entries(header), ['foo', 1], ['foo', 2]))),
  post('a key of a map twice', map({ data: pairs(['a', '1'], ['a', '2']) })),
  post('a key of a map twice, once as bytes', map({ data: pairs(['a', '1'], [bytes('a'), '2']) })),
  post('a label twice', map({ metadata: { name: 'x', labels: pairs(['a', '1'], ['a', '1']) } })),
  post('unknown keys', map(unknown)),
  post('a field in other letters', map({ Data: { a: 'b' } })),
  strict('unknown keys', map(unknown)),
  strict('an unknown key inside', map({ metadata: { name: 'x', foo: 1 } })),
  strict('an unknown key and a wrong type before', item(pairs(['data', 1], ['foo', 1], ...Object.entries(header)))),
  strict('an unknown key and a wrong type behind', item(pairs(['foo', 1], ['data', 1], ...Object.entries(header)))),
  strict('an unknown key inside and a wrong type outside', item(pairs(['metadata', { foo: 1 }], ['data', 1]))),
  strict('a number as a key', item(pairs(...Object.entries(header), [7, 1]))),
  strict('null as a key', item(pairs(...Object.entries(header), [null, 1]))),
  post('a number as a key', item(pairs(...Object.entries(header), [7, 1]))),
  post('a number as a key twice', item(pairs(...Object.entries(header), [7, 1], [7, 2]))),
  post('a large negative number as a key', item(pairs(...Object.entries(header), [-(2n ** 64n), 1]))),
  post('null as a key', item(pairs(...Object.entries(header), [null, 1]))),
  post('an array as a key', item(pairs(...Object.entries(header), [[1], 1]))),
  post('a number as a key of a map', map({ data: pairs([7, 'a']) })),
  post('a key that is no UTF-8', item(pairs(...Object.entries(header), [raw(0x61, 0xff), 1]))),
  post('a value that is no UTF-8', map({ data: { a: raw(0x61, 0xff) } })),
  post('an unknown value that is no UTF-8', map({ foo: raw(0x61, 0xff) })),
  post('bytes that are no UTF-8', map({ data: { a: Buffer.of(0xff, 0x61) } })),
  post('a zero byte', map({ data: { a: '\u0000' } })),
  post('metadata is a text', item({ ...header, metadata: 'x' })),
  post('metadata is an array', item({ ...header, metadata: [] })),
  post('metadata is null', item({ ...header, metadata: null })),
  post('name is an array', item({ ...header, metadata: { name: ['x'] } })),
  post('name is undefined', item({ ...header, metadata: { name: raw(0xf7) } })),
  post('data is an array', map({ data: ['a'] })),
  post('data is a text', map({ data: 'a' })),
  post('data is null', map({ data: null })),
  post('data is undefined', map({ data: raw(0xf7) })),
  post('a value that is a number', map({ data: { a: 1 } })),
  post('a value that is null', map({ data: { a: null } })),
  post('a value that is a fraction', map({ data: { a: 1.5 } })),
  post('two mistakes', map({ data: { a: 1, b: true }, metadata: { name: 1 } })),
  post('a simple value', map({ foo: raw(0xe0), data: { a: raw(0xe0) } })),
  post('a large simple value', map({ data: { a: raw(0xf8, 0xff) } })),
  post('not a number', map({ data: { a: raw(0xf9, 0x7e, 0x00) } })),
  post('infinity', map({ data: { a: raw(0xf9, 0x7c, 0x00) } })),
  post('minus infinity in eight bytes', map({ foo: raw(0xfb, 0xff, 0xf0, 0, 0, 0, 0, 0, 0) })),
  post('a large number as a tag', map({ foo: tagged(2, Buffer.of(1, 0, 0, 0, 0, 0, 0, 0, 0)) })),
  post('a large negative number as a tag', map({ foo: tagged(3, bytes('a')) })),
  post('an unknown tag on a text', map({ data: { a: tagged(1_234, 'b') } })),
  post('a time tag on a text', map({ data: { a: tagged(0, 'b') } })),
  post('a time tag on bytes', map({ data: { a: tagged(0, bytes('b')) } })),
  post('a time tag on a number where a text is', map({ data: { a: tagged(1, 1) } })),
  post('a time tag on a map', map({ data: tagged(1, {}) })),
  post('bytes that become base64', map({ data: { a: tagged(22, bytes('abc')) } })),
  post('bytes that become base64url', map({ data: { a: tagged(21, Buffer.of(0xff, 0xfe)) } })),
  post('bytes that become digits', map({ data: { a: tagged(23, bytes('abc')) } })),
  post('a map whose bytes become base64', map({ data: tagged(22, { a: bytes('abc'), b: 'abc' }) })),
  post('a tag inside a tag', map({ data: tagged(22, { a: tagged(23, bytes('abc')), b: bytes('abc') }) })),
  post('a text where bytes become base64', map({ data: { a: tagged(22, 'abc') } })),
  post('a secret in base64', secret({ a: bytes('YWJj') }), 'secrets'),
  post('a secret in base64 with lines', secret({ a: bytes('YW\nJj\r\n') }), 'secrets'),
  post('a secret as bytes', secret({ a: tagged(22, bytes('abc')) }), 'secrets'),
  post('a secret as bytes with another tag', secret({ a: tagged(23, bytes('abc')) }), 'secrets'),
  post('a secret as a text', secret({ a: 'YWJj' }), 'secrets'),
  post('a secret as numbers', secret({ a: [97, 98, 99] }), 'secrets'),
  post('a secret as numbers that are too large', secret({ a: [97, 256] }), 'secrets'),
  post('a secret as nothing', secret({ a: null }), 'secrets'),
  post('a secret that is no base64', secret({ a: bytes('***') }), 'secrets'),
  post('a secret that is half base64', secret({ a: bytes('YWJ') }), 'secrets'),
  post('a time that is none', item({ ...header, metadata: { name: 'x', creationTimestamp: 'yesterday' } })),
  post('a time that is a number', item({ ...header, metadata: { name: 'x', creationTimestamp: 1 } })),
  post(
    'a time with a tag',
    item({ ...header, metadata: { name: 'x', creationTimestamp: tagged(0, '2020-01-02T03:04:05Z') } }),
  ),
  post('a number beyond 32 bits', container({ ports: [{ containerPort: 4_294_967_296 }] }), 'pods'),
  post('a negative number beyond 32 bits', container({ ports: [{ containerPort: -4_294_967_296 }] }), 'pods'),
  post('a number beyond 63 bits', container({ ports: [{ containerPort: 2n ** 63n }] }), 'pods'),
  post('a negative number beyond 64 bits', container({ ports: [{ containerPort: -(2n ** 64n) }] }), 'pods'),
  post('a fraction where an integer is', container({ ports: [{ containerPort: 1.5 }] }), 'pods'),
  post(
    'a whole fraction where an integer is',
    container({ ports: [{ containerPort: raw(0xf9, 0x54, 0xf0) }] }),
    'pods',
  ),
  post('a text where an integer is', container({ ports: [{ containerPort: '1' }] }), 'pods'),
  post('a boolean where an integer is', container({ ports: [{ containerPort: true }] }), 'pods'),
  post('null where an integer is', container({ ports: [{ containerPort: null }] }), 'pods'),
  post('a number where a boolean is', pod({ hostNetwork: 1 }), 'pods'),
  post('a text where a pointer to a number is', pod({ priority: 'x' }), 'pods'),
  post('a seconds number beyond 63 bits', pod({ activeDeadlineSeconds: 2n ** 63n }), 'pods'),
  post(
    'containers as a map',
    item({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'x' }, spec: { containers: {} } }),
    'pods',
  ),
  post(
    'containers as bytes',
    item({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'x' }, spec: { containers: bytes('x') } }),
    'pods',
  ),
  post(
    'a container that is null',
    item({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'x' }, spec: { containers: [null] } }),
    'pods',
  ),
  post(
    'a container that is a number',
    item({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'x' }, spec: { containers: [1] } }),
    'pods',
  ),
  post('a policy of another type', container({ imagePullPolicy: 1 }), 'pods'),
  post('a quantity that is a number', container({ resources: { limits: { cpu: 1 } } }), 'pods'),
  post('a quantity that is bytes', container({ resources: { limits: { cpu: bytes('1') } } }), 'pods'),
  post('a quantity that is none', container({ resources: { limits: { cpu: '1x' } } }), 'pods'),
  post('a quantity that is null', container({ resources: { limits: { cpu: null } } }), 'pods'),
  post('a port that is an array', container({ livenessProbe: { tcpSocket: { port: [] } } }), 'pods'),
  post('a port that is a fraction', container({ livenessProbe: { tcpSocket: { port: 1.5 } } }), 'pods'),
  post(
    'a port that is a name in bytes',
    container({ ports: [{ name: 'web', containerPort: 80 }], livenessProbe: { tcpSocket: { port: bytes('web') } } }),
    'pods',
  ),
  post('three megabytes and more', map({ data: { a: 'a'.repeat(3 * 1024 * 1024) } })),
  post('data of more than a megabyte', map({ data: { a: 'a'.repeat(1_100_000) } })),
  apply('an object', item({ kind: 'ConfigMap', apiVersion: 'v1', data: { b: bytes('c') } })),
  apply('nothing', new Uint8Array()),
  apply('JSON', bytes('{"kind":"ConfigMap","apiVersion":"v1"}')),
  apply('an array', item([])),
  apply('null', item(null)),
  apply('an empty map', item({})),
  apply('a kind of another', item({ kind: 'Secret', apiVersion: 'v1' })),
  apply('a field of another type', item({ kind: 'ConfigMap', apiVersion: 'v1', data: 1 })),
  apply('an unknown field', item({ kind: 'ConfigMap', apiVersion: 'v1', foo: 1 })),
  apply('an unknown field, ignored', item({ kind: 'ConfigMap', apiVersion: 'v1', foo: 1 }), '&fieldValidation=Ignore'),
  apply('a key twice', item(pairs(['kind', 'ConfigMap'], ['kind', 'ConfigMap']))),
  apply('a number as a key', item(pairs(['kind', 'ConfigMap'], [1, 'ConfigMap']))),
  apply('a number beyond 63 bits', item({ kind: 'ConfigMap', apiVersion: 'v1', foo: 2n ** 63n })),
  apply('no UTF-8', item({ kind: raw(0x61, 0xff) })),
  custom(
    'an object',
    codec({
      spec: { text: bytes('a'), number: 1, fraction: 1.5, list: [true, null], bytes: tagged(22, bytes('abc')) },
    }),
  ),
  custom('a whole fraction', codec({ spec: { fraction: raw(0xf9, 0x3c, 0x00) } })),
  custom(
    'times with tags',
    codec({ spec: { text: tagged(0, '2020-01-02T03:04:05.600+01:00'), list: [tagged(1, 1.25), tagged(1, -1)] } }),
  ),
  custom('a time with a tag that is none', codec({ spec: { text: tagged(0, 'x') } })),
  custom('nothing', new Uint8Array()),
  custom('an empty map', item({})),
  custom(
    'no kind',
    item({
      apiVersion: 'codec.example.com/v1',
      spec: { a: [1, -2, 'ä"\n', bytes("b'"), Buffer.of(0xff), true, null, 1.5, 1e30, 2], b: tagged(7, endless(4, 1)) },
    }),
  ),
  custom('no version', item({ kind: 'Codec' })),
  custom('an array', item([])),
  custom('null', item(null)),
  custom('another kind', item({ kind: 'Other', apiVersion: 'codec.example.com/v1', metadata: { name: 'x' } })),
  custom('kind is a number', item({ kind: 1, apiVersion: 'codec.example.com/v1' })),
  custom('a key twice', item(pairs(['kind', 'Codec'], ['apiVersion', 'codec.example.com/v1'], ['a', 1], ['a', 2]))),
  custom('a number beyond 63 bits', codec({ spec: { number: 2n ** 63n } })),
  custom('a number as a key', codec({ spec: pairs([1, 2]) })),
  custom('an unknown field', codec({ spec: { foo: 1 } })),
  custom('an unknown field, strictly', codec({ spec: { foo: 1 } }), '?fieldValidation=Strict'),
  custom('a text where a number is', codec({ spec: { number: 'x' } })),
];

/** Of the custom kind above. */
export const codecDefinition = {
  kind: 'CustomResourceDefinition',
  apiVersion: 'apiextensions.k8s.io/v1',
  metadata: { name: 'codecs.codec.example.com' },
  spec: {
    group: 'codec.example.com',
    scope: 'Namespaced',
    names: { kind: 'Codec', plural: 'codecs' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  text: { type: 'string' },
                  number: { type: 'integer' },
                  fraction: { type: 'number' },
                  bytes: { type: 'string' },
                  list: { type: 'array', items: { 'x-kubernetes-preserve-unknown-fields': true, nullable: true } },
                },
              },
            },
          },
        },
      },
    ],
  },
};
