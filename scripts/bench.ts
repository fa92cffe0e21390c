// `npm run bench`: starts the built product on a test machine of its own (closed network) and prints what it costs, beside the
// budget. `--json FILE` writes the figures; `--idle-seconds N` sets how long idleness is watched (default 60), `--load-seconds N`
// how long each kind of load lasts (default 5; 0: none). What the figures mean: docs/performance.md.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { eventually } from '#kit/machine/command.ts';
import { removeRoot, Machine } from '#kit/machine/machine.ts';
import { preparedRoot } from '../test/e2e/story/prepared.ts';
import { apiLoad } from './bench/api-load.ts';
import { idleFigures, type IdleFigures } from './bench/idle.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    'idle-seconds': { type: 'string', default: '60' },
    pods: { type: 'string', default: '50' },
    'load-seconds': { type: 'string', default: '5' },
  },
});
const supervise = '/usr/local/libexec/microshift-supervise';

interface Figure {
  readonly quantity: string;
  readonly value: number;
  readonly unit: string;
  readonly budget: number;
}
const figures: Figure[] = [];
/** The budgets are those of the design; what the quantity should be, less or more, says `better`. */
function report(quantity: string, value: number, unit: string, budget: number, better: 'less' | 'more' = 'less'): void {
  figures.push({ quantity, value: Math.round(value * 1000) / 1000, unit, budget });
  const isKept = better === 'less' ? value <= budget : value >= budget;
  const verdict = isKept ? '' : better === 'less' ? '   OVER' : '   UNDER';
  console.log(`${quantity.padEnd(58)} ${value.toFixed(2).padStart(9)} ${unit.padEnd(10)} budget ${budget}${verdict}`);
}
/** Answers a second, in the order of bench/api-load.ts: four and five times upstream's. */
const loadBudgets = [23_650, 2_932, 6_600, 10_120, 1_072];

async function timeStart(machine: Machine): Promise<{ readyzMs: number; allMs: number }> {
  const probe = machine.succeed(
    ['node', '/root/microshift/test/kit/ready-probe.mjs', 'https://127.0.0.1:6443/readyz', '60'],
    { timeoutSeconds: 70 },
  );
  const began = Date.now();
  await machine.succeed([supervise, 'start']);
  const readyzMs = Number((await probe).trim()) - began;
  await machine.succeed(['microshift', 'wait', '--timeout', '60'], { timeoutSeconds: 70 });
  return { readyzMs, allMs: Date.now() - began };
}

const { root } = await preparedRoot('ms-bench');
const machine = await Machine.boot({ name: 'ms-bench', root, init: 'reaper' });
try {
  const first = await timeStart(machine);
  report('first start, exec to /readyz (keys made)', first.readyzMs / 1000, 's', 0.8);
  report('first start, everything ready (images imported)', first.allMs / 1000, 's', 3);
  await machine.succeed([supervise, 'stop']);
  const later = await timeStart(machine);
  report('later start, exec to /readyz', later.readyzMs / 1000, 's', 0.4);
  report('later start, everything ready', later.allMs / 1000, 's', 3);

  // Idle as a machine in use is: an application runs, its Pods are probed.
  await machine.succeed(['microshift', 'kubeconfig', 'merge', '--into', '/root/.kube/config']);
  const kubectl = ['kubectl', '--context', 'microshift'];
  await machine.succeed([...kubectl, 'apply', '-k', '/root/microshift/examples/hello']);
  await machine.succeed([...kubectl, '-n', 'hello', 'rollout', 'status', 'deployment/hello', '--timeout=60s'], {
    timeoutSeconds: 70,
  });
  const idleSeconds = Number(options['idle-seconds']);
  await machine.shell(`sleep ${Math.min(30, idleSeconds)}`);
  const idle: IdleFigures = await idleFigures(machine, idleSeconds);
  report('idle resident memory, MicroShift and router', idle.residentMb, 'MB', 150);
  report('  of it anonymous', idle.anonymousMb, 'MB', 150);
  report(`idle CPU over ${idleSeconds} s`, idle.cpuPercent, '% of a core', 0.5);
  report(`idle disk writes over ${idleSeconds} s`, idle.writtenKbPerSecond, 'KB/s', 1);

  report('one Pod, create to Ready, median of 5', await podStart(machine, 5), 's', 0.4);
  report(`${options.pods} Pods at once, all Ready`, await podsAtOnce(machine, Number(options.pods)), 's', 6.5);

  const loadSeconds = Number(options['load-seconds']);
  if (loadSeconds > 0) {
    for (const [index, load] of (await apiLoad(machine, loadSeconds)).entries()) {
      report(load.name, load.perSecond, '/s', loadBudgets[index]!, 'more');
      report('  its p99', load.p99Ms, 'ms', 20);
      report('  p99 of a light request meanwhile (event-loop delay)', load.lightP99Ms, 'ms', 20);
    }
    const after = await idleFigures(machine, 60);
    report('resident memory a minute after that load', after.residentMb, 'MB', 250);
  }
} finally {
  await machine.halt();
  removeRoot(root);
}
if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(figures, undefined, 2));

async function podStart(on: Machine, times: number): Promise<number> {
  const kubectl = ['kubectl', '--context', 'microshift'];
  const durations: number[] = [];
  for (let index = 0; index < times; index++) {
    const manifest = podManifest(`one-${index}`, 'one');
    // Measured by the server's own times: creationTimestamp has whole seconds only, so by the watch of a waiting client.
    const wait = on.succeed([...kubectl, 'wait', '--for=create', `pod/one-${index}`, '--timeout=20s'], {
      timeoutSeconds: 30,
    });
    const ready = wait.then(() =>
      on.succeed([...kubectl, 'wait', '--for=condition=Ready', `pod/one-${index}`, '--timeout=20s'], {
        timeoutSeconds: 30,
      }),
    );
    await on.shell('sleep 0.5');
    const began = performance.now();
    await on.succeed([...kubectl, 'create', '-f', '-'], { input: manifest });
    await ready;
    durations.push((performance.now() - began) / 1000);
    await on.succeed([...kubectl, 'delete', 'pod', `one-${index}`, '--grace-period=1'], { timeoutSeconds: 60 });
  }
  return durations.toSorted((a, b) => a - b)[Math.floor(times / 2)]!;
}

async function podsAtOnce(on: Machine, count: number): Promise<number> {
  const kubectl = ['kubectl', '--context', 'microshift'];
  const manifest = Array.from({ length: count }, (_, index) => podManifest(`many-${index}`, 'many')).join('---\n');
  const began = performance.now();
  await on.succeed([...kubectl, 'create', '-f', '-'], { input: manifest, timeoutSeconds: 60 });
  await eventually('all Pods are ready', 120, async () => {
    const states = await on.succeed([
      ...kubectl,
      'get',
      'pods',
      '-l',
      'set=many',
      '-o',
      'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}',
    ]);
    return states.split('\n').filter((state) => state === 'True').length === count ? true : undefined;
  });
  const seconds = (performance.now() - began) / 1000;
  await on.succeed([...kubectl, 'delete', 'pods', '-l', 'set=many', '--grace-period=1'], { timeoutSeconds: 120 });
  return seconds;
}

function podManifest(name: string, set: string): string {
  return `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, labels: {set: ${set}}}\nspec:\n  terminationGracePeriodSeconds: 1\n  containers: [{name: c, image: "localhost/microshift/busybox:1", command: [sleep, "3600"]}]\n`;
}
