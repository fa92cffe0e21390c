import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '#kit/fuzz-seed.ts';
import { decodeProtobuf } from './decode.ts';
import { ProtobufError } from './wire-reader.ts';

type Bytes = readonly number[];
const varint = (value: bigint): Bytes => {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    if (rest < 0x80n) return [...bytes, Number(rest)];
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
};
const number = (field: number, value: number | bigint): Bytes => [
  ...varint(BigInt(field << 3)),
  ...varint(BigInt(value)),
];
const message = (field: number, ...parts: readonly Bytes[]): Bytes => {
  const body = parts.flat();
  return [...varint(BigInt((field << 3) | 2)), ...varint(BigInt(body.length)), ...body];
};
const text = (field: number, value: string): Bytes => message(field, [...Buffer.from(value)]);
const envelope = (apiVersion: string, kind: string, ...parts: readonly Bytes[]): Uint8Array =>
  Uint8Array.from([0x6b, 0x38, 0x73, 0, ...message(1, text(1, apiVersion), text(2, kind)), ...message(2, ...parts)]);

test('a ConfigMap as kubectl create sends it', () => {
  const metadata = message(1, text(1, 'a'), text(3, 'default'), message(8), message(11, text(1, 'k'), text(2, 'v')));
  assert.deepEqual(decodeProtobuf(envelope('v1', 'ConfigMap', metadata, message(2, text(1, 'x'), text(2, 'é')))), {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name: 'a', namespace: 'default', creationTimestamp: null, labels: { k: 'v' } },
    data: { x: 'é' },
  });
});

test('inlined sources, int-or-string, quantities, times and negative numbers', () => {
  const probe = message(11, message(1, message(2, text(1, '/'), message(2, number(1, 1), text(3, 'web')))));
  const resources = message(8, message(1, text(1, 'cpu'), message(2, text(1, '500m'))));
  const container = message(2, text(1, 'c'), resources, probe);
  const volume = message(1, text(1, 'v'), message(2, message(6, text(1, 's'), number(3, 420))));
  const spec = message(2, volume, container, number(25, -5n));
  const created = message(1, message(8, number(1, 1_700_000_000)));
  assert.deepEqual(decodeProtobuf(envelope('v1', 'Pod', created, spec)), {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { creationTimestamp: '2023-11-14T22:13:20Z' },
    spec: {
      volumes: [{ name: 'v', secret: { secretName: 's', defaultMode: 420 } }],
      containers: [
        {
          name: 'c',
          resources: { limits: { cpu: '500m' } },
          readinessProbe: { httpGet: { path: '/', port: 'web' } },
        },
      ],
      priority: -5,
    },
  });
});

test('delete options come under any group version', () => {
  assert.deepEqual(decodeProtobuf(envelope('apps/v1', 'DeleteOptions', number(1, 0), text(4, 'Foreground'))), {
    kind: 'DeleteOptions',
    apiVersion: 'apps/v1',
    gracePeriodSeconds: 0,
    propagationPolicy: 'Foreground',
  });
});

test('what is no envelope, of no known kind, or cut off is refused', () => {
  assert.throws(() => decodeProtobuf(Uint8Array.of(1, 2, 3)), ProtobufError);
  assert.throws(() => decodeProtobuf(envelope('v1', 'Nothing')), /no kind "Nothing" is registered for version "v1"/);
  assert.throws(() => decodeProtobuf(envelope('v1', 'Pod', message(1, text(1, 'abc'))).slice(0, -2)), /unexpected EOF/);
  assert.throws(() => decodeProtobuf(envelope('v1', 'Pod', message(1, message(1, [0xff])))), /invalid UTF-8/);
});

test('any bytes are decoded or refused, never worse', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(255), { maxLength: 60 }), (bytes) => {
      try {
        decodeProtobuf(envelope('apps/v1', 'Deployment', bytes));
      } catch (error) {
        assert.ok(error instanceof ProtobufError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
