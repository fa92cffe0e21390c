// Hosts that lack what most have: no default route, no name server, a root file system that cannot be written.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Machine, removeRoot } from '#kit/machine/machine.ts';
import { Cluster } from './story/cluster.ts';
import { preparedRoot } from './story/prepared.ts';

const name = 'ms-poor';
const supervise = '/usr/local/libexec/microshift-supervise';
let root: string;
let machine: Machine;
let cluster: Cluster;

before(async () => {
  ({ root } = await preparedRoot(name));
  machine = await Machine.boot({ name, root, init: 'reaper' });
  cluster = new Cluster(machine);
});

after(async () => {
  await machine?.halt();
  if (process.env.MICROSHIFT_TEST_KEEP !== 'true') removeRoot(root);
});

const runsAPod = async (pod: string): Promise<void> => {
  await cluster.kubectl('run', pod, '--image=localhost/microshift/busybox:1', '--', 'sleep', '3600');
  const waited = await cluster.tryKubectl(['wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=30s']);
  assert.equal(waited.code, 0, waited.code === 0 ? '' : await cluster.kubectl('describe', 'pod', pod));
};

test('it starts without default route and /etc/resolv.conf, and runs Pods', async () => {
  await machine.shell('ip route del default 2>/dev/null || true; rm -f /etc/resolv.conf');
  assert.equal((await machine.shell('ip route show default')).trim(), '');
  const result = await machine.run(['/root/microshift/install.sh'], { timeoutSeconds: 240 });
  assert.equal(result.code, 0, `${result.stdout}${result.stderr}`);
  await runsAPod('one');
});

test('what the heap may grow to is the same on every host', async () => {
  const metrics = await cluster.kubectl('get', '--raw', '/metrics');
  const limitMiB = Number(/^nodejs_heap_size_limit_bytes (\S+)$/m.exec(metrics)?.[1]) / 1024 ** 2;
  // 2,048 for what is old, and the young ones.
  assert.equal(Math.round(limitMiB), 2_096);
});

test('names of the cluster resolve in Pods; names outside fail at once, not after a time limit', async () => {
  const lookup = (host: string) => cluster.tryKubectl(['exec', 'one', '--', 'nslookup', host], { timeoutSeconds: 30 });
  const inside = await lookup('kubernetes.default.svc.cluster.local');
  assert.match(inside.stdout, /10\.43\.0\.1/);
  const began = performance.now();
  const outside = await lookup('example.com');
  assert.notEqual(outside.code, 0);
  assert.ok(performance.now() - began < 4_000, `${outside.stdout}${outside.stderr}`);
});

test('after a power cut it runs Pods where nothing but /var, /run, /tmp and the home directory can be written', async () => {
  await machine.halt();
  machine = await Machine.boot({ name, root, init: 'reaper' });
  cluster = new Cluster(machine);
  await machine.shell('for d in /var /run /tmp /root; do mount --bind $d $d; done; mount -o remount,bind,ro /');
  assert.notEqual((await machine.run(['touch', '/etc/written'])).code, 0);
  await machine.succeed([supervise, 'start']);
  await machine.succeed(['microshift', 'wait', '--timeout', '60'], { timeoutSeconds: 70 });
  await runsAPod('two');
});

test('a data directory that cannot be written is waited for, with path and remedy; containers go on', async () => {
  await machine.succeed([supervise, 'stop']);
  await machine.shell(
    'mount --bind /var/lib/microshift /var/lib/microshift; mount -o remount,bind,ro /var/lib/microshift',
  );
  const result = await machine.run(['timeout', '5', 'microshift', 'run'], { timeoutSeconds: 30 });
  assert.equal(result.code, 124, 'it was still there after five seconds, and ended when it was told to');
  const output = result.stdout + result.stderr;
  assert.match(output, /\/var\/lib\/microshift/);
  assert.match(output, /read-only/i);
  assert.match(await machine.shell('ps -eo args='), /sleep 3600/);
  await machine.shell('umount /var/lib/microshift');
  await machine.succeed([supervise, 'start']);
  await machine.succeed(['microshift', 'wait', '--timeout', '60'], { timeoutSeconds: 70 });
});
