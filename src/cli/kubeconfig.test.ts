import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { OperatorError } from '#base/errors.ts';
import { renderKubeconfig } from '#pki/kubeconfig.ts';
import { mergeKubeconfig, removeFromKubeconfig } from './kubeconfig.ts';

const ours = (server = 'https://127.0.0.1:6443') =>
  renderKubeconfig(server, 'CA', { certificatePem: 'CERT', keyPem: 'KEY' });
const theirs = `# mine
apiVersion: v1
kind: Config
current-context: work
clusters:
- {name: work, cluster: {server: "https://work.example.com"}} # keep
contexts:
- name: work
  context: {cluster: work, user: me}
users:
- name: me
  user: {token: secret}
`;

interface Shown {
  readonly 'current-context'?: string;
  readonly clusters: readonly { name: string; cluster: { server: string } }[];
  readonly contexts: readonly { name: string; context: { cluster: string; user: string } }[];
  readonly users: readonly { name: string }[];
}
const shown = (text: string): Shown => parse(text) as Shown;

test('merging keeps every other entry, the comments and the current context', async () => {
  const merged = await mergeKubeconfig(theirs, ours());
  const result = shown(merged);
  assert.deepEqual(
    result.clusters.map((one) => one.name),
    ['work', 'microshift'],
  );
  assert.deepEqual(
    result.users.map((one) => one.name),
    ['me', 'microshift-admin'],
  );
  assert.deepEqual(result.contexts[1]?.context, {
    cluster: 'microshift',
    namespace: 'default',
    user: 'microshift-admin',
  });
  assert.equal(result['current-context'], 'work');
  assert(merged.startsWith('# mine\n') && merged.includes('# keep'));
});

test('merging again replaces our entries and adds none', async () => {
  const once = await mergeKubeconfig(theirs, ours());
  assert.equal(await mergeKubeconfig(once, ours()), once);
  const moved = shown(await mergeKubeconfig(once, ours('https://edge:6443')));
  assert.deepEqual(
    moved.clusters.map((one) => one.cluster.server),
    ['https://work.example.com', 'https://edge:6443'],
  );
});

test('into nothing it is a complete kubeconfig', async () => {
  for (const empty of [undefined, '', 'apiVersion: v1\nkind: Config\nclusters: null\ncontexts: []\n']) {
    const result = shown(await mergeKubeconfig(empty, ours()));
    assert.deepEqual([result['current-context'], result.clusters.length, result.users.length], ['microshift', 1, 1]);
  }
});

test('removing undoes merging', async () => {
  const removed = await removeFromKubeconfig(await mergeKubeconfig(theirs, ours()));
  assert.deepEqual(parse(removed!), parse(theirs));
  assert.equal(await removeFromKubeconfig(await mergeKubeconfig(undefined, ours())), undefined);
  assert.equal(await removeFromKubeconfig(theirs), theirs);
});

test('a file that is no kubeconfig is left alone', async () => {
  await assert.rejects(mergeKubeconfig('- a\n', ours()), OperatorError);
  await assert.rejects(mergeKubeconfig('a: [', ours()), OperatorError);
});
