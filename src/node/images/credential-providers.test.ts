import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { VirtualClock } from '#base/clock.ts';
import type { Pod } from '#api/generated/types.ts';
import { runFilter } from '#host/run-filter.ts';
import { CredentialProviders } from './credential-providers.ts';
import { credentialsFor } from './keyring.ts';
import { credentialProviders } from './provider-configuration.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'providers-'));
after(() => rmSync(directory, { recursive: true }));
const version = 'credentialprovider.kubelet.k8s.io/v1';
const plugin = (name: string, more: object = {}) => ({
  name,
  apiVersion: version,
  matchImages: ['*.example.com', 'r.io:5000/team'],
  defaultCacheDuration: '10m',
  ...more,
});
const file = (...providers: object[]) => ({
  kind: 'CredentialProviderConfig',
  apiVersion: 'kubelet.config.k8s.io/v1',
  providers,
});
const answer = (more: object = {}) => ({
  kind: 'CredentialProviderResponse',
  apiVersion: version,
  cacheKeyType: 'Registry',
  auth: { '*.example.com': { username: 'me', password: 'secret' } },
  ...more,
});

/** A program that notes what it was asked, and answers with this text. */
function program(name: string, says: string, andThen = ''): void {
  writeFileSync(path.join(directory, `${name}.answer`), says);
  const text = `#!/bin/sh\ncat >> ${directory}/${name}.asked\ncat ${directory}/${name}.answer\n${andThen}\n`;
  writeFileSync(path.join(directory, name), text);
  chmodSync(path.join(directory, name), 0o755);
}
const askedOf = (name: string): unknown[] => {
  const asked = path.join(directory, `${name}.asked`);
  return existsSync(asked)
    ? readFileSync(asked, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown)
    : [];
};
const pod = (name: string): Pod => ({
  metadata: { name, namespace: 'ns', uid: name },
  spec: { serviceAccountName: 'robot', containers: [] },
});
function start(...providers: object[]) {
  const clock = new VirtualClock(0);
  const all = new CredentialProviders({
    providers: credentialProviders(file(...providers)),
    directory,
    clock,
    run: runFilter,
  });
  const provide = async (image: string, one: Pod = pod('p'), annotations: Record<string, string> = { team: 'red' }) => {
    const { entries, problems } = await all.provide(one, image, {
      account: async () => ({ metadata: { name: 'robot', namespace: 'ns', uid: 'sa', annotations } }),
      token: async ({ metadata }, audience) => `token of ${metadata.name} for ${audience}`,
    });
    const found = credentialsFor(image, [entries]).map(({ auth, account }) => [
      auth.username,
      auth.password,
      account?.uid,
    ]);
    return { found, problems };
  };
  return { clock, provide };
}

test('a plugin is asked for images that it knows, and its answer holds for the registry as long as it says', async () => {
  program('plain', JSON.stringify(answer()));
  const { clock, provide } = start(plugin('plain', { args: ['get'], env: [{ name: 'REGION', value: 'north' }] }));
  assert.deepEqual((await provide('docker.io/library/x')).found, []);
  const mine = [['me', 'secret', undefined]];
  const both = await Promise.all([provide('a.example.com/x/y:1'), provide('a.example.com/x/y:2')]);
  assert.deepEqual(
    both.map((one) => one.found),
    [mine, mine],
  );
  const request = { kind: 'CredentialProviderRequest', apiVersion: version, image: 'a.example.com/x/y' };
  assert.deepEqual(askedOf('plain'), [request], 'once for both');
  assert.deepEqual((await provide('a.example.com/other')).found, mine);
  assert.equal(askedOf('plain').length, 1);
  await provide('b.example.com/x');
  assert.equal(askedOf('plain').length, 2, 'another registry');
  clock.advance(10 * 60_000);
  await provide('a.example.com/other');
  assert.equal(askedOf('plain').length, 3, 'its time is over');
});

test('an answer may hold for one image, for all, or for nothing', async () => {
  for (const [name, more, asks] of [
    ['image', { cacheKeyType: 'Image' }, 3],
    ['global', { cacheKeyType: 'Global' }, 1],
    ['never', { cacheDuration: '0s' }, 4],
  ] as const) {
    program(name, JSON.stringify(answer(more)));
    const { provide } = start(plugin(name));
    for (const image of ['a.example.com/x', 'a.example.com/x', 'a.example.com/y', 'b.example.com/x'])
      await provide(image);
    assert.equal(askedOf(name).length, asks, name);
  }
});

test('a plugin that fails, lies or floods is told without what it wrote, and keeps no other back', async () => {
  program('good', JSON.stringify(answer()));
  const cases = [
    ['fails', '', 'echo no login >&2; exit 3', /it ended with 3: no login/],
    ['lies', 'password: hunter2', '', /no CredentialProviderResponse/],
    ['old', JSON.stringify(answer({ apiVersion: 'credentialprovider.kubelet.k8s.io/v1beta1' })), '', /not of .*\/v1/],
    ['strange', JSON.stringify(answer({ cacheKeyType: 'Galaxy' })), '', /cacheKeyType is not valid/],
    ['floods', '', 'yes', /wrote too much|ended with ERR_CHILD_PROCESS_STDIO_MAXBUFFER/],
  ] as const;
  for (const [name, says, andThen, message] of cases) {
    program(name, says, andThen);
    const { provide } = start(plugin(name), plugin('good'));
    const { found, problems } = await provide('a.example.com/x');
    assert.deepEqual(found, [['me', 'secret', undefined]]);
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, message);
    assert.doesNotMatch(problems[0]!, /hunter2/);
  }
  const { problems } = await start(plugin('missing')).provide('a.example.com/x');
  assert.match(problems[0] ?? '', /ENOENT/);
});

test('a plugin for service accounts gets a token and annotations, and what it gives is for that account', async () => {
  const token = (more: object = {}) => ({
    tokenAttributes: {
      serviceAccountTokenAudience: 'registry',
      requireServiceAccount: true,
      requiredServiceAccountAnnotationKeys: ['team'],
      optionalServiceAccountAnnotationKeys: ['floor'],
      cacheType: 'ServiceAccount',
      ...more,
    },
  });
  program('account', JSON.stringify(answer()));
  const { provide } = start(plugin('account', token()));
  assert.deepEqual((await provide('a.example.com/x')).found, [['me', 'secret', 'sa']]);
  const [request] = askedOf('account') as { serviceAccountToken: string; serviceAccountAnnotations: object }[];
  assert.equal(request?.serviceAccountToken, 'token of p for registry');
  assert.deepEqual(request?.serviceAccountAnnotations, { team: 'red' });
  await provide('a.example.com/x', pod('q'));
  assert.equal(askedOf('account').length, 1, 'kept for the account');
  assert.deepEqual(
    (await provide('a.example.com/x', pod('p'), {})).found,
    [],
    'without the annotation it is not asked',
  );
  assert.deepEqual((await provide('a.example.com/x', { metadata: {}, spec: { containers: [] } })).found, []);

  const echoed = { auth: { '*.example.com': { username: 'me', password: 'token of p for registry' } } };
  program('echo', JSON.stringify(answer(echoed)));
  assert.match((await start(plugin('echo', token())).provide('a.example.com/x')).problems[0] ?? '', /cacheType Token/);
  const each = start(plugin('echo', token({ cacheType: 'Token' })));
  assert.equal((await each.provide('a.example.com/x')).found.length, 1);
  await each.provide('a.example.com/x', pod('q'));
  assert.equal(askedOf('echo').length, 3, 'for each token anew');
});

test('what is wrong in the file is named, all at once', () => {
  const broken = file(
    plugin('../sh', { defaultCacheDuration: '-1s' }),
    plugin('a', { apiVersion: 'v9', matchImages: [], extra: 1 }),
    plugin('a', { tokenAttributes: { requireServiceAccount: false } }),
  );
  assert.throws(
    () => credentialProviders(broken),
    (error: Error) =>
      [
        'providers[0].name',
        'providers[0].defaultCacheDuration',
        'providers[1].apiVersion',
        'providers[1].matchImages',
        'providers[1].extra',
        'providers[2].name',
        'providers[2].tokenAttributes.serviceAccountTokenAudience',
        'providers[2].tokenAttributes.cacheType',
      ].every((one) => error.message.includes(one)),
  );
  for (const other of [undefined, 'text', {}, file(), { ...file(plugin('a')), apiVersion: 'v1' }])
    assert.throws(() => credentialProviders(other));
});
