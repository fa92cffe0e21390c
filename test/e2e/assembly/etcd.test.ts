// A control plane whose objects are on etcd: a real etcd, a real process, and what happens to the second when the first is away.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { EtcdClient } from '#storage/etcd/client.ts';
import { eventually } from '#kit/machine/command.ts';
import { EtcdServer, etcdClientTls, writeEtcdCertificates } from '#kit/etcd-server.ts';
import { ask, cli, freePort, type Lifetime, start, temporary, waitReady } from './microshift-process.ts';

const ends: (() => unknown)[] = [];
const file: Lifetime = { after: (end) => void ends.unshift(end) };
const folder = temporary(file);
const tls = writeEtcdCertificates(folder);
const etcd = new EtcdServer(folder, { tls });
const environment = {
  MICROSHIFT_DATASTORE_AUTHORITYFILE: tls.authorityFile,
  MICROSHIFT_DATASTORE_CERTIFICATEFILE: tls.certificateFile,
  MICROSHIFT_DATASTORE_KEYFILE: tls.keyFile,
};
before(() => etcd.start());
after(async () => {
  await etcd.signal('SIGKILL');
  for (const end of ends) await end();
});

const configMaps = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: 'b' } });
const statusOf = (dataDirectory: string): string => cli(dataDirectory, 'status').stdout;

test('a process without its etcd waits and says so, begins when it is there, and finds everything after a restart', async (context) => {
  const dataDirectory = path.join(temporary(context), 'data');
  const port = await freePort();
  await etcd.signal('SIGTERM');
  const first = start(context, dataDirectory, port, ['--datastore', etcd.endpoint], environment);
  const reason = /the etcd cluster cannot be used: .*Nothing is served until then.*Check that its members run/;
  await eventually('the reason in the status', 20, async () =>
    reason.test(statusOf(dataDirectory).replaceAll(/\s+/g, ' ')) ? true : undefined,
  );
  await eventually('the reason in the log', 5, async () => (reason.test(first.output()) ? true : undefined));
  assert.equal(first.child.exitCode, null);
  await etcd.start();
  waitReady(dataDirectory);
  assert.match(statusOf(dataDirectory), /runs, all well/);

  assert.equal((await ask(dataDirectory, 'POST', configMaps, configMap('kept'))).status, 201);
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { password: 'hidden-word' } };
  assert.equal((await ask(dataDirectory, 'POST', '/api/v1/namespaces/default/secrets', secret)).status, 201);
  const client = new EtcdClient({ members: [etcd.member], tls: etcdClientTls(tls) });
  context.after(() => client.close());
  const [plain, sealed] = await Promise.all(
    ['configmaps/default/kept', 'secrets/default/s'].map((key) => client.get(`/registry/${key}`)),
  );
  assert.match(Buffer.from(plain!.value).toString('latin1'), /"name":"kept"/);
  assert.doesNotMatch(Buffer.from(sealed!.value).toString('latin1'), /"name":"s"|aGlkZGVuLXdvcmQ/);
  assert.equal(existsSync(path.join(dataDirectory, 'storage')), false);
  const backup = cli(dataDirectory, 'backup', path.join(dataDirectory, '..', 'backup'));
  assert.equal(backup.status, 1);
  assert.match(backup.stderr, /objects of this cluster are on etcd[^]*etcdctl snapshot save/);

  const before = await ask(dataDirectory, 'GET', `${configMaps}/kept`);
  first.child.kill('SIGKILL');
  await first.exited;
  const second = start(context, dataDirectory, port, ['--datastore', etcd.endpoint], environment);
  waitReady(dataDirectory);
  assert.deepEqual(await ask(dataDirectory, 'GET', `${configMaps}/kept`), before);

  // Its etcd is killed under it.
  await etcd.signal('SIGKILL');
  const refused = await ask(dataDirectory, 'POST', configMaps, configMap('refused'));
  assert.equal(refused.status, 503, refused.text);
  const readyz = await eventually('readiness tells', 10, async () => {
    const answer = await ask(dataDirectory, 'GET', '/readyz?verbose');
    return answer.status === 500 ? answer.text : undefined;
  });
  assert.match(readyz, /\[-\]storage failed/);
  assert.match(statusOf(dataDirectory), /etcd is not reached/);
  await etcd.start();
  await eventually('it is well again', 20, async () =>
    (await ask(dataDirectory, 'GET', '/readyz')).status === 200 ? true : undefined,
  );
  assert.equal((await ask(dataDirectory, 'POST', configMaps, configMap('later'))).status, 201);
  assert.equal(second.child.exitCode, null);
  second.child.kill('SIGTERM');
  assert.equal(await second.exited, 0, second.output());
});
