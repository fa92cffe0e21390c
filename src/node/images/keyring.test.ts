import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAuthFiles } from './auth-files.ts';
import { credentialsFor, mirrorCredentials, readKeyring } from './keyring.ts';

const keyring = (...addresses: readonly string[]) =>
  readKeyring(
    JSON.stringify({ auths: Object.fromEntries(addresses.map((one) => [one, { username: one, password: 'p' }])) }),
    'config',
  ).entries;
const users = (image: string, ...addresses: readonly string[]) =>
  credentialsFor(image, [keyring(...addresses)]).map((one) => one.auth.username);

test("entries fit an image by upstream's rules, the most specific first", () => {
  const all = ['r.io', 'r.io/team', 'https://r.io/v2/', 'q.io', '*.r.io', 'r.io:5000'];
  assert.deepEqual(users('r.io/team/app:1', ...all), ['r.io/team', 'r.io', 'https://r.io/v2/']);
  assert.deepEqual(users('r.io/other:1', ...all), ['r.io', 'https://r.io/v2/']);
  assert.deepEqual(users('r.io:5000/team/app', ...all), ['r.io:5000']);
  assert.deepEqual(users('a.r.io/app', ...all), ['*.r.io']);
  assert.deepEqual(users('a.b.r.io/app', ...all), []);
  assert.deepEqual(users('reg-7.r.io/app', 'reg-[0-9].r.io', 'reg-?.r.io', 'x*.r.io'), [
    'reg-[0-9].r.io',
    'reg-?.r.io',
  ]);
  assert.deepEqual(users('busybox', 'https://index.docker.io/v1/', 'r.io'), ['https://index.docker.io/v1/']);
  assert.deepEqual(users('busybox', 'docker.io', 'index.docker.io/v1/'), ['docker.io']);
});

test('auth fields, legacy files, entries without a login; one bad entry does not touch another', () => {
  const auth = Buffer.from('me:a:b').toString('base64');
  const { entries, problems } = readKeyring(
    JSON.stringify({ 'r.io': { auth }, 'helper.io': {}, 'bad.io': { auth: '!!' }, 'worse.io': 7 }),
    'legacy',
  );
  assert.deepEqual(
    entries.map(({ key, credential }) => [key, credential.auth.username, credential.auth.password]),
    [['r.io', 'me', 'a:b']],
  );
  assert.deepEqual(problems, [
    'the auth of "bad.io" is not base64(username:password)',
    'the entry "worse.io" is not an object',
  ]);
});

test('the same login in two files is tried once; broken files are named without their content', async () => {
  const files: Record<string, string | undefined> = {
    '/a': JSON.stringify({ auths: { 'r.io': { username: 'u', password: 'hidden' } } }),
    '/b': '{"auths": {"r.io": "hidden',
    '/c': '',
  };
  const read = async (path: string) => {
    if (path === '/e') throw new Error('EACCES: permission denied');
    return files[path];
  };
  const paths = ['/a', '/a', '/b', '/c', '/d', '/e'];
  const { keyrings, problems } = await readAuthFiles(
    { readText: read },
    paths.map((path) => ({ path, form: 'config' as const })),
  );
  assert.equal(credentialsFor('r.io/x', keyrings).length, 1);
  assert.equal(problems.length, 2);
  assert.match(problems[0]!, /^Registry logins in \/b are not used: it is not valid JSON\./);
  assert.match(problems[1]!, /\/e are not used: EACCES/);
  assert.ok(!problems.join().includes('hidden'));
});

test("a mirror's login goes to the mirror alone", () => {
  const [one] = mirrorCredentials(['m.io:5000/x/app'], [keyring('m.io:5000', 'r.io')]);
  assert.deepEqual(one?.auth, { username: 'm.io:5000', password: 'p', serverAddress: 'https://m.io:5000' });
});

test('globs of hosts: what path.Match takes, in a time that does not grow with the stars', () => {
  const fits = (host: string, glob: string) => credentialsFor(`${host}/x`, [keyring(glob)]).length === 1;
  for (const [host, glob, isFit] of [
    ['ab.r.io', '*.r.io', true],
    ['ab.r.io', 'a*b.r.io', true],
    ['ab.r.io', '**.r.io', true],
    ['acb.r.io', 'a?b.r.io', true],
    ['ab.r.io', 'a?b.r.io', false],
    ['axbxbc.r.io', 'a*bc.r.io', true],
    ['axbxbd.r.io', 'a*bc.r.io', false],
    ['a1.r.io', 'a[0-9].r.io', true],
    ['ax.r.io', 'a[0-9].r.io', false],
    ['ax.r.io', 'a[^0-9].r.io', true],
    ['ab.r.io', 'a[.r.io', false],
    ['x.ab.r.io', '*.r.io', false],
  ] as const)
    assert.equal(fits(host, glob), isFit, `${host} ${glob}`);
  const started = performance.now();
  assert.equal(fits(`${'a'.repeat(60)}.r.io`, `${'*a'.repeat(40)}b.r.io`), false);
  assert.equal(fits('a.r.io', `${'['.repeat(500_000)}.r.io`), false);
  assert.ok(performance.now() - started < 2_000);
});
