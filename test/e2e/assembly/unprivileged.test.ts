// A control plane alone, by a user who is not root: everything is in his home directory, and nothing of a node runs.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { eventually, type RunningCommand } from '#kit/machine/command.ts';
import { Lan, LightMachine } from '#kit/machine/light-machine.ts';
import type { Pod } from '#api/generated/types.ts';

const unique = `mu${process.pid % 10_000}`;
const user = '4242';
const home = '/run/home';
const source = path.resolve(import.meta.dirname, '../../..');
let lan: Lan;
let machine: LightMachine;
let running: RunningCommand;

const identity = ['setpriv', '--reuid', user, '--regid', user, '--clear-groups', '--no-new-privs', '--inh-caps=-all'];
const environment = ['env', '-i', '--chdir', home, `HOME=${home}`, 'PATH=/usr/bin:/bin'];
const as = (...command: string[]): string[] => [...identity, ...environment, ...command];
const microshift = (...args: string[]): string[] =>
  as('/run/node', '--disable-warning=ExperimentalWarning', '/run/source/src/main.ts', ...args);
const kubeconfig = `${home}/.microshift/data/resources/kubeadmin/kubeconfig`;
const tail = (text: string) => text.trim().split('\n').slice(-6).join('\n');

before(async () => {
  lan = new Lan(`${unique}l`);
  machine = await LightMachine.boot({ name: unique, lan, address: '192.168.77.2/24' });
  // The sources and Node.js at a place that every user may read, wherever this project lies.
  const script = `mkdir /run/source ${home}; chown ${user}:${user} ${home}; chmod 700 ${home}
    mount --bind "$1" /run/source; : > /run/node; mount --bind "$2" /run/node`;
  await machine.succeed(['sh', '-ec', script, 'x', source, process.execPath]);
});
after(async () => {
  await machine?.[Symbol.asyncDispose]();
  lan?.[Symbol.dispose]();
});

test('the role node, and a port below 1024, are refused with what to do', async () => {
  const both = await machine.run(microshift('run'));
  assert.equal(both.code, 2, both.stderr);
  assert.match(both.stderr, /this user is not root[\s\S]*--roles controlplane/);
  const low = await machine.run(
    as(
      'env',
      'MICROSHIFT_CLUSTER_URL=https://127.0.0.1:443',
      ...microshift('run', '--roles', 'controlplane').slice(as().length),
    ),
  );
  assert.equal(low.code, 1, tail(low.stderr));
  assert.match(low.stderr, /may not listen on port 443[\s\S]*from 1024 on/);
});

test('it starts with all in the home directory, and status has nothing to complain of', async () => {
  await machine.succeed(
    as('sh', '-c', 'mkdir -p .microshift; echo "cluster: {url: https://127.0.0.1:16443}" > .microshift/config.yaml'),
  );
  running = machine.start(microshift('run', '--roles', 'controlplane'));
  await machine.succeed(microshift('wait', '--timeout', '40'), { timeoutSeconds: 60 });
  const status = await machine.run(microshift('status'));
  assert.equal(status.code, 0, status.stdout);
  assert.match(status.stdout, /runs, all well/);
  assert.match(status.stdout, /Kubeconfig +\/run\/home\/\.microshift\/data/);
  assert.doesNotMatch(status.stdout, /^ +(node|dns|router|pod-network|service-proxy|container-runtime) /m);
  const listening = await machine.succeed(['ss', '-Hltn']);
  assert.deepEqual(
    listening
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/)[3]),
    ['0.0.0.0:16443'],
  );
});

test('it is a whole API: a Deployment gets its Pod, which waits for a node', async () => {
  const labels = { app: 'web' };
  await machine.ask(kubeconfig, 'POST', '/apis/apps/v1/namespaces/default/deployments', {
    metadata: { name: 'web' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } },
    },
  });
  const pod = await eventually('the Pod', 10, async () => {
    const { items } = await machine.get<{ items: readonly Pod[] }>(kubeconfig, '/api/v1/namespaces/default/pods');
    return items[0]?.status?.conditions === undefined ? undefined : items[0];
  });
  assert.equal(pod.status?.phase, 'Pending');
  assert.match(pod.status?.conditions?.[0]?.message ?? '', /no nodes available to schedule pods/);
});

test('nothing outside the home directory belongs to it, and its files are private', async () => {
  const found = await machine.run([
    'find',
    '/run',
    '/etc',
    '/var/lib',
    '/var/log',
    '/opt',
    '-xdev',
    '-uid',
    user,
    '-not',
    '-path',
    `${home}*`,
  ]);
  assert.equal(found.stdout, '');
  assert.equal((await machine.succeed(['find', home, '-type', 'f', '-name', '*.key', '-perm', '/077'])).trim(), '');
  assert.equal(
    await machine.run(['sh', '-c', 'nft list tables; ip -o link']).then(({ stdout }) => /microshift|cni0/.test(stdout)),
    false,
  );
  assert.match(await running.stop(), /MicroShift has stopped/);
});
