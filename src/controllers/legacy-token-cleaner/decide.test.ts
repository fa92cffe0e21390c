import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, Secret } from '#api/generated/types.ts';
import { decide, type LegacyTokensSnapshot } from './decide.ts';

const day = (text: string): number => Date.parse(`${text}T12:00:00Z`);
const now = day('2028-06-15');
const token = (name: string, labels: Readonly<Record<string, string>> = {}, more: object = {}): Secret => ({
  metadata: {
    name,
    namespace: 'default',
    uid: name,
    resourceVersion: '7',
    creationTimestamp: '2026-01-01T00:00:00Z',
    annotations: { 'kubernetes.io/service-account.name': 'robot', 'kubernetes.io/service-account.uid': 'r' },
    labels,
    ...more,
  },
  type: 'kubernetes.io/service-account-token',
});
const used = (text: string) => ({ 'kubernetes.io/legacy-token-last-used': text });
const invalid = (text: string) => ({ 'kubernetes.io/legacy-token-invalid-since': text });

function actionsOn(secret: Secret, change: Partial<LegacyTokensSnapshot> = {}, since = '2027-06-01', at = now) {
  const { actions, wakeAfterMs } = decide(
    {
      tracking: { metadata: { name: 'tracking' }, data: { since } },
      secrets: [secret],
      account: () => ({ metadata: { name: 'robot', uid: 'r' }, secrets: [{ name: secret.metadata.name }] }),
      pods: () => [],
      ...change,
    },
    at,
  );
  assert.equal(wakeAfterMs, 86_400_000);
  return actions.map((one) =>
    one.verb === 'patch'
      ? JSON.stringify((one.patch as { readonly value?: unknown }).value)
      : `${one.verb} ${JSON.stringify((one as { options?: unknown }).options)}`,
  );
}
const marked = (name: string) =>
  `{"metadata":{"uid":"${name}","labels":{"kubernetes.io/legacy-token-invalid-since":"2028-06-15"}}}`;

test('a token that nobody used for a year holds no more, and goes a year later', () => {
  assert.deepEqual(actionsOn(token('never')), [marked('never')]);
  assert.deepEqual(actionsOn(token('long-ago', used('2027-06-15'))), [marked('long-ago')]);
  assert.deepEqual(actionsOn(token('lately', used('2027-06-16'))), []);
  assert.deepEqual(actionsOn(token('marked', invalid('2027-06-16'))), []);
  assert.deepEqual(actionsOn(token('over', invalid('2027-06-15'))), [
    'delete {"preconditions":{"uid":"over","resourceVersion":"7"}}',
  ]);
  assert.deepEqual(actionsOn(token('odd', invalid('soon'))), [marked('odd')]);
});

test('what is not known to be unused stays', () => {
  assert.deepEqual(actionsOn(token('a'), {}, '2027-06-16'), [], 'uses are noted for less than a year');
  assert.deepEqual(actionsOn(token('a'), {}, 'whenever'), []);
  assert.deepEqual(actionsOn(token('a'), { tracking: undefined }), []);
  assert.deepEqual(actionsOn(token('a', {}, { creationTimestamp: '2027-12-01T00:00:00Z' })), [], 'too young');
  assert.deepEqual(actionsOn(token('a', used('2027-13-01'))), [], 'no day');
  assert.deepEqual(actionsOn(token('a', {}, { deletionTimestamp: '2028-06-15T00:00:00Z' })), []);
  assert.deepEqual(actionsOn({ ...token('a'), type: 'Opaque' }), []);
  assert.deepEqual(actionsOn(token('a'), { account: () => undefined }), []);
  assert.deepEqual(
    actionsOn(token('a'), {
      account: () => ({ metadata: { name: 'robot', uid: 'another' }, secrets: [{ name: 'a' }] }),
    }),
    [],
  );
  assert.deepEqual(
    actionsOn(token('a'), { account: () => ({ metadata: { name: 'robot', uid: 'r' }, secrets: [{ name: 'b' }] }) }),
    [],
    'somebody made it',
  );
  const pod: Pod = {
    metadata: { name: 'web' },
    spec: { containers: [], volumes: [{ name: 'token', secret: { secretName: 'a' } }] },
  };
  assert.deepEqual(actionsOn(token('a'), { pods: () => [pod] }), [], 'a Pod uses it');
});
