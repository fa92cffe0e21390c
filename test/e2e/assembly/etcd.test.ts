// A control plane whose objects are on etcd: a real etcd, a real process, and what happens to the second when the first is away.
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { EtcdClient } from '#storage/etcd/client.ts';
import { eventually } from '#kit/machine/command.ts';
import { EtcdServer, etcdClientTls, writeEtcdCertificates } from '#kit/etcd-server.ts';
import { ask, cli, cliWith, freePort, type Lifetime, start, temporary, waitReady } from './microshift-process.ts';

const ends: (() => unknown)[] = [];
const file: Lifetime = { after: (end) => void ends.unshift(end) };
const folder = temporary(file);
const tls = writeEtcdCertificates(folder);
const port = await freePort();
const etcd = new EtcdServer(folder, { tls, port });
/** Not by its socket, but as from elsewhere. */
const byAddress = `etcd://127.0.0.1:${port}`;
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
  const ownPort = await freePort();
  await etcd.signal('SIGTERM');
  const first = start(context, dataDirectory, ownPort, ['--datastore', byAddress], environment);
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
  const second = start(context, dataDirectory, ownPort, ['--datastore', byAddress], environment);
  waitReady(dataDirectory);
  assert.deepEqual(await ask(dataDirectory, 'GET', `${configMaps}/kept`), before);

  // Its etcd is killed under it.
  await etcd.signal('SIGKILL');
  const refused = await ask(dataDirectory, 'POST', configMaps, configMap('refused'));
  // 504: it was under way when the connection broke.
  assert.ok([503, 504].includes(refused.status), refused.text);
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

interface ListOf<T> {
  readonly items: readonly T[];
}
interface Named {
  readonly metadata: { readonly name: string };
}

async function get<T>(dataDirectory: string, pathname: string): Promise<T> {
  const { status, text } = await ask(dataDirectory, 'GET', pathname);
  assert.equal(status, 200, text);
  return JSON.parse(text) as T;
}

test('two API servers on three members of etcd are one cluster: what one writes the other has, and either may fail with a member of etcd', async (context) => {
  const [first, second] = ['first', 'second'].map((name) => path.join(temporary(context), name)) as [string, string];
  const [firstPort, secondPort] = [await freePort(), await freePort()];
  const [firstAddress, secondAddress] = ['192.0.2.1', '192.0.2.2'];
  const begin = (dataDirectory: string, port: number) =>
    start(context, dataDirectory, port, ['--datastore', members.map(({ endpoint }) => endpoint).join()], {
      ...environment,
      MICROSHIFT_NODEIP: dataDirectory === first ? firstAddress : secondAddress,
    });
  const names = ['a', 'b', 'c'];
  const members = names.map((name) => new EtcdServer(folder, { name, cluster: names, tls }));
  context.after(() => Promise.all(members.map((member) => member.signal('SIGKILL'))));
  await Promise.all(members.map((member) => member.start()));
  const one = begin(first, firstPort);
  waitReady(first);

  // Without the keys of the cluster it does not take part, and says what it needs; they may be put there while it waits.
  const two = begin(second, secondPort);
  await eventually('what it needs', 20, async () =>
    /a cluster with other keys[^]*copy the directories certs and resources and the file secrets\.key/.test(two.output())
      ? true
      : undefined,
  );
  two.child.kill('SIGTERM');
  assert.equal(await two.exited, 0, two.output());
  for (const directory of ['certs', 'resources'])
    cpSync(path.join(first, directory), path.join(second, directory), { recursive: true, force: true });
  const other = begin(second, secondPort);
  await eventually('the other key', 20, async () =>
    /encrypted with another key[^]*secrets\.key/.test(other.output()) ? true : undefined,
  );
  writeFileSync(path.join(second, 'secrets.key'), readFileSync(path.join(first, 'secrets.key')), { mode: 0o600 });
  waitReady(second);

  // Pods reach the API at both.
  const endpoints = (addresses: readonly string[]): Promise<true> =>
    eventually(`the endpoints ${addresses.join()}`, 40, async () => {
      const found = await get<{ subsets: { addresses: { ip: string }[] }[] }>(
        second,
        '/api/v1/namespaces/default/endpoints/kubernetes',
      );
      const slice = await get<{ endpoints: { addresses: string[] }[] }>(
        second,
        '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes',
      );
      const both = [found.subsets[0]!.addresses.map(({ ip }) => ip), slice.endpoints.flatMap((one) => one.addresses)];
      return both.every((one) => one.join() === addresses.join()) ? true : undefined;
    });
  await endpoints([firstAddress, secondAddress]);

  // Reads are never older than what was acknowledged anywhere; addresses are given once.
  const services = '/api/v1/namespaces/default/services';
  const created = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const [writer, reader] = index % 2 === 0 ? [first, second] : [second, first];
      const spec = { type: 'NodePort', ports: [{ port: 80 }] };
      const body = { apiVersion: 'v1', kind: 'Service', metadata: { name: `s${index}` }, spec };
      const answer = await ask(writer, 'POST', services, body);
      assert.equal(answer.status, 201, answer.text);
      assert.equal((await ask(reader, 'GET', `${services}/s${index}`)).text, answer.text);
      return JSON.parse(answer.text) as { spec: { clusterIP: string; ports: { nodePort: number }[] } };
    }),
  );
  assert.equal(new Set(created.map(({ spec }) => spec.clusterIP)).size, created.length);
  assert.equal(new Set(created.map(({ spec }) => spec.ports[0]!.nodePort)).size, created.length);
  const token = await ask(first, 'POST', '/api/v1/namespaces/default/serviceaccounts/default/token', {});
  const review = await ask(second, 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
    spec: { token: (JSON.parse(token.text) as { status: { token: string } }).status.token },
  });
  assert.match(review.text, /"authenticated":true/);

  // The first leads: it was there before. What is asked of the second is done all the same.
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
  const holders = async (): Promise<readonly string[]> =>
    Promise.all(
      ['kube-controller-manager', 'kube-scheduler'].map(
        async (name) =>
          (await get<{ spec: { holderIdentity: string } }>(second, `${leases}/${name}`)).spec.holderIdentity,
      ),
    );
  const replicaSetOf = async (name: string): Promise<void> => {
    const labels = { app: name };
    const made = await ask(second, 'POST', '/apis/apps/v1/namespaces/default/deployments', {
      metadata: { name },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name, image: name }] } },
      },
    });
    assert.equal(made.status, 201, made.text);
    await eventually(`the ReplicaSet of ${name}`, 40, async () => {
      const { items } = await get<ListOf<Named>>(second, '/apis/apps/v1/namespaces/default/replicasets');
      return items.find(({ metadata }) => metadata.name.startsWith(`${name}-`));
    });
  };
  const before = await holders();
  assert.ok(before.every((holder) => holder !== ''));
  await replicaSetOf('before');
  assert.match(one.output(), /controllers: leads lease=kube-controller-manager/);
  assert.match(other.output(), /controllers: another process leads/);
  one.child.kill('SIGKILL');
  // The one that is asked.
  await members[0]!.signal('SIGKILL');
  await one.exited;
  // What was under way there has failed, and may have been done.
  await eventually('writes', 30, async () =>
    [201, 409].includes((await ask(second, 'POST', configMaps, configMap('probe'))).status) ? true : undefined,
  );
  await replicaSetOf('behind');
  assert.match(other.output(), /controllers: leads lease=kube-controller-manager/);
  const after = await holders();
  assert.ok(after[0] !== before[0]);
  await endpoints([secondAddress]);
});

test('a cluster goes from its data file to etcd and back: objects stay as they are, resource versions go on, old watches end', async (context) => {
  const dataDirectory = path.join(temporary(context), 'data');
  const port = await freePort();
  await etcd.empty();
  interface Stored {
    readonly metadata: Record<string, unknown> & { resourceVersion: string };
  }
  const objects = async (): Promise<readonly Stored[]> => {
    const lists = await Promise.all(
      ['configmaps', 'secrets', 'serviceaccounts', 'namespaces', 'services'].map((resource) =>
        get<ListOf<Stored>>(dataDirectory, `/api/v1/${resource}`),
      ),
    );
    return lists.flatMap(({ items }) => items);
  };
  const withoutVersions = (items: readonly Stored[]): unknown =>
    items.map((item) => ({ ...item, metadata: { ...item.metadata, resourceVersion: '' } }));
  const versionsOf = (items: readonly Stored[]): readonly number[] =>
    items.map(({ metadata }) => Number(metadata.resourceVersion));
  // As the page says it, but for the address.
  const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/how-to/etcd.md'), 'utf8');
  const commands = [...page.matchAll(/^sudo microshift (datastore copy --\w+) etcd:\/\/127\.0\.0\.1:2379$/gm)];
  assert.equal(commands.length, 2);
  const copy = (index: number) =>
    cliWith(environment, dataDirectory, ...commands[index]![1]!.split(' '), etcd.endpoint);

  let run = start(context, dataDirectory, port);
  waitReady(dataDirectory);
  assert.equal((await ask(dataDirectory, 'POST', configMaps, configMap('kept'))).status, 201);
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { password: 'hidden' } };
  assert.equal((await ask(dataDirectory, 'POST', '/api/v1/namespaces/default/secrets', secret)).status, 201);
  const refused = copy(0);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /MicroShift runs as process \d+[^]*Stop it first/);

  for (const [index, options] of [['--datastore', etcd.endpoint], []].entries()) {
    const before = await objects();
    const highest = Math.max(...versionsOf(before));
    run.child.kill('SIGTERM');
    await run.exited;
    const copied = copy(index);
    assert.equal(copied.status, 0, copied.stderr);
    assert.match(copied.stdout, /Copied \d+ objects/);
    if (index === 0) {
      const stale = cli(dataDirectory, 'backup', path.join(dataDirectory, '..', 'stale'));
      assert.match(stale.stderr, /was copied to the etcd at .* and goes on there/);
    }
    run = start(context, dataDirectory, port, options, index === 0 ? environment : {});
    waitReady(dataDirectory);
    const after = await objects();
    assert.deepEqual(withoutVersions(after), withoutVersions(before));
    assert.ok(Math.min(...versionsOf(after)) > highest);
    const old = await ask(dataDirectory, 'GET', `${configMaps}?watch=1&resourceVersion=${highest}`);
    assert.match(old.text, /"code":410/);
  }
});
