import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { decodeProtobuf } from './decode.ts';
import { encodeMessage, encodeObject, envelope } from './encode.ts';

interface Observed {
  readonly json: Record<string, unknown> & { readonly kind?: string; readonly apiVersion?: string };
  readonly protobuf: string;
}

/** Answers of a control plane of 1.36.2 in both encodings. */
const observed = readFileSync(path.join(import.meta.dirname, 'observed.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Observed);

const inEnvelope = ({ kind = '', apiVersion, ...rest }: Observed['json']): string => {
  const message = encodeObject(apiVersion ?? 'v1', kind, rest);
  const [head, tail] = envelope(apiVersion ?? '', kind, message.length);
  return Buffer.concat([head, message, tail]).toString('base64');
};

for (const { json, protobuf } of observed)
  test(`the bytes of ${json.apiVersion ?? ''} ${json.kind} are those of upstream, and say the same`, () => {
    assert.equal(inEnvelope(json), protobuf);
    if (json.apiVersion !== undefined)
      assert.equal(inEnvelope(decodeProtobuf(Buffer.from(protobuf, 'base64'))), protobuf);
  });

const core = (kind: string) => `io.k8s.api.core.v1.${kind}`;
const hex = (typeName: string, value: unknown): string => Buffer.from(encodeMessage(typeName, value)).toString('hex');

test('numbers at their edges', () => {
  assert.equal(hex(core('PodSpec'), { priority: -1 }).includes('c801ffffffffffffffffff01'), true);
  assert.equal(hex('io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions', {}), '');
  assert.equal(hex(core('ContainerPort'), { containerPort: 2147483647 }), '0a00100018ffffffff0722002a00');
});

test('texts of every length and script, maps in the order of their bytes', () => {
  const texts = ['', 'é', 'a'.repeat(47), 'a'.repeat(128), '\u{1f600}'.repeat(20_000), `${'a'.repeat(40)}é`];
  for (const text of texts) {
    const message = encodeMessage(core('LocalObjectReference'), { name: text });
    const length = Buffer.byteLength(text);
    assert.ok(Buffer.from(message).toString('utf8').endsWith(text));
    assert.equal(message.length, length + 1 + (length < 128 ? 1 : length < 16_384 ? 2 : 3));
  }
  const data = { b: '1', '\u{1f600}': '2', '\uffff': '3', a: '4' };
  const keys = Buffer.from(encodeMessage(core('ConfigMap'), { data }))
    .toString('utf8')
    .match(/[ab\u{1f600}\uffff]/gu);
  assert.deepEqual(keys, ['a', 'b', '\uffff', '\u{1f600}']);
});
