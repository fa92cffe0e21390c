// What the node agent itself costs on a real containerd, without store, scheduler and controllers: one Pod and many at once
// from create to Ready, and the calls to the runtime. Run with: node test/e2e/node/run.ts --measure [PODS]
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { podIsReady } from '#rules/pod-is-ready.ts';
import { busyboxImageName } from '../../../scripts/images/stock-images.ts';
import { startTestNode } from './cluster.ts';
import { startTestMachine } from './machine.ts';

// What the machine and the agent wait for does not keep a process alive by itself.
const alive = setInterval(() => undefined, 60_000);
const count = Number(process.argv[2] ?? 50);
const machine = await startTestMachine();
const node = await startTestNode(machine);
const calls = node.calls;
const spec = { containers: [{ name: 'main', image: busyboxImageName, command: ['sleep', '1000'] }] };
const ready = async (names: readonly string[]): Promise<number> => {
  const began = performance.now();
  await Promise.all(names.map((name) => node.createPod({ name, spec })));
  const { promise, resolve } = Promise.withResolvers<void>();
  const check = () => {
    if (
      names.every((name) => {
        const pod = node.pods.get('default', name);
        return pod !== undefined && podIsReady(pod);
      })
    )
      resolve();
  };
  using _listening = node.pods.onChange(check);
  check();
  await promise;
  return performance.now() - began;
};
const show = (what: string) => {
  console.log(what, JSON.stringify(Object.fromEntries([...calls].toSorted((a, b) => b[1] - a[1]))));
  calls.clear();
};
const gone = (names: readonly string[]) =>
  node.until('gone', async () => names.every((name) => node.pods.get('default', name) === undefined), 60_000);
try {
  const times: number[] = [];
  for (let index = 0; index < 5; index++) {
    calls.clear();
    times.push(await ready([`one-${index}`]));
    if (index === 4) show('calls of one Pod, create to Ready:');
  }
  console.log('one Pod, create to Ready, ms:', times.map(Math.round).join(' '));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  calls.clear();
  const used = process.cpuUsage();
  const written = node.writes();
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const idle = process.cpuUsage(used);
  console.log(
    'idle with 5 Pods, 10 s: CPU ms',
    Math.round((idle.user + idle.system) / 1000),
    'writes',
    node.writes() - written,
  );
  show('calls while idle:');
  const names = Array.from({ length: count }, (_, index) => `many-${index}`);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const before = process.cpuUsage();
  const statuses = node.writes();
  const took = await ready(names);
  const cpu = process.cpuUsage(before);
  delay.disable();
  console.log(
    `${count} Pods at once, s:`,
    (took / 1000).toFixed(2),
    'CPU s',
    ((cpu.user + cpu.system) / 1e6).toFixed(2),
    'API writes',
    node.writes() - statuses,
    'loop delay p99 ms',
    (delay.percentile(99) / 1e6).toFixed(1),
  );
  show(`calls of ${count} Pods:`);
  const all = [...names, ...times.map((_, index) => `one-${index}`)];
  const began = performance.now();
  await Promise.all(all.map((name) => node.api.delete(`/api/v1/namespaces/default/pods/${name}`)));
  await gone(all);
  console.log('deleted, s:', ((performance.now() - began) / 1000).toFixed(2));
} finally {
  await node.close();
  await machine.close();
  clearInterval(alive);
}
