// A control plane from source, in a process of its own, that is killed and started again on the same port and data.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { reserveLoopbackPort } from '#host/throw-away.ts';
import { type Endpoint, httpsTransport } from './https-transport.ts';
import { namespace } from './recording-client.ts';
import { NoAnswer } from './transport.ts';

const shortMinutes = path.resolve(import.meta.dirname, 'short-minutes.ts');
const main = path.resolve(import.meta.dirname, '../../src/main.ts');
const readyLimitMs = 40_000;

export interface ProcessOptions {
  readonly dataDirectory: string;
  /** Keeps nothing, and so can not be killed. */
  readonly isEphemeral?: boolean | undefined;
  /** Of an etcd cluster; default: an SQLite file. */
  readonly datastore?: string | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

interface Kubeconfig {
  readonly clusters: readonly { cluster: { server: string; 'certificate-authority-data': string } }[];
  readonly users: readonly { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
}

function noAnswer(error: unknown): { status: number } {
  if (error instanceof NoAnswer) return { status: 0 };
  throw error;
}

export class ControlPlaneProcess {
  readonly #options: ProcessOptions;
  readonly #port: number;
  #child: ChildProcess | undefined;
  #log = '';
  #endpoint: Endpoint | undefined;

  private constructor(options: ProcessOptions, port: number) {
    this.#options = options;
    this.#port = port;
  }
  /** Runs and is ready, with the namespace of the traffic in it. */
  static async start(options: ProcessOptions): Promise<ControlPlaneProcess> {
    const made = new ControlPlaneProcess(options, await reserveLoopbackPort());
    made.launch();
    await made.ready();
    await made.#makeNamespace();
    return made;
  }
  async #makeNamespace(): Promise<void> {
    const until = performance.now() + readyLimitMs;
    const transport = httpsTransport(this.endpoint, 1);
    try {
      for (;;) {
        const { status } = await transport
          .ask({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: namespace } } })
          .catch(noAnswer);
        if (status === 201 || status === 409) return;
        if (performance.now() > until) throw new Error(`no namespace is made: ${status}`);
        await sleep(50);
      }
    } finally {
      transport.close();
    }
  }
  get endpoint(): Endpoint {
    if (this.#endpoint === undefined) throw new Error('it was not ready yet');
    return this.#endpoint;
  }
  get log(): string {
    return this.#log;
  }
  launch(): void {
    const { dataDirectory, isEphemeral, datastore, environment } = this.#options;
    const flags = isEphemeral === true ? ['--ephemeral'] : ['--roles', 'controlplane', '--data-dir', dataDirectory];
    if (datastore !== undefined) flags.push('--datastore', datastore);
    const node = ['--disable-warning=ExperimentalWarning', '--import', shortMinutes];
    const child = spawn(process.execPath, [...node, main, 'run', ...flags], {
      env: {
        PATH: process.env['PATH'],
        HOME: dataDirectory,
        MICROSHIFT_CLUSTER_URL: `https://127.0.0.1:${this.#port}`,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (this.#log += chunk));
    child.stdout
      .setEncoding('utf8')
      .on('data', (chunk: string) => (this.#kubeconfig ??= /KUBECONFIG=(.*)/.exec(chunk)?.[1]));
    this.#child = child;
  }
  #kubeconfig: string | undefined;
  /** Resolves when it says that it is ready. */
  async ready(): Promise<void> {
    const until = performance.now() + readyLimitMs;
    for (;;) {
      if (this.#child?.exitCode !== null) throw new Error(`the control plane ended:\n${this.#log.slice(-2_000)}`);
      if (performance.now() > until) throw new Error(`the control plane is not ready:\n${this.#log.slice(-2_000)}`);
      this.#endpoint ??= this.#readEndpoint();
      if (this.#endpoint !== undefined) {
        const transport = httpsTransport(this.#endpoint, 1);
        try {
          const { status } = await transport
            .ask({ method: 'GET', path: '/api/v1/namespaces/kube-system' })
            .catch(noAnswer);
          if (status === 200) return;
        } finally {
          transport.close();
        }
      }
      await sleep(20);
    }
  }
  #readEndpoint(): Endpoint | undefined {
    const { dataDirectory, isEphemeral } = this.#options;
    const file = isEphemeral === true ? this.#kubeconfig : path.join(dataDirectory, 'resources/kubeadmin/kubeconfig');
    if (file === undefined) return undefined;
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      return undefined;
    }
    const config = parse(text) as Kubeconfig;
    const { user } = config.users[0]!;
    const { cluster } = config.clusters[0]!;
    const decoded = (base64: string): Buffer => Buffer.from(base64, 'base64');
    return {
      url: cluster.server,
      ca: decoded(cluster['certificate-authority-data']),
      cert: decoded(user['client-certificate-data']),
      key: decoded(user['client-key-data']),
    };
  }
  async signal(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
}
