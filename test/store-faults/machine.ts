// A control plane in a process of its own, on a directory or on a small disk that it alone sees, and its answers.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { reserveLoopbackPort } from '#host/throw-away.ts';

const main = path.resolve(import.meta.dirname, '../../src/main.ts');
const quickWaits = path.resolve(import.meta.dirname, 'quick-waits.ts');

/** Loosely typed JSON of an answer. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any;

export interface MachineOptions {
  /** Of the data; of a small disk the place where it is mounted. */
  readonly directory: string;
  /** A tmpfs of this size, mounted with these options, in a namespace of its own. */
  readonly disk?: { readonly megabytes: number; readonly options?: string } | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

interface Kubeconfig {
  readonly clusters: readonly { cluster: { server: string; 'certificate-authority-data': string } }[];
  readonly users: readonly { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
}

export class Machine {
  readonly #options: MachineOptions;
  readonly #dataDirectory: string;
  readonly #child: ChildProcess;
  #agent: https.Agent | undefined;
  #url = '';
  log = '';

  private constructor(options: MachineOptions, port: number) {
    const { directory, disk, environment } = options;
    this.#options = options;
    this.#dataDirectory = path.join(directory, 'data');
    const node = [
      '--disable-warning=ExperimentalWarning',
      '--import',
      quickWaits,
      main,
      'run',
      '--roles',
      'controlplane',
    ];
    const command = [process.execPath, ...node, '--data-dir', this.#dataDirectory];
    // The shell and the command take the place of `unshare`: the process is one.
    const [program, ...flags] =
      disk === undefined
        ? command
        : [
            'unshare',
            '--user',
            '--map-root-user',
            '--mount',
            'sh',
            '-c',
            `mount -t tmpfs -o size=${disk.megabytes}m${disk.options ?? ''} tmpfs "$0" && exec "$@"`,
            directory,
            ...command,
          ];
    this.#child = spawn(program!, flags, {
      env: {
        PATH: process.env['PATH'],
        HOME: directory,
        MICROSHIFT_CLUSTER_URL: `https://127.0.0.1:${port}`,
        MICROSHIFT_DATASTORE_DISKRESERVEMB: '8',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.setEncoding('utf8').on('data', (chunk: string) => (this.log += chunk));
  }
  static async start(options: MachineOptions): Promise<Machine> {
    return new Machine(options, await reserveLoopbackPort());
  }
  get pid(): number {
    return this.#child.pid!;
  }
  get exitCode(): number | null {
    return this.#child.exitCode;
  }
  /** Until the log says so. The process must be alive all the time. */
  async says(expected: RegExp, limitMs = 20_000): Promise<void> {
    for (const until = performance.now() + limitMs; !expected.test(this.log); await sleep(20)) {
      if (this.exitCode !== null) throw new Error(`it ended with ${this.exitCode}:\n${this.log.slice(-2_000)}`);
      if (performance.now() > until) throw new Error(`it does not say ${expected.source}:\n${this.log.slice(-2_000)}`);
    }
  }
  /** As this process sees it. */
  path(...names: readonly string[]): string {
    const file = path.join(this.#options.directory, ...names);
    return this.#options.disk === undefined ? file : `/proc/${this.pid}/root${file}`;
  }
  /** Takes all that is left of the small disk. */
  fill(): void {
    for (let size = 1024 * 1024; size >= 1024; size /= 2)
      for (let count = 0; count < 200; count++)
        try {
          writeFileSync(this.path('fill'), Buffer.alloc(size), { flag: 'a' });
        } catch {
          break;
        }
  }
  makeRoom(): void {
    rmSync(this.path('fill'));
  }
  remount(options: string): void {
    const namespaces = ['--target', String(this.pid), '--user', '--mount', '--preserve-credentials'];
    execFileSync('nsenter', [...namespaces, 'mount', '-o', `remount,${options}`, this.#options.directory]);
  }
  async ask(
    method: string,
    url: string,
    body?: object,
    contentType = 'application/json',
  ): Promise<{ status: number; json: Json }> {
    const response = await this.open(method, url, body, contentType);
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
    return { status: response.statusCode!, json: text.startsWith('{') ? JSON.parse(text) : text };
  }
  open(method: string, url: string, body?: object, contentType = 'application/json') {
    if (this.#agent === undefined) {
      const file = this.path('data/resources/kubeadmin/kubeconfig');
      const config = parse(readFileSync(file, 'utf8')) as Kubeconfig;
      const { cluster } = config.clusters[0]!;
      const { user } = config.users[0]!;
      const decoded = (base64: string): Buffer => Buffer.from(base64, 'base64');
      this.#url = cluster.server;
      this.#agent = new https.Agent({
        keepAlive: true,
        ca: decoded(cluster['certificate-authority-data']),
        cert: decoded(user['client-certificate-data']),
        key: decoded(user['client-key-data']),
      });
    }
    const text = body === undefined ? '' : JSON.stringify(body);
    const request = https.request(new URL(url, this.#url), {
      method,
      agent: this.#agent,
      headers: { 'content-type': contentType, 'content-length': String(Buffer.byteLength(text)) },
    });
    request.end(text);
    return once(request, 'response').then(([response]) => response as import('node:http').IncomingMessage);
  }
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    this.#agent?.destroy();
    if (this.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exited;
  }
  /** The code with which it ends by itself. */
  async ended(): Promise<number | null> {
    if (this.exitCode === null) await once(this.#child, 'exit');
    return this.exitCode;
  }
}
