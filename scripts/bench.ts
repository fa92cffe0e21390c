// `npm run bench`: starts the built product on a test machine of its own (closed network), upstream's control plane on another where
// its binaries are given, and prints what each costs, beside the budget. What the figures mean: docs/performance.md.
import { statSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { succeedNow } from '#kit/machine/command.ts';
import { Machine, removeRoot } from '#kit/machine/machine.ts';
import { preparedRoot } from '../test/e2e/story/prepared.ts';
import { apiLoads, type LoadFigures } from './bench/api-load.ts';
import { idleFigures, memoryOf } from './bench/idle.ts';
import { checkBinaries, Peer, peerPrograms } from './bench/peer.ts';
import { podFigures } from './bench/pods.ts';
import {
  markdown,
  ratiosOf,
  regressions,
  table,
  tableHead,
  tableLine,
  toJson,
  worseMax,
  type Figure,
} from './bench/report.ts';
import { partOf, parts, rows, type Part } from './bench/rows.ts';
import { timeOurStart, timeStarts } from './bench/starts.ts';
import { alone, type Programs, type Subject } from './bench/subject.ts';

const help = `npm run bench -- [options]

  --peer-binaries FOLDER   measure upstream beside it: a folder with ${peerPrograms.join(', ')}
  --json FILE              write the figures, for --gate and for the record
  --markdown FILE          write them as a table for docs/performance.md
  --gate BASELINE          a file of --json: exit code 1 and the rows' names when a ratio to upstream is more than ${worseMax * 100} % worse than there
  --parts LIST             of ${parts.join(', ')}; all by default
  --idle-seconds N         how long idleness is watched (150)
  --load-seconds N         how long a round of a load lasts (5)
  --rounds N               rounds of starts and loads, of which the median counts (3)
  --pods N                 how many Pods at once (50)

Examples:
  npm run bench                                                        MicroShift alone, with its budgets
  npm run bench -- --peer-binaries ~/upstream/bin --json now.json       beside upstream, every row; 10 to 12 minutes
  npm run bench -- --peer-binaries ~/upstream/bin --gate baseline.json  fails on a regression
  npm run bench -- --parts idle --idle-seconds 600                      what ten idle minutes write
  npm run bench -- --parts load --rounds 1 --load-seconds 2             a quick look while working on a request's way`;

const { values: options } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    'peer-binaries': { type: 'string' },
    json: { type: 'string' },
    markdown: { type: 'string' },
    gate: { type: 'string' },
    parts: { type: 'string', default: parts.join(',') },
    'idle-seconds': { type: 'string', default: '150' },
    'load-seconds': { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    pods: { type: 'string', default: '50' },
  },
});
if (options.help) {
  console.log(help);
  process.exit(0);
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
function whole(name: 'idle-seconds' | 'load-seconds' | 'rounds' | 'pods'): number {
  const value = Number(options[name]);
  return Number.isInteger(value) && value > 0
    ? value
    : fail(`--${name} wants a whole number above 0, not ${options[name]}.`);
}
const [idleSeconds, loadSeconds, rounds, podCount] = [
  whole('idle-seconds'),
  whole('load-seconds'),
  whole('rounds'),
  whole('pods'),
];
const wanted = options.parts
  .split(',')
  .map((name) => parts.find((part) => part === name) ?? fail(`--parts has no ${name}: ${parts.join(', ')}.`));
const wants = (part: Part): boolean => wanted.includes(part);
const binaries = options['peer-binaries'];
// What is wrong with these is told now, not after ten minutes.
if (binaries !== undefined) checkBinaries(binaries);
const baseline = options.gate === undefined ? undefined : ratiosOf(readFileSync(options.gate, 'utf8'));
if (baseline !== undefined && binaries === undefined)
  fail('--gate compares ratios to upstream: it needs --peer-binaries.');

const circumstances = {
  date: new Date().toISOString(),
  commit: succeedNow(['git', '-C', import.meta.dirname, 'describe', '--always', '--dirty']).trim(),
  machine: `${cpus().length} cores (${cpus()[0]!.model}), ${Math.round(totalmem() / 1024 ** 3)} GB, Linux ${succeedNow(['uname', '-r']).trim()}`,
  loadAverage: loadavg()[0]!,
  options: process.argv
    .slice(2)
    .filter((one) => !one.includes('/'))
    .join(' '),
};
console.log(`${circumstances.machine}; load average ${circumstances.loadAverage.toFixed(2)}; ${circumstances.commit}`);

const figures = new Map<string, Figure>();
function report(id: string, ours: number, peer?: number): void {
  const row = rows.find((one) => one.id === id)!;
  if (figures.size === 0) console.log(tableHead);
  figures.set(id, { ours, peer });
  console.log(tableLine(row, { ours, peer }));
}

const ourPrograms = ['microshift', 'haproxy', 'nft'];
const kubectl = ['kubectl', '--context', 'microshift'];
const machines: Machine[] = [];
async function boot(name: string): Promise<Machine> {
  const { root } = await preparedRoot(name);
  const machine = await Machine.boot({ name, root, init: 'reaper' });
  machines.push(machine);
  return machine;
}

try {
  const machine = await boot('ms-bench');
  const otherMachine = await boot('ms-bench-two');
  const ours: Subject = { machine, server: `https://${machine.address}:6443`, kubectl, programs: ourPrograms };
  const peer = binaries === undefined ? undefined : Peer.install(otherMachine, path.resolve(binaries));
  const peers = peer === undefined ? [] : [peer];

  if (wants('start')) {
    const { first, later, peer: upstream } = await timeStarts(machine, peer, rounds);
    report('first-readyz', first.readyzSeconds, upstream?.first.readyzSeconds);
    report('first-ready', first.allSeconds!);
    report('later-readyz', later.readyzSeconds, upstream?.later.readyzSeconds);
    report('later-ready', later.allSeconds!);
  } else await timeStarts(machine, peer, 1);
  await machine.succeed(['microshift', 'kubeconfig', 'merge', '--into', '/root/.kube/config']);

  if (wants('idle')) await idle(ours, peers, otherMachine);
  if (wants('pods')) {
    const measured = await alone(peers, () => podFigures(ours, podCount, Math.min(60, idleSeconds)));
    report('one-pod', measured.oneSeconds);
    // The row and its budget are those of fifty.
    if (podCount === 50) report('pods', measured.manySeconds);
    else console.log(`${podCount} Pods at once, all Ready: ${measured.manySeconds.toFixed(2)} s`);
    report('full-memory', measured.full.memoryMb);
    report('full-cpu', measured.full.cpuPercent);
  }
  if (wants('load')) {
    for (const [id, [here, there]] of await apiLoads([ours, ...peers], loadSeconds, rounds)) {
      const each = (suffix: string, read: (one: LoadFigures) => number) =>
        report(`${id}${suffix}`, read(here!), there === undefined ? undefined : read(there));
      each('', (one) => one.perSecond);
      each('-p99', (one) => one.p99Ms);
      each('-light', (one) => one.lightP99Ms);
      if (here!.turnP99Ms !== undefined) report(`${id}-turn`, here!.turnP99Ms);
    }
    await sleep(60_000);
    const [here, there] = await Promise.all([ours, ...peers].map(memoryOf));
    report('load-memory', here!.residentMb, there?.residentMb);
  }
  if (wants('size')) {
    const bytes = (file: string) => statSync(file).size / 1e6;
    const server = binaries === undefined ? undefined : bytes(path.join(binaries, 'kube-apiserver'));
    report('executable', bytes(machine.file('/usr/local/bin/microshift')), server);
  }
} finally {
  for (const machine of machines.toReversed()) {
    await machine.halt();
    removeRoot(machine.options.root);
  }
}

/** As a machine in use is: an application runs, its Pods are probed. A control plane alone idles on the other machine. */
async function idle(ours: Subject, peers: readonly Peer[], otherMachine: Machine): Promise<void> {
  const { machine } = ours;
  await machine.succeed([...kubectl, 'apply', '-k', '/root/microshift/examples/hello']);
  const rollout = ['-n', 'hello', 'rollout', 'status', 'deployment/hello', '--timeout=60s'];
  await machine.succeed([...kubectl, ...rollout], { timeoutSeconds: 70 });
  otherMachine.write('/etc/microshift/config.d/10-bench.yaml', 'roles: [controlplane]\n');
  await timeOurStart(otherMachine);
  const controlPlane: Programs = { machine: otherMachine, programs: ourPrograms };
  // Until what the starts left is collected: 10 s for the look, 10 s to settle.
  await sleep(30_000);
  const [whole_, small, upstream] = await idleFigures([ours, controlPlane, ...peers], idleSeconds);
  report('idle-memory', whole_!.residentMb);
  report('idle-anonymous', whole_!.anonymousMb);
  report('idle-memory-control-plane', small!.residentMb, upstream?.residentMb);
  report('idle-anonymous-control-plane', small!.anonymousMb, upstream?.anonymousMb);
  report('idle-cpu', whole_!.cpuPercent, upstream?.cpuPercent);
  report('idle-writes', whole_!.writtenKbPerSecond, upstream?.writtenKbPerSecond);
  if (whole_!.syncsIn30Seconds === undefined)
    console.log('idle syncs: this kernel does not let us count them (tracefs)');
  else report('idle-fsyncs', whole_!.syncsIn30Seconds, upstream?.syncsIn30Seconds);
  await otherMachine.succeed(['/usr/local/libexec/microshift-supervise', 'stop'], { timeoutSeconds: 70 });
}

console.log(`\n${table(figures)}`);
if (options.json !== undefined) writeFileSync(options.json, toJson(figures, circumstances));
if (options.markdown !== undefined) writeFileSync(options.markdown, `${markdown(figures)}\n`);
if (baseline !== undefined) {
  const worse = regressions(figures, baseline, (id) => wants(partOf(id)));
  for (const line of worse) console.error(`WORSE: ${line}`);
  if (worse.length > 0) process.exitCode = 1;
  else console.log(`\nNo ratio is more than ${worseMax * 100} % worse than in ${options.gate}.`);
}
