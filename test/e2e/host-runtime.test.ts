// MicroShift on the containerd that the host already runs, under systemd: it uses that one, starts none of its own, and leaves it
// running when it goes.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '#kit/machine/command.ts';
import { Machine, removeRoot } from '#kit/machine/machine.ts';
import { Cluster } from './story/cluster.ts';
import { preparedRoot } from './story/prepared.ts';

const name = 'ms-hostrt';
let root: string;
let machine: Machine;
let cluster: Cluster;

before(async () => {
  ({ root } = await preparedRoot(name));
  machine = await Machine.boot({ name, root, init: 'systemd' });
  cluster = new Cluster(machine);
  // What an administrator of this kind of machine, without CAP_SYS_RESOURCE, has to set; all else is Debian's default.
  const settings =
    'version = 2\n[plugins."io.containerd.grpc.v1.cri"]\nrestrict_oom_score_adj = true\n' +
    '[plugins."io.containerd.grpc.v1.cri".cni]\nbin_dir = "/usr/lib/cni"\nconf_dir = "/etc/cni/net.d"\n';
  machine.write('/etc/containerd/config.toml', settings);
  await machine.succeed(['systemctl', 'start', 'containerd']);
});

after(async () => {
  await machine?.halt();
  if (process.env.MICROSHIFT_TEST_KEEP !== 'true') removeRoot(root);
});

test('a Pod runs in the containerd of the host, whose sandbox image no registry gives', async () => {
  const result = await machine.run(['/root/microshift/install.sh'], { timeoutSeconds: 240 });
  assert.equal(result.code, 0, `${result.stdout}${result.stderr}`);
  await cluster.kubectl('run', 'one', '--image=localhost/microshift/busybox:1', '--', 'sleep', '3600');
  await cluster.kubectl('wait', '--for=condition=Ready', 'pod/one', '--timeout=30s');
  assert.match(
    await machine.succeed(['ctr', '-n', 'k8s.io', 'containers', 'list']),
    /localhost\/microshift\/busybox:1/,
  );
  assert.equal((await machine.succeed(['pgrep', '-cx', 'containerd'])).trim(), '1');
  assert.match(await machine.succeed(['microshift', 'status']), /containerd\.sock/);
});

test('a restart of the host containerd is survived', async () => {
  const before_ = await cluster.kubectl(
    'get',
    'pod',
    'one',
    '-o',
    'jsonpath={.status.containerStatuses[0].containerID}',
  );
  await machine.succeed(['systemctl', 'restart', 'containerd']);
  await cluster.kubectl('run', 'two', '--image=localhost/microshift/busybox:1', '--', 'sleep', '3600');
  await cluster.kubectl('wait', '--for=condition=Ready', 'pod/two', '--timeout=60s');
  assert.equal(
    await cluster.kubectl('get', 'pod', 'one', '-o', 'jsonpath={.status.containerStatuses[0].containerID}'),
    before_,
  );
});

test('a start on an emptied data directory removes the Pods of the old cluster from the host containerd', async () => {
  // This one ends when it is told to.
  await cluster.kubectl('delete', 'pod', 'one', 'two', '--now');
  const script = 'trap "exit 0" TERM; sleep 3600 & wait';
  await cluster.kubectl('run', 'old', '--image=localhost/microshift/busybox:1', '--', 'sh', '-c', script);
  await cluster.kubectl('wait', '--for=condition=Ready', 'pod/old', '--timeout=60s');
  await machine.shell('systemctl stop microshift; rm -rf /var/lib/microshift/*; systemctl start microshift');
  await machine.succeed(['microshift', 'wait', '--timeout', '60'], { timeoutSeconds: 70 });
  await machine.succeed(['microshift', 'kubeconfig', 'merge', '--into', '/root/.kube/config']);
  await eventually('their processes are gone', 40, async () =>
    (await machine.run(['pgrep', '-fx', 'sleep 3600'])).code === 1 ? true : undefined,
  );
  await eventually('their containers are gone', 40, async () =>
    (await machine.succeed(['ctr', '-n', 'k8s.io', 'containers', 'list', '-q'])).trim() === '' ? true : undefined,
  );
  await cluster.kubectl('run', 'three', '--image=localhost/microshift/busybox:1', '--', 'sleep', '3600');
  await cluster.kubectl('wait', '--for=condition=Ready', 'pod/three', '--timeout=60s');
});

test('uninstall takes our containers and leaves the runtime', async () => {
  const result = await machine.run(['/root/microshift/uninstall.sh', '--yes'], { timeoutSeconds: 120 });
  assert.equal(result.code, 0, result.stdout + result.stderr);
  assert.equal((await machine.succeed(['systemctl', 'is-active', 'containerd'])).trim(), 'active');
  assert.equal((await machine.succeed(['ctr', '-n', 'k8s.io', 'containers', 'list', '-q'])).trim(), '');
  assert.doesNotMatch(await machine.shell('ps -eo args='), /sleep 3600|microshift run|haproxy/);
});
