import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { Registries } from './registries.ts';
import { hostsFiles, mirrorRepositories, registryRules, ruleFor } from './registry-hosts.ts';

const rulesOf = (...tables: readonly object[]) => registryRules({ registry: tables }, 'FILE');
const hosts = (...tables: readonly object[]) => hostsFiles(rulesOf(...tables).rules, new Map(), new Set());

test('mirrors come before the registry itself, with the paths that they need', () => {
  const { files, problems } = hosts({
    location: 'quay.io',
    mirror: [{ location: 'm.lan:5000/quay' }, { location: 'other.lan', 'pull-from-mirror': 'digest-only' }],
  });
  assert.deepEqual(problems, []);
  assert.equal(
    files.get('quay.io'),
    `# Generated from containers-registries.conf(5) and certs.d; changes are lost.
server = "https://quay.io"
capabilities = ["pull","resolve"]

[host."https://m.lan:5000/v2/quay"]
capabilities = ["pull","resolve"]
override_path = true

[host."https://other.lan"]
capabilities = ["pull"]
`,
  );
});

test('mirrors of a path keep it; what containerd cannot say is told and left out', () => {
  const { files, problems } = hosts({
    prefix: 'quay.io/team',
    mirror: [{ location: 'm.lan/x/team' }, { location: 'm.lan/elsewhere' }],
  });
  assert.match(files.get('quay.io')!, /\[host\."https:\/\/m\.lan\/v2\/x"\]/);
  assert.match(problems.join(), /^FILE: m\.lan\/elsewhere is left out as a place of quay\.io\/team/);
  assert.match(
    rulesOf({ location: 'a', mirror: [{ location: 'b', 'pull-from-mirror': 'tag-only' }] }).problems[0]!,
    /tag-only/,
  );
  assert.match(registryRules({ registries: { search: {} } }, 'FILE').problems[0]!, /version 1/);
});

test('an insecure registry is tried with TLS and without, a relocated one at its place, docker.io at its host', () => {
  const { files } = hosts(
    { location: 'lan:5000', insecure: true },
    { prefix: 'old.io', location: 'new.io/sub' },
    { location: 'docker.io', mirror: [{ location: 'm.lan' }] },
  );
  assert.match(
    files.get('lan:5000')!,
    /^server = "http:\/\/lan:5000"$[^]*\[host\."https:\/\/lan:5000"\]\n.*\nskip_verify = true/m,
  );
  assert.match(
    files.get('old.io')!,
    /^server = "https:\/\/new\.io\/v2\/sub"\ncapabilities = \["pull","resolve"\]\noverride_path = true$/m,
  );
  assert.match(files.get('docker.io')!, /^server = "https:\/\/registry-1\.docker\.io"$/m);
});

test('the longest prefix counts; patterns of hosts block', () => {
  const { rules } = rulesOf(
    { location: 'quay.io', mirror: [{ location: 'm.lan/quay' }] },
    { prefix: 'quay.io/bad', blocked: true },
    { prefix: '*.evil.io', blocked: true },
  );
  assert.equal(ruleFor(rules, 'quay.io/bad/app')?.blocked, true);
  assert.equal(ruleFor(rules, 'quay.io/badge')?.blocked, false);
  assert.equal(ruleFor(rules, 'a.b.evil.io/x')?.blocked, true);
  assert.equal(ruleFor(rules, 'evil.io/x'), undefined);
  assert.deepEqual(mirrorRepositories(rules, 'quay.io/a/b'), ['m.lan/quay/a/b']);
});

test('files are read again when they change; a broken one is named and its last words stay', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'registries-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const at = (name: string) => path.join(directory, name);
  const registries = new Registries({
    containersDirectory: at('containers'),
    certificateDirectories: [at('docker')],
    hostsDirectory: at('hosts'),
    logger: silentLogger,
  });
  await registries.refresh();
  assert.deepEqual([registries.problems, readdirSync(at('hosts'))], [[], []]);
  mkdirSync(at('containers/registries.conf.d'), { recursive: true });
  mkdirSync(at('docker/own.lan'), { recursive: true });
  writeFileSync(at('docker/own.lan/ca.crt'), 'certificate');
  writeFileSync(at('containers/registries.conf'), '[[registry]]\nlocation = "a.io"\nblocked = true\n');
  await registries.refresh();
  assert.match(registries.blocked('a.io/x')!, /^registry a\.io is blocked in \S+registries\.conf$/);
  assert.match(readFileSync(at('hosts/own.lan/hosts.toml'), 'utf8'), /^ca = \[".*docker\/own\.lan\/ca\.crt"\]$/m);
  writeFileSync(at('containers/registries.conf'), '[[registry]\n');
  writeFileSync(at('containers/registries.conf.d/1.conf'), '[[registry]]\nprefix = "../../x"\nlocation="b.io"\n');
  await registries.refresh();
  assert.notEqual(registries.blocked('a.io/x'), undefined);
  assert.match(registries.problems[0]!, /registries\.conf is not read, what it said before stays/);
  assert.deepEqual(readdirSync(directory).toSorted(), ['containers', 'docker', 'hosts']);
  writeFileSync(at('containers/registries.conf'), '');
  rmSync(at('containers/registries.conf.d'), { recursive: true });
  await registries.refresh();
  assert.equal(registries.blocked('a.io/x'), undefined);
  assert.deepEqual([registries.problems, readdirSync(at('hosts'))], [[], ['own.lan']]);
});

test("containerd's own directory is linked into ours, the only one that it reads, and wins for its hosts", async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'registries-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const at = (name: string) => path.join(directory, name);
  const read = (host: string) => readFileSync(at(`hosts/${host}/hosts.toml`), 'utf8');
  for (const name of ['containers', 'own/a.io']) mkdirSync(at(name), { recursive: true });
  writeFileSync(at('own/a.io/hosts.toml'), 'own');
  const rules = ['a.io', 'b.io'].map((host) => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`);
  writeFileSync(at('containers/registries.conf'), rules.join(''));
  const registries = new Registries({
    containersDirectory: at('containers'),
    certificateDirectories: [],
    linkedDirectory: at('own'),
    hostsDirectory: at('hosts'),
    logger: silentLogger,
  });
  await registries.refresh();
  assert.equal(read('a.io'), 'own');
  assert.match(read('b.io'), /skip_verify = true/);
  // A link takes the place of a directory of ours, and goes when its host goes; what it pointed to stays.
  mkdirSync(at('own/b.io'));
  writeFileSync(at('own/b.io/hosts.toml'), 'own too');
  rmSync(at('own/a.io'), { recursive: true });
  await registries.refresh();
  assert.match(read('a.io'), /skip_verify = true/);
  assert.equal(read('b.io'), 'own too');
  rmSync(at('containers/registries.conf'));
  await registries.refresh();
  assert.deepEqual([registries.problems, readdirSync(at('hosts')), readdirSync(at('own'))], [[], ['b.io'], ['b.io']]);
});

test('an insecure registry without TLS is found out from its failure, and the other way round', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'registries-'));
  t.after(() => rmSync(directory, { recursive: true }));
  mkdirSync(path.join(directory, 'containers'));
  writeFileSync(
    path.join(directory, 'containers/registries.conf'),
    '[[registry]]\nlocation = "lan:5000"\ninsecure = true\n[[registry]]\nlocation = "safe.lan"\n',
  );
  const registries = new Registries({
    containersDirectory: path.join(directory, 'containers'),
    certificateDirectories: [],
    hostsDirectory: path.join(directory, 'hosts'),
    logger: silentLogger,
  });
  const written = async () => {
    await registries.refresh();
    return readFileSync(path.join(directory, 'hosts/lan:5000/hosts.toml'), 'utf8');
  };
  const plain = (host: string) => `Head "https://${host}/v2/a": http: server gave HTTP response to HTTPS client`;
  await registries.refresh();
  assert.equal(registries.learn(plain('safe.lan')), false);
  assert.equal(registries.learn('something else'), false);
  assert.equal(registries.learn(plain('lan:5000')), true);
  assert.ok(!(await written()).includes('https:'));
  assert.equal(
    registries.learn('pulling from host lan:5000 failed with status code [manifests 1]: 400 Bad Request'),
    true,
  );
  assert.ok((await written()).includes('https://lan:5000'));
});
