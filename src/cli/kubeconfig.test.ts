import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { parse } from 'yaml';
import { OperatorError } from '#base/errors.ts';
import { hostChangesFile, undoHostChanges } from '#host/changes.ts';
import { silentLogger } from '#base/log.ts';
import { renderKubeconfig } from '#pki/kubeconfig.ts';
import {
  isSameConfiguration,
  mergeCommand,
  mergeKubeconfig,
  removeCommand,
  removeFromKubeconfig,
} from './kubeconfig.ts';

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

function home(context: TestContext): { readonly dataDir: string; readonly kube: string; readonly config: string } {
  const directory = mkdtempSync(path.join(tmpdir(), 'microshift-kubeconfig-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const admin = path.join(directory, 'data/resources/kubeadmin');
  mkdirSync(admin, { recursive: true });
  writeFileSync(path.join(admin, 'kubeconfig'), ours());
  const kube = path.join(directory, '.kube');
  return { dataDir: path.join(directory, 'data'), kube, config: path.join(kube, 'config') };
}

test('removing brings back the very bytes and the mode from before, and no copy stays', async (context) => {
  const { dataDir, kube, config } = home(context);
  mkdirSync(kube);
  writeFileSync(config, theirs);
  chmodSync(config, 0o640);
  await mergeCommand({ dataDir, into: config });
  await mergeCommand({ dataDir, into: config });
  assert.equal(statSync(config).mode & 0o777, 0o600);
  // As kubectl rewrites it when the context is chosen.
  writeFileSync(
    config,
    readFileSync(config, 'utf8').replace('current-context: work', 'preferences: {}\ncurrent-context: microshift'),
  );
  await removeCommand(config);
  assert.equal(readFileSync(config, 'utf8'), theirs);
  assert.equal(statSync(config).mode & 0o777, 0o640);
  assert.deepEqual(readdirSync(kube), ['config']);
});

test('what was added meanwhile stays, and so does the copy', async (context) => {
  const { dataDir, kube, config } = home(context);
  mkdirSync(kube);
  writeFileSync(config, theirs);
  await mergeCommand({ dataDir, into: config });
  writeFileSync(config, readFileSync(config, 'utf8').replace('users:', 'users:\n  - name: new\n    user: {token: t}'));
  await removeCommand(config);
  assert.deepEqual(
    shown(readFileSync(config, 'utf8')).users.map((one) => one.name),
    ['new', 'me'],
  );
  assert.equal(readFileSync(`${config}.orig`, 'utf8'), theirs);
});

test('where there was nothing, nothing stays: cleanup takes the directory back', async (context) => {
  const { dataDir, kube, config } = home(context);
  await mergeCommand({ dataDir, into: config });
  await removeCommand(config);
  assert.deepEqual(readdirSync(kube), []);
  assert.deepEqual(await undoHostChanges(hostChangesFile(dataDir), silentLogger), []);
  assert.ok(!existsSync(kube));
});

test('an empty file from before counts as the same when nothing is left', async () => {
  assert.ok(await isSameConfiguration('', undefined, await mergeKubeconfig('', ours())));
  assert.ok(!(await isSameConfiguration(theirs, undefined, ours())));
});
