// Request bodies that no client sends by accident, each with the request that carries it. What a control plane of 1.36.2
// answered to each is in hostile-bodies.observed.json.
import { envelope, encodeMessage } from '#api/protobuf/encode.ts';

export interface HostileBody {
  readonly name: string;
  readonly method: string;
  /** Below /api/v1/namespaces/NAMESPACE/, or from the root. */
  readonly path: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);
const map = (rest: string): string => `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x"}${rest}}`;
const pod = (fields: string): string =>
  `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"},"spec":{"containers":[{"name":"a","image":"b"${fields}}]}}`;
const nested = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth);

const json = (name: string, body: string | Uint8Array, path = 'configmaps'): HostileBody => ({
  name: `JSON: ${name}`,
  method: 'POST',
  path,
  contentType: 'application/json',
  body: typeof body === 'string' ? bytes(body) : body,
});
const yaml = (name: string, body: string | Uint8Array, path = 'configmaps'): HostileBody => ({
  ...json(name, body, path),
  name: `YAML: ${name}`,
  contentType: 'application/yaml',
});
const protobuf = (name: string, body: Uint8Array, path = 'configmaps'): HostileBody => ({
  ...json(name, body, path),
  name: `protobuf: ${name}`,
  contentType: 'application/vnd.kubernetes.protobuf',
});
const patch = (name: string, type: string, body: string, target = 'base'): HostileBody => ({
  name: `${type} patch: ${name}`,
  method: 'PATCH',
  path: `configmaps/${target}${type === 'apply' ? '?fieldManager=m' : ''}`,
  contentType:
    type === 'apply'
      ? 'application/apply-patch+yaml'
      : type === 'json'
        ? 'application/json-patch+json'
        : `application/${type}-patch+json`,
  body: bytes(body),
});

function inEnvelope(apiVersion: string, kind: string, message: Uint8Array): Uint8Array {
  const [head, tail] = envelope(apiVersion, kind, message.length);
  return Buffer.concat([head, message, tail]);
}
const mapMessage = encodeMessage('io.k8s.api.core.v1.ConfigMap', { metadata: { name: 'x' }, data: { a: 'b' } });

export const hostileBodies: readonly HostileBody[] = [
  json('nothing', ''),
  json('an empty object', '{}'),
  json('a list', '[]'),
  json('a text', '"x"'),
  json('a number', '1'),
  json('null', 'null'),
  json('true', 'true'),
  json('cut off', '{"kind":"ConfigMap"'),
  json('cut off in a text', '{"kind":"Conf'),
  json('words', 'hello'),
  json('two documents', `${map('')}${map('')}`),
  json('a comma too many', map(',"data":{"a":"b",}')),
  json('single quotes', "{'kind':'ConfigMap'}"),
  json('a byte order mark', `\uFEFF${map('')}`),
  json('UTF-16', Buffer.from(map(''), 'utf16le')),
  json(
    'invalid UTF-8 in a value',
    Buffer.concat([bytes(map('').slice(0, -1)), bytes(',"data":{"a":"'), Buffer.of(0xff, 0xfe), bytes('"}}')]),
  ),
  json('a lone surrogate', map(',"data":{"a":"\\ud800"}')),
  json('a zero byte in a value', map(',"data":{"a":"\\u0000"}')),
  json('a raw control character', map(',"data":{"a":"\u0001"}')),
  json('lists 9000 deep where a text is', map(`,"data":{"a":${nested('[', ']', 9_000)}}`)),
  json('lists 20000 deep where a text is', map(`,"data":{"a":${nested('[', ']', 20_000)}}`)),
  json('objects 20000 deep in an unknown field', map(`,"foo":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`)),
  json('a duplicate key', map(',"data":{"a":"1"},"data":{"b":"2"}')),
  json('a field in other letters', '{"Kind":"ConfigMap","apiversion":"v1","metadata":{"name":"x"}}'),
  json('kind is a number', '{"kind":1,"apiVersion":"v1","metadata":{"name":"x"}}'),
  json('kind of another', '{"kind":"Secret","apiVersion":"v1","metadata":{"name":"x"}}'),
  json('kind of nobody', '{"kind":"Nothing","apiVersion":"v1","metadata":{"name":"x"}}'),
  json('version of nobody', '{"kind":"ConfigMap","apiVersion":"v9","metadata":{"name":"x"}}'),
  json('group of nobody', '{"kind":"ConfigMap","apiVersion":"a/b/c","metadata":{"name":"x"}}'),
  json('metadata is a text', '{"kind":"ConfigMap","apiVersion":"v1","metadata":"x"}'),
  json('name is a list', '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":["x"]}}'),
  json('data is a list', map(',"data":["a"]')),
  json('a value that is a number', map(',"data":{"a":1}')),
  json('bytes that are no base64', map(',"binaryData":{"a":"***"}')),
  json(
    'a time that is none',
    '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x","creationTimestamp":"yesterday"}}',
  ),
  json('a number beyond 32 bits', pod(',"ports":[{"containerPort":4294967296}]'), 'pods'),
  json('a fraction', pod(',"ports":[{"containerPort":1.5}]'), 'pods'),
  json('a whole number with an exponent', pod(',"ports":[{"containerPort":8e1}]'), 'pods'),
  json('a number with an enormous exponent', pod(',"ports":[{"containerPort":1e400}]'), 'pods'),
  json('a number of 400 digits', pod(`,"ports":[{"containerPort":${'9'.repeat(400)}}]`), 'pods'),
  json('a negative number', pod(',"ports":[{"containerPort":-1}]'), 'pods'),
  json('a quantity that is none', pod(',"resources":{"limits":{"cpu":"1x"}}'), 'pods'),
  json('a quantity of 1200 digits', pod(`,"resources":{"limits":{"cpu":"${'1'.repeat(1_200)}"}}`), 'pods'),
  json('a quantity of 100000 digits', pod(`,"resources":{"limits":{"cpu":"${'1'.repeat(100_000)}"}}`), 'pods'),
  json(
    'a quantity with 1200 digits behind the point',
    pod(`,"resources":{"limits":{"cpu":"0.${'1'.repeat(1_200)}"}}`),
    'pods',
  ),
  json('a quantity with a large exponent', pod(',"resources":{"limits":{"cpu":"1e4000"}}'), 'pods'),
  json('a quantity that is a list', pod(',"resources":{"limits":{"cpu":[]}}'), 'pods'),
  json('a port that is a list', pod(',"livenessProbe":{"tcpSocket":{"port":[]}}'), 'pods'),
  json('a name of a megabyte', `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"${'a'.repeat(1_000_000)}"}}`),
  json('three megabytes and more', map(`,"data":{"a":"${'a'.repeat(3 * 1024 * 1024)}"}`)),
  json('data of more than a megabyte', map(`,"data":{"a":"${'a'.repeat(1_100_000)}"}`)),
  yaml('nothing', ''),
  yaml('a list', '- a\n'),
  yaml('a text', 'hello'),
  yaml('a tab', 'kind: ConfigMap\n\tapiVersion: v1\n'),
  yaml('an unknown alias', 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata: *a\n'),
  yaml('not closed', 'kind: ConfigMap\nmetadata: {name: x\n'),
  yaml(
    'aliases of aliases',
    `kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\na0: &a0 [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, index) => `a${index + 1}: &a${index + 1} [${Array.from({ length: 9 }, () => `*a${index}`).join(',')}]\n`).join('')}`,
  ),
  yaml('two documents', 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n---\nkind: ConfigMap\n'),
  yaml('a duplicate key', 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata: {a: b}\ndata: {c: d}\n'),
  yaml('a number where a text is', 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata: {a: 1}\n'),
  yaml('a date where a text is', 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata: {a: 2020-01-01}\n'),
  yaml('a yes where a text is', 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata: {a: yes}\n'),
  yaml(
    'keys that are no texts',
    'kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata: {1: a, true: b, 1.5: c}\n',
  ),
  yaml('a key that is a map', 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata: {{a: b}: c}\n'),
  yaml('a tag', 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata: {a: !!binary YQ==}\n'),
  yaml('an unknown tag', 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata: {a: !foo b}\n'),
  yaml('a merge key', 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata: {<<: {a: b}}\n'),
  yaml(
    'flow lists 2000 deep',
    `kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata: {a: ${nested('[', ']', 2_000)}}\n`,
  ),
  yaml(
    'flow lists 20000 deep',
    `kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata: {a: ${nested('[', ']', 20_000)}}\n`,
  ),
  yaml('a control character', 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: "x\u0001"}\n'),
  yaml(
    'invalid UTF-8',
    Buffer.concat([bytes('kind: ConfigMap\napiVersion: v1\nmetadata: {name: "'), Buffer.of(0xff), bytes('"}\n')]),
  ),
  protobuf('nothing', new Uint8Array()),
  protobuf('no envelope', bytes('hello')),
  protobuf('JSON', bytes(map(''))),
  protobuf('the first four bytes alone', bytes('k8s\0')),
  protobuf('an empty envelope', inEnvelope('', '', new Uint8Array())),
  protobuf('kind and version left out', inEnvelope('', '', mapMessage)),
  protobuf('an unknown kind', inEnvelope('v1', 'Nothing', mapMessage)),
  protobuf('an unknown version', inEnvelope('v9', 'ConfigMap', mapMessage)),
  protobuf('another kind', inEnvelope('v1', 'Secret', mapMessage)),
  protobuf('a message that is cut off', inEnvelope('v1', 'ConfigMap', mapMessage.subarray(0, -3))),
  protobuf('an envelope that is cut off', inEnvelope('v1', 'ConfigMap', mapMessage).subarray(0, 20)),
  protobuf('a length beyond all', inEnvelope('v1', 'ConfigMap', Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f))),
  protobuf(
    'a varint that does not end',
    inEnvelope('v1', 'ConfigMap', Uint8Array.of(0x08, ...Array.from({ length: 12 }, () => 0xff))),
  ),
  protobuf('the tag 0', inEnvelope('v1', 'ConfigMap', Uint8Array.of(0x00, 0x01))),
  protobuf('a group', inEnvelope('v1', 'ConfigMap', Uint8Array.of(0x0b))),
  protobuf('the end of a group', inEnvelope('v1', 'ConfigMap', Uint8Array.of(0x0c))),
  protobuf('a wire type that there is not', inEnvelope('v1', 'ConfigMap', Uint8Array.of(0x0f))),
  protobuf('a number where a message is', inEnvelope('v1', 'ConfigMap', Uint8Array.of(0x08, 0x01))),
  protobuf(
    'unknown fields',
    inEnvelope('v1', 'ConfigMap', Buffer.concat([mapMessage, Uint8Array.of(0xc0, 0x3e, 0x01)])),
  ),
  patch('nothing', 'merge', ''),
  patch('no JSON', 'merge', '{'),
  patch('a list', 'merge', '[]'),
  patch('a number', 'merge', '1'),
  patch('null', 'merge', 'null'),
  patch('a field of another type', 'merge', '{"data":1}'),
  patch('nothing', 'strategic-merge', ''),
  patch('a list', 'strategic-merge', '[]'),
  patch('no JSON', 'strategic-merge', '{'),
  patch('an unknown directive', 'strategic-merge', '{"data":{"$patch":"frobnicate"}}'),
  patch('an object', 'json', '{}'),
  patch('nothing', 'json', ''),
  patch('an unknown operation', 'json', '[{"op":"frobnicate","path":"/data"}]'),
  patch('a path without a slash', 'json', '[{"op":"add","path":"data","value":1}]'),
  patch('removing what is not there', 'json', '[{"op":"remove","path":"/data/none"}]'),
  patch('a failing test', 'json', '[{"op":"test","path":"/data/a","value":"none"}]'),
  patch('an index beyond the end', 'json', '[{"op":"add","path":"/metadata/finalizers/7","value":"a/b"}]'),
  patch(
    '10001 operations',
    'json',
    `[${Array.from({ length: 10_001 }, () => '{"op":"test","path":"/kind","value":"ConfigMap"}').join(',')}]`,
  ),
  patch('a list', 'apply', '[]'),
  patch('nothing', 'apply', ''),
  patch('no kind', 'apply', '{}'),
  patch('a kind of another', 'apply', '{"kind":"Secret","apiVersion":"v1"}'),
  patch('no YAML', 'apply', 'kind: {'),
  patch('a field of another type', 'apply', '{"kind":"ConfigMap","apiVersion":"v1","data":1}'),
  patch('an unknown field', 'apply', '{"kind":"ConfigMap","apiVersion":"v1","foo":1}'),
  patch('a name of another', 'apply', '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"other"}}'),
];
