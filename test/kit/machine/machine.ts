// A test machine: a Debian root of its own in its own network, process, mount, host name, IPC and cgroup namespaces, joined by a
// veth pair to a second network namespace that plays "another host on the LAN". Neither has a way out.
import { type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, rmdirSync, writeFileSync, cpSync } from 'node:fs';
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

export interface MachineOptions {
  /** Short, unique on this host: names namespaces, links, cgroups. */
  readonly name: string;
  /** The Debian root; changed by what runs in it. */
  readonly root: string;
  /** `systemd`: Debian's own as process 1. `reaper`: a shell that only reaps. */
  readonly init: 'systemd' | 'reaper';
  /** `closed`: no way out, the default. `registries`: this host's network, only to install packages; no cluster is started there. */
  readonly network?: 'closed' | 'registries';
}

const cgroupRoot = '/sys/fs/cgroup';
const linkAddress = { inside: '192.168.77.2', outside: '192.168.77.1' } as const;

const reaperScript = 'trap "exit 0" TERM; while :; do sleep 3600 & wait "$!"; done';
const commandPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export class Machine implements AsyncDisposable {
  readonly options: MachineOptions;
  readonly address = linkAddress.inside;
  readonly #process: ChildProcess;
  readonly #initPid: number;

  readonly #cgroups: readonly string[];
  readonly #running: RunningCommand[] = [];

  private constructor(options: MachineOptions, cgroups: readonly string[], process_: ChildProcess, initPid: number) {
    this.options = options;
    this.#cgroups = cgroups;
    this.#process = process_;
    this.#initPid = initPid;
  }

  static async boot(options: MachineOptions): Promise<Machine> {
    const { name, root } = options;
    removeLeftovers(name);
    const [inside, outside] = [name, `${name}-lan`];
    const closed = options.network !== 'registries';
    if (closed) joinNetworks(inside, outside);
    const cgroups = makeCgroups(name);
    const script = bootScript(root, name, cgroups, options.init);
    const child = start([...(closed ? ['nsenter', `--net=/run/netns/${inside}`] : []), 'sh', '-c', script]);
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000)));
    child.stderr?.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000)));
    const initPid = await eventually(`process 1 of ${name}`, 15, async () => {
      if (child.exitCode !== null) throw new Error(`the machine ended at once:\n${output}`);
      return findInit(child.pid!, name);
    });
    const machine = new Machine(options, cgroups, child, initPid);
    await eventually(`${name} answers`, 20, async () => ((await machine.run(['true'])).code === 0 ? true : undefined));
    if (options.init === 'systemd') {
      await eventually('systemd is up', 60, async () => {
        const state = (await machine.run(['systemctl', 'is-system-running'])).stdout.trim();
        return state === 'running' || state === 'degraded' ? state : undefined;
      });
    }
    return machine;
  }

  #enter(command: readonly string[]): string[] {
    // Joins the machine's cgroups first, so that what it starts is counted and ended with it.
    const join = this.#cgroups
      .map((hierarchy) => `echo 0 > ${cgroupRoot}/${hierarchy}/${this.options.name}/cgroup.procs`)
      .join('; ');
    return [
      'sh',
      '-c',
      `${join}; exec "$@"`,
      'enter',
      'nsenter',
      '-t',
      String(this.#initPid),
      '-m',
      '-u',
      '-i',
      '-n',
      '-p',
      '-C',
      '-r',
      '-w',
      'env',
      '-i',
      `PATH=${commandPath}`,
      'HOME=/root',
      'TERM=xterm',
      ...command,
    ];
  }
  run(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return run(this.#enter(command), options);
  }
  succeed(command: readonly string[], options: CommandOptions = {}): Promise<string> {
    return succeed(this.#enter(command), options);
  }
  start(command: readonly string[]): RunningCommand {
    return this.#remember(new RunningCommand(this.#enter([]), command));
  }
  #remember(command: RunningCommand): RunningCommand {
    this.#running.push(command);
    return command;
  }
  /** Ends what a test started and, having failed, did not stop. */
  async stopRunning(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((command) => command.stop()));
  }
  shell(script: string, options: CommandOptions = {}): Promise<string> {
    return this.succeed(['sh', '-ec', script], options);
  }
  /** On the other host of the LAN: this machine's programs, the other network. */
  runFromLan(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return run(['nsenter', `--net=/run/netns/${this.options.name}-lan`, ...command], options);
  }
  startFromLan(command: readonly string[]): RunningCommand {
    return this.#remember(new RunningCommand(['nsenter', `--net=/run/netns/${this.options.name}-lan`], command));
  }
  /** Path of a file of the machine as this process sees it. */
  file(inside: string): string {
    return path.join(this.options.root, inside);
  }
  copyIn(from: string, to: string): void {
    cpSync(from, this.file(to), { recursive: true, verbatimSymlinks: true });
  }
  write(inside: string, content: string): void {
    mkdirSync(path.dirname(this.file(inside)), { recursive: true });
    writeFileSync(this.file(inside), content);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.halt();
  }
  /** Ends every process of the machine; the root stays. */
  async halt(): Promise<void> {
    await this.stopRunning();
    try {
      process.kill(this.#initPid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
    await eventually('the machine has halted', 20, async () =>
      this.#process.exitCode !== null || this.#process.signalCode !== null ? true : undefined,
    );
    removeLeftovers(this.options.name);
  }
}

/** Two network namespaces, the machine's and the LAN's, with a veth pair between them. */
function joinNetworks(inside: string, outside: string): void {
  for (const namespace of [inside, outside]) succeedNow(['ip', 'netns', 'add', namespace]);
  succeedNow(['ip', '-n', outside, 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', inside]);
  for (const [namespace, link, address] of [
    [inside, 'eth0', linkAddress.inside],
    [outside, 'lan0', linkAddress.outside],
  ] as const) {
    succeedNow(['ip', '-n', namespace, 'address', 'add', `${address}/24`, 'dev', link]);
    succeedNow(['ip', '-n', namespace, 'link', 'set', 'lo', 'up']);
    succeedNow(['ip', '-n', namespace, 'link', 'set', link, 'up']);
  }
}

/** The child of `outer` that is process 1 of its own PID namespace. */
function findInit(outerPid: number, name: string): number | undefined {
  const tree = succeedNow(['ps', '-eo', 'pid=,ppid='])
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
  const below = new Set([outerPid]);
  for (let grew = true; grew;) {
    grew = false;
    for (const [pid, parent] of tree)
      if (below.has(parent) && !below.has(pid)) {
        below.add(pid);
        grew = true;
      }
  }
  for (const pid of below) {
    try {
      const status = succeedNow(['cat', `/proc/${pid}/status`]);
      if (/^NSpid:\s+\d+\s+1$/m.test(status) && existsSync(`/proc/${pid}/root/run/booted-${name}`)) return pid;
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined;
}

/** cgroup v1 hierarchies and the unified one, each with a group of this machine's own. */
function makeCgroups(name: string): string[] {
  const hierarchies = existsSync(`${cgroupRoot}/cgroup.controllers`) ? ['.'] : readdirSync(cgroupRoot);
  for (const hierarchy of hierarchies) {
    const directory = path.join(cgroupRoot, hierarchy, name);
    mkdirSync(directory, { recursive: true });
    if (hierarchy === 'cpuset') {
      for (const file of ['cpuset.cpus', 'cpuset.mems'])
        writeFileSync(`${directory}/${file}`, succeedNow(['cat', `${cgroupRoot}/cpuset/${file}`]).trim());
      writeFileSync(`${directory}/cgroup.clone_children`, '1');
    }
  }
  return hierarchies;
}

function bootScript(root: string, name: string, cgroups: readonly string[], init: 'systemd' | 'reaper'): string {
  const join = cgroups.map((hierarchy) => `echo $$ > ${cgroupRoot}/${hierarchy}/${name}/cgroup.procs`);
  const mounts = cgroups.includes('.')
    ? ['mount -t cgroup2 cgroup2 sys/fs/cgroup']
    : [
        'mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup',
        ...cgroups.map((hierarchy) => {
          const target = `sys/fs/cgroup/${hierarchy}`;
          if (hierarchy === 'unified') return `mkdir ${target}; mount -t cgroup2 cgroup2 ${target}`;
          if (hierarchy === 'systemd') return `mkdir ${target}; mount -t cgroup -o none,name=systemd cgroup ${target}`;
          return `mkdir ${target}; mount -t cgroup -o ${hierarchy} cgroup ${target}`;
        }),
      ];
  const inner = [
    'set -e',
    `mount --bind ${root} ${root}`,
    `cd ${root}`,
    'mount -t proc proc proc',
    'mount -t sysfs sysfs sys',
    ...mounts,
    'mount -t tmpfs -o mode=755 tmpfs dev',
    'for node in null zero full random urandom tty kmsg fuse; do if [ -e /dev/$node ]; then : > dev/$node; mount --bind /dev/$node dev/$node; fi; done',
    'ln -s /proc/self/fd dev/fd; ln -s /proc/self/fd/0 dev/stdin; ln -s /proc/self/fd/1 dev/stdout; ln -s /proc/self/fd/2 dev/stderr',
    'mkdir dev/pts dev/shm; mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts; ln -s pts/ptmx dev/ptmx; mount -t tmpfs tmpfs dev/shm',
    'mount -t tmpfs -o mode=755 tmpfs run',
    'mount -t tmpfs -o mode=1777 tmpfs tmp',
    `hostname ${name}`,
    `: > run/booted-${name}`,
    'mkdir -p .old-root; pivot_root . .old-root; cd /; umount -l /.old-root; rmdir /.old-root',
    'mount --make-rshared /',
    init === 'systemd'
      ? 'exec env -i container=other /lib/systemd/systemd'
      : `exec env -i PATH=${commandPath} bash -c '${reaperScript}' </dev/null >/dev/null 2>&1`,
  ];
  return [
    ...join,
    `exec unshare -m -p -u -i -C --fork --kill-child --propagation private sh -c '${inner.join('\n').replaceAll("'", `'\\''`)}'`,
  ].join('\n');
}

/** Namespaces and cgroups that a machine of this name left behind. */
function removeLeftovers(name: string): void {
  const namespaces = succeedNow(['ip', 'netns', 'list'])
    .split('\n')
    .map((line) => line.split(' ')[0]);
  for (const namespace of [name, `${name}-lan`])
    if (namespaces.includes(namespace)) succeedNow(['ip', 'netns', 'delete', namespace]);
  const remove = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true }))
      if (entry.isDirectory()) remove(path.join(directory, entry.name));
    rmdirSync(directory);
  };
  const hierarchies = existsSync(`${cgroupRoot}/cgroup.controllers`) ? ['.'] : readdirSync(cgroupRoot);
  for (const hierarchy of hierarchies) {
    const directory = path.join(cgroupRoot, hierarchy, name);
    if (!existsSync(directory)) continue;
    for (let attempt = 0; existsSync(directory); attempt++) {
      try {
        remove(directory);
      } catch (error) {
        if (attempt > 50) throw error;
        succeedNow(['sleep', '0.1']);
      }
    }
  }
}

/** Removes a machine's root; the machine must have halted. */
export function removeRoot(root: string): void {
  rmSync(root, { recursive: true, force: true });
}
