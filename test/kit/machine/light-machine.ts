// A test machine made in a second: this host's programs and the project's sources, with its own network, process, mount, host
// name, IPC and cgroup namespaces, and empty directories where a cluster keeps its state. Machines of one `Lan` share a bridge.
// Nothing has a way out. What a fresh Debian lacks is not seen here: that is machine.ts.
import { type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  eventually,
  run,
  RunningCommand,
  start,
  succeed,
  succeedNow,
  type CommandOptions,
  type CommandResult,
} from './command.ts';

const cgroupRoot = '/sys/fs/cgroup';
const hierarchies = (): readonly string[] =>
  existsSync(`${cgroupRoot}/cgroup.controllers`) ? ['.'] : readdirSync(cgroupRoot);
/** Empty and of its own in each machine. */
const ownDirectories = [
  '/run',
  '/var/lib/microshift',
  '/var/lib/kubelet',
  '/var/lib/cni',
  '/var/log/pods',
  '/var/log/containers',
  '/var/hpvolumes',
  '/opt/cni',
];
const sources = path.resolve(import.meta.dirname, '../../../src/main.ts');

/** A network namespace with a bridge. */
export class Lan implements Disposable {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
    succeedNow(['ip', 'netns', 'add', name]);
    for (const command of [
      ['link', 'set', 'lo', 'up'],
      ['link', 'add', 'lan', 'type', 'bridge'],
      ['link', 'set', 'lan', 'up'],
    ])
      succeedNow(['ip', '-n', name, ...command]);
  }
  [Symbol.dispose](): void {
    succeedNow(['ip', 'netns', 'delete', this.name]);
  }
}

export interface LightMachineOptions {
  /** Short, unique on this host. */
  readonly name: string;
  readonly lan: Lan;
  /** Of its only link, with prefix length; all within one range, without a router. */
  readonly address: string;
  /** Directory with images to preload. */
  readonly images?: string | undefined;
}

export class LightMachine implements AsyncDisposable {
  readonly name: string;
  /** Seen by the machine, too. */
  readonly directory: string;
  readonly #child: ChildProcess;
  readonly #initPid: number;
  readonly #running: RunningCommand[] = [];

  private constructor(name: string, directory: string, child: ChildProcess, initPid: number) {
    this.name = name;
    this.directory = directory;
    this.#child = child;
    this.#initPid = initPid;
  }

  static async boot(options: LightMachineOptions): Promise<LightMachine> {
    const { name, lan } = options;
    const directory = mkdtempSync(path.join(tmpdir(), `${name}-`));
    succeedNow(['ip', 'netns', 'add', name]);
    succeedNow([
      'ip',
      '-n',
      lan.name,
      'link',
      'add',
      `v${name}`,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      name,
    ]);
    for (const [namespace, command] of [
      [lan.name, ['link', 'set', `v${name}`, 'master', 'lan', 'up']],
      [name, ['link', 'set', 'lo', 'up']],
      [name, ['link', 'set', 'eth0', 'up']],
      [name, ['address', 'add', options.address, 'dev', 'eth0']],
    ] as const)
      succeedNow(['ip', '-n', namespace, ...command]);
    for (const hierarchy of hierarchies()) {
      const own = path.join(cgroupRoot, hierarchy, name);
      mkdirSync(own, { recursive: true });
      if (hierarchy === 'cpuset')
        for (const file of ['cpuset.cpus', 'cpuset.mems'])
          writeFileSync(`${own}/${file}`, readFileSync(`${cgroupRoot}/cpuset/${file}`, 'utf8').trim());
      if (hierarchy === 'cpuset') writeFileSync(`${own}/cgroup.clone_children`, '1');
    }
    const child = start(['sh', '-c', bootScript(options, directory)]);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const initPid = await eventually(`${name} runs`, 15, async () => {
      if (child.exitCode !== null) throw new Error(`the machine ended at once: ${output}`);
      const file = path.join(directory, 'booted');
      if (!existsSync(file)) return undefined;
      // The child of unshare: the first process in the new PID namespace.
      return Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')[0]);
    });
    return new LightMachine(name, directory, child, initPid);
  }
  #enter(command: readonly string[]): string[] {
    const join = hierarchies().map((one) => `echo 0 > ${cgroupRoot}/${one}/${this.name}/cgroup.procs`);
    const enter = ['nsenter', '-t', String(this.#initPid), '-m', '-u', '-i', '-n', '-p', '-C'];
    return ['sh', '-c', `${join.join('; ')}; exec "$@"`, 'enter', ...enter, ...command];
  }
  run(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return run(this.#enter(command), options);
  }
  succeed(command: readonly string[], options: CommandOptions = {}): Promise<string> {
    return succeed(this.#enter(command), options);
  }
  /** Goes on until it is stopped. */
  start(command: readonly string[]): RunningCommand {
    const running = new RunningCommand(this.#enter([]), command);
    this.#running.push(running);
    return running;
  }
  /** `microshift` from the sources. */
  microshift(...args: readonly string[]): string[] {
    return [process.execPath, '--disable-warning=ExperimentalWarning', sources, ...args];
  }
  /** As a client on this machine, with a kubeconfig (api-call.ts). Rejects for an answer from 400 on. */
  ask(kubeconfig: string, method: string, pathAndQuery: string, body?: object): Promise<string> {
    return this.succeed(apiCall(kubeconfig, method, pathAndQuery, body));
  }
  async get<T>(kubeconfig: string, pathAndQuery: string): Promise<T> {
    return JSON.parse(await this.ask(kubeconfig, 'GET', pathAndQuery)) as T;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.splice(0).map((one) => one.stop()));
    process.kill(this.#initPid, 'SIGKILL');
    await eventually(`${this.name} has ended`, 20, async () =>
      this.#child.exitCode !== null || this.#child.signalCode !== null ? true : undefined,
    );
    succeedNow(['ip', 'netns', 'delete', this.name]);
    for (const hierarchy of hierarchies()) await removeCgroup(path.join(cgroupRoot, hierarchy, this.name));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export const apiCall = (kubeconfig: string, method: string, pathAndQuery: string, body?: object): string[] => [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  path.join(import.meta.dirname, 'api-call.ts'),
  kubeconfig,
  method,
  pathAndQuery,
  ...(body === undefined ? [] : [JSON.stringify(body)]),
];

/** Groups are free a moment after their last process ended. */
const removeCgroup = (directory: string): Promise<boolean> =>
  eventually(`${directory} is free`, 10, async () => {
    const remove = (one: string): void => {
      for (const entry of readdirSync(one, { withFileTypes: true }))
        if (entry.isDirectory()) remove(path.join(one, entry.name));
      rmdirSync(one);
    };
    if (existsSync(directory)) remove(directory);
    return true;
  });

function bootScript({ name, images }: LightMachineOptions, directory: string): string {
  const groups = hierarchies();
  const join = groups.map((one) => `echo $$ > ${cgroupRoot}/${one}/${name}/cgroup.procs`);
  const mountCgroup = (one: string): string => {
    const target = `${cgroupRoot}/${one}`;
    if (one === 'unified') return `mkdir ${target}; mount -t cgroup2 cgroup2 ${target}`;
    return `mkdir ${target}; mount -t cgroup -o ${one === 'systemd' ? 'none,name=systemd' : one} cgroup ${target}`;
  };
  const inner = [
    'set -e',
    'mount -t proc proc /proc',
    'mount -t sysfs sysfs /sys',
    ...(groups.includes('.')
      ? [`mount -t cgroup2 cgroup2 ${cgroupRoot}`]
      : [`mount -t tmpfs -o mode=755 tmpfs ${cgroupRoot}`, ...groups.map(mountCgroup)]),
    // A file system of the disk's kind, not tmpfs, below containerd: its overlays lie there.
    ...ownDirectories.map((one) => {
      const own = `${directory}/state${one}`;
      return `mkdir -p ${own} ${one}; mount --bind ${own} ${one}`;
    }),
    'mount -t tmpfs -o mode=755 tmpfs /run',
    `cp -a /etc ${directory}/etc; mount --bind ${directory}/etc /etc; rm -rf /etc/microshift /etc/cni/net.d`,
    ...(images === undefined
      ? []
      : [`mkdir -p /usr/local/share/microshift/images; mount --bind ${images} /usr/local/share/microshift/images`]),
    `echo ${name} > /etc/hostname; hostname ${name}`,
    'mount --make-rshared /',
    `: > ${directory}/booted`,
    'trap "exit 0" TERM; while :; do sleep 3600 & wait "$!"; done',
  ];
  return [
    ...join,
    `exec nsenter --net=/run/netns/${name} unshare -m -p -u -i -C --fork --kill-child --propagation private sh -c '${inner.join('\n').replaceAll("'", `'\\''`)}'`,
  ].join('\n');
}
