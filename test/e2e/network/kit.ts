// A closed network for a test: a node and pods as network namespaces joined by a bridge, no way out. Services of the product
// run in a child process inside the node's namespace (runner.ts), so that it can be killed and started again.
import { spawn, execFileSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { KindReference, KubernetesObject } from '#api/kind.ts';

export const missing: string | undefined =
  process.getuid?.() !== 0
    ? 'needs root'
    : ['/usr/sbin/nft', '/usr/sbin/haproxy', '/usr/sbin/conntrack'].find((file) => !existsSync(file));

let counter = 0;
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export class Network implements AsyncDisposable {
  readonly #prefix = `mst${process.pid}x${counter++}`;
  readonly #namespaces: string[] = [];
  readonly #children: ChildProcess[] = [];
  readonly node: string;

  /** `prepared`: with what the pod network (cni/pod-network.ts) would make. */
  constructor(prepared = true) {
    this.node = this.#namespace('node');
    if (!prepared) return;
    this.ip(this.node, 'link add cni0 type bridge');
    this.ip(this.node, 'address add 10.42.0.1/24 dev cni0');
    this.ip(this.node, 'link set cni0 up');
    this.in(this.node, ['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1', 'net.bridge.bridge-nf-call-iptables=1']);
  }

  namespace(name: string): string {
    return this.#namespace(name);
  }

  #namespace(name: string): string {
    const namespace = `${this.#prefix}-${name}`;
    execFileSync('ip', ['netns', 'add', namespace]);
    this.#namespaces.push(namespace);
    this.ip(namespace, 'link set lo up');
    return namespace;
  }

  ip(namespace: string, command: string): void {
    this.in(namespace, ['ip', ...command.split(' ')]);
  }

  enter(namespace: string): readonly string[] {
    return ['nsenter', `--net=/run/netns/${namespace}`];
  }

  in(namespace: string, command: readonly string[], timeoutMs = 10_000): string {
    const [program, ...args] = [...this.enter(namespace), ...command];
    return execFileSync(program!, args, { encoding: 'utf8', timeout: timeoutMs, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** A namespace on the node's bridge, as a Pod has it. */
  pod(address: string): string {
    const number = address.split('.')[3];
    const namespace = this.#namespace(`p${number}`);
    this.ip(this.node, `link add veth${number} type veth peer name eth0 netns ${namespace}`);
    this.ip(this.node, `link set veth${number} master cni0 up`);
    this.in(this.node, ['bridge', 'link', 'set', 'dev', `veth${number}`, 'hairpin', 'on']);
    this.ip(namespace, `address add ${address}/24 dev eth0`);
    this.ip(namespace, 'link set eth0 up');
    this.ip(namespace, 'route add default via 10.42.0.1');
    return namespace;
  }

  /** IPv6 for the node and namespaces that are there: fd01::N as 10.42.0.N, and outside 2001:db8::1 and ::2. */
  addSixth(pods: readonly string[], outside: string): void {
    const bridged = ['net.ipv6.conf.all.forwarding=1', 'net.bridge.bridge-nf-call-ip6tables=1'];
    this.in(this.node, ['sysctl', '-q', '-w', ...bridged]);
    this.ip(this.node, '-6 address add fd01::1/64 dev cni0 nodad');
    this.ip(this.node, '-6 route add fd02::/112 dev cni0 src fd01::1');
    this.ip(this.node, '-6 address add 2001:db8::1/64 dev out0 nodad');
    for (const pod of pods) {
      this.ip(pod, `-6 address add fd01::${/\d+$/.exec(pod)![0]}/64 dev eth0 nodad`);
      this.ip(pod, '-6 route add default via fd01::1');
    }
    this.ip(outside, '-6 address add 2001:db8::2/64 dev eth0 nodad');
    this.ip(outside, '-6 route add default via 2001:db8::1');
  }

  /** A machine outside the cluster, on a link of its own: node 192.0.2.1, it 192.0.2.2. */
  outside(): string {
    const namespace = this.#namespace('out');
    this.ip(this.node, `link add out0 type veth peer name eth0 netns ${namespace}`);
    this.ip(this.node, 'address add 192.0.2.1/24 dev out0');
    this.ip(this.node, 'link set out0 up');
    this.ip(namespace, 'address add 192.0.2.2/24 dev eth0');
    this.ip(namespace, 'link set eth0 up');
    this.ip(namespace, 'route add default via 192.0.2.1');
    return namespace;
  }

  start(
    namespace: string,
    command: readonly string[],
    options: { ipc?: boolean; stdin?: boolean; env?: NodeJS.ProcessEnv } = {},
  ) {
    const [program, ...args] = [...this.enter(namespace), ...command];
    const child = spawn(program!, args, {
      stdio: [
        options.stdin === true ? 'pipe' : 'ignore',
        'pipe',
        'inherit',
        ...(options.ipc === true ? (['ipc'] as const) : []),
      ],
      env: { ...process.env, ...options.env },
    });
    this.#children.push(child);
    return child;
  }

  /** An HTTP and UDP server that answers with its name and the client's address. Resolves when it listens. */
  async server(namespace: string, name: string, port: number): Promise<ChildProcess> {
    const child = this.start(namespace, [
      process.execPath,
      path.join(import.meta.dirname, 'server.ts'),
      name,
      String(port),
    ]);
    await once(child.stdout!, 'data');
    return child;
  }

  /** What an HTTP GET in `namespace` gives: `status body`, or the error's code. */
  async load(namespace: string, url: string, count: number, options: Record<string, unknown> = {}): Promise<string[]> {
    const child = this.start(namespace, [
      process.execPath,
      path.join(import.meta.dirname, 'load.ts'),
      JSON.stringify({ url, count, ...options }),
    ]);
    let text = '';
    child.stdout!.setEncoding('utf8').on('data', (part: string) => (text += part));
    await once(child, 'close');
    return JSON.parse(text) as string[];
  }

  async runner(service: string, options: Record<string, unknown>): Promise<Runner> {
    const child = this.start(
      this.node,
      [
        process.execPath,
        '--disable-warning=ExperimentalWarning',
        path.join(import.meta.dirname, 'runner.ts'),
        service,
        JSON.stringify(options),
      ],
      { ipc: true },
    );
    const runner = new Runner(child);
    return runner;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) if (child.exitCode === null) child.kill('SIGKILL');
    await wait(50);
    for (const namespace of this.#namespaces) execFileSync('ip', ['netns', 'delete', namespace]);
  }
}

interface Told {
  readonly type: string;
  readonly kind?: string;
  readonly object?: KubernetesObject;
  readonly message?: string;
  readonly name?: string;
  readonly text?: string;
}

export class Runner {
  readonly child: ChildProcess;
  readonly written: { kind: string; object: KubernetesObject }[] = [];
  /** `OBJECT TYPE REASON: MESSAGE` of each event. */
  readonly events: string[] = [];
  #ready: (() => void)[] = [];
  #acks: (() => void)[] = [];
  isReady = false;
  failure: string | undefined;

  constructor(child: ChildProcess) {
    this.child = child;
    child.on('message', (message: Told) => {
      if (message.type === 'event') this.events.push(`${message.name} ${message.text}`);
      if (message.type === 'failed') this.failure = message.message;
      if (message.type === 'ready') {
        this.isReady = true;
        for (const resolve of this.#ready) resolve();
      }
      if (message.type === 'written') this.written.push({ kind: message.kind!, object: message.object! });
      if (message.type === 'ack') this.#acks.shift()?.();
    });
  }
  /** What the service says is wrong; a failed start is one. */
  problems(): Promise<readonly string[]> {
    if (this.failure !== undefined) return Promise.resolve([this.failure]);
    return new Promise((resolve) => {
      this.child.once('message', function listen(this: ChildProcess, message: { type: string; problems: string[] }) {
        if (message.type === 'problems') resolve(message.problems);
        else this.once('message', listen);
      });
      this.child.send({ type: 'problems' });
    });
  }
  whenReady(): Promise<void> {
    return this.isReady ? Promise.resolve() : this.#within('it is ready', (resolve) => this.#ready.push(resolve));
  }
  /** A child that ended, or that waits for an object nobody sends, must not hold the test for ever. */
  #within(what: string, start: (resolve: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${this.child.spawnargs.at(-2)}: ${why} before ${what}`));
      const timer = setTimeout(() => fail(this.failure ?? '30 s passed'), 30_000);
      const ended = () => fail('it ended');
      this.child.once('exit', ended);
      start(() => {
        clearTimeout(timer);
        this.child.off('exit', ended);
        resolve();
      });
    });
  }
  /** Replaces all objects of a kind; resolves when informers have seen it. */
  set<T extends KubernetesObject>(kind: KindReference<T>, objects: readonly T[]): Promise<void> {
    this.child.send({ type: 'set', resource: kind.resource, objects });
    return this.#within(`it has ${kind.resource}`, (resolve) => this.#acks.push(resolve));
  }
  /** Other orders of runner.ts, such as a changed configuration. */
  order(order: Readonly<Record<string, unknown>>): Promise<void> {
    this.child.send(order);
    return this.#within('it took an order', (resolve) => this.#acks.push(resolve));
  }
  /** Orderly stop. */
  async stop(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.send({ type: 'stop' });
    await ended;
  }
  async kill(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}

export async function until(what: string, done: () => boolean | Promise<boolean>, timeoutMs = 5_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await done())) {
    if (Date.now() > end) throw new Error(`timed out: ${what}`);
    await wait(20);
  }
}

export const tally = (answers: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const one of answers) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
};
