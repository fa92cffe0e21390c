// One installed machine for the tests of this folder: starting a machine costs more than most of them.
import { after, before } from 'node:test';
import { Machine, removeRoot } from '#kit/machine/machine.ts';
import { Cluster } from '../story/cluster.ts';
import { preparedRoot } from '../story/prepared.ts';

const name = 'ms-apps';
let started: { readonly root: string; readonly machine: Machine; readonly cluster: Cluster } | undefined;

before(async () => {
  const { root } = await preparedRoot(name);
  const machine = await Machine.boot({ name, root, init: 'reaper' });
  started = { root, machine, cluster: new Cluster(machine) };
  await machine.succeed(['/root/microshift/install.sh'], { timeoutSeconds: 240 });
});

after(async () => {
  await started?.machine.halt();
  if (started !== undefined && process.env.MICROSHIFT_TEST_KEEP !== 'true') removeRoot(started.root);
});

/** To be called in tests and their hooks. */
export function shared(): { readonly machine: Machine; readonly cluster: Cluster } {
  if (started === undefined) throw new Error('the shared machine did not start');
  return started;
}
