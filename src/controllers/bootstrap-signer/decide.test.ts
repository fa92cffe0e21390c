import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigMap, Secret } from '#api/generated/types.ts';
import { decide, detachedSignature } from './decide.ts';

const now = Date.parse('2026-01-02T03:04:05Z');
const content = 'apiVersion: v1\nkind: Config\nclusters: []\n# é\n';
const info = (data: Record<string, string>): ConfigMap => ({
  metadata: { name: 'cluster-info', namespace: 'kube-public' },
  data,
});
const token = (id: string, data: Record<string, string> = {}, name = `bootstrap-token-${id}`): Secret => ({
  metadata: { name, namespace: 'kube-system' },
  type: 'bootstrap.kubernetes.io/token',
  data: Object.fromEntries(
    Object.entries({
      'token-id': id,
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-signing': 'true',
      ...data,
    }).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  ),
});
const dataAfter = (clusterInfo: ConfigMap, tokens: readonly Secret[]) => {
  const [action] = decide({ clusterInfo, tokens }, now).actions;
  if (action === undefined) return undefined;
  assert.ok(action.verb === 'update');
  return (action.object as ConfigMap).data;
};
const signature = detachedSignature(content, 'abcdef', '0123456789abcdef');

test("a signature is what upstream's signer makes", () => {
  assert.equal(signature, 'eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..hP9PtYxCQLHlqTrUEZ4F5tBSKD_o9bRGkMOw8DEoqYM');
});

test('every token that may sign does, and signatures of others go', () => {
  const signed = { kubeconfig: content, 'jws-kubeconfig-abcdef': signature, note: 'stays' };
  assert.deepEqual(
    dataAfter(info({ kubeconfig: content, note: 'stays', 'jws-kubeconfig-gone00': 'x' }), [token('abcdef')]),
    signed,
  );
  assert.equal(dataAfter(info(signed), [token('abcdef')]), undefined, 'nothing is written when nothing changed');
  assert.deepEqual(dataAfter(info({ ...signed, 'jws-kubeconfig-abcdef': 'old' }), [token('abcdef')]), signed);
  const silent = [
    token('abcdef', { 'usage-bootstrap-signing': 'false' }),
    token('abcdef', { expiration: '2026-01-02T03:04:04Z' }),
    token('abcdef', { 'token-secret': '' }),
    token('abcdef', {}, 'bootstrap-token-other0'),
  ];
  for (const one of silent)
    assert.deepEqual(dataAfter(info(signed), [one]), { kubeconfig: content, note: 'stays' }, JSON.stringify(one));
});

test('without a ConfigMap, or something in it to sign, nothing is made', () => {
  assert.deepEqual(decide({ clusterInfo: undefined, tokens: [token('abcdef')] }, now).actions, []);
  assert.equal(dataAfter(info({ other: 'x' }), [token('abcdef')]), undefined);
});

test('it looks again when the next token is over', () => {
  const tokens = [
    token('abcdef', { expiration: '2026-01-02T04:04:05Z' }),
    token('bbcdef', { expiration: '2026-01-02T03:05:05Z' }),
  ];
  assert.equal(decide({ clusterInfo: info({ kubeconfig: content }), tokens }, now).wakeAfterMs, 60_000);
});
