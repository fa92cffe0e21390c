// A router with a real HAProxy in a closed network, Pods that show what they are asked, and a client outside.
import { execFileSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EndpointSlices, Routes, Services } from '#api/generated/kind-references.ts';
import type { EndpointSlice, Route, RouteSpec, Service } from '#api/generated/types.ts';
import type { Answer, LoadResult, RequestOrder } from './client.ts';
import { Network, until, type Runner } from './kit.ts';

export interface Pem {
  readonly certificate: string;
  readonly key: string;
}
export interface Asked {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly rawHeaders: readonly string[];
  readonly version: string;
}

export class RouterBench implements AsyncDisposable {
  readonly network = new Network();
  readonly outside = this.network.outside();
  readonly directory = mkdtempSync(path.join(tmpdir(), 'network-router-'));
  readonly runDirectory = path.join(this.directory, 'run');
  readonly defaultCertificate = this.certificate('default');
  readonly #services = new Map<string, readonly [Service, EndpointSlice]>();
  #client!: ChildProcess;
  #questions = 0;
  router!: Runner;

  /** Pods 10.42.0.2 (a, b, ...) and up, each a Service of its name; and the router, without Routes. */
  async start(pods: readonly string[], configuration: object = {}): Promise<this> {
    const client = this.network.start(this.outside, [process.execPath, path.join(import.meta.dirname, 'client.ts')], {
      ipc: true,
    });
    this.#client = client;
    await once(client, 'message');
    for (const [index, name] of pods.entries()) {
      const address = `10.42.0.${index + 2}`;
      await this.echo(this.network.pod(address), name, 8080);
      this.service(name, [address]);
    }
    await this.startRouter(configuration);
    return this;
  }

  async startRouter(configuration: object = {}): Promise<void> {
    this.router = await this.network.runner('router', {
      domain: 'apps.example.com',
      defaultCertificatePem: this.defaultCertificate.certificate + this.defaultCertificate.key,
      runDirectory: this.runDirectory,
      logDirectory: path.join(this.directory, 'log'),
      changesFile: path.join(this.directory, 'host-changes.jsonl'),
      configuration,
    });
    await this.publish();
    await this.router.set(Routes, []);
    await this.router.whenReady();
  }

  async echo(namespace: string, name: string, port: number, file?: string): Promise<ChildProcess> {
    const program = path.join(import.meta.dirname, 'echo.ts');
    const args = [process.execPath, program, name, String(port), ...(file === undefined ? [] : [file])];
    const child = this.network.start(namespace, args);
    await once(child.stdout!, 'data');
    return child;
  }

  /** A Service with these endpoints; `publish` tells the router. */
  service(name: string, addresses: readonly string[], port = 8080, appProtocol?: string): void {
    const metadata = { namespace: 'web', name };
    this.#services.set(name, [
      { metadata, spec: { ports: [{ port: 80, targetPort: port }] } },
      {
        metadata: { namespace: 'web', name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        ports: [{ name: '', port, protocol: 'TCP', ...(appProtocol === undefined ? {} : { appProtocol }) }],
        endpoints: addresses.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
      },
    ]);
  }
  async publish(): Promise<void> {
    const all = [...this.#services.values()];
    await this.router.set(
      Services,
      all.map(([one]) => one),
    );
    await this.router.set(
      EndpointSlices,
      all.map(([, one]) => one),
    );
  }

  /** Self-signed, for the name, or signed by an authority. */
  certificate(name: string, authority?: Pem, extensions?: string): Pem {
    const directory = mkdtempSync(path.join(this.directory, 'pem-'));
    const file = (one: string) => path.join(directory, one);
    const openssl = (command: string) =>
      execFileSync('openssl', command.split(' '), { cwd: directory, stdio: 'ignore' });
    const key = 'ecparam -name prime256v1 -genkey -noout -out k';
    openssl(key);
    const more = extensions === undefined ? '' : ` -addext ${extensions}`;
    if (authority === undefined) openssl(`req -x509 -new -key k -days 2 -subj /CN=${name}${more} -out c`);
    else {
      execFileSync('sh', ['-c', 'cat > ca && cat ca > cakey'], {
        cwd: directory,
        input: authority.certificate + authority.key,
      });
      openssl(`req -new -key k -subj /CN=${name}${more} -out r`);
      openssl('x509 -req -in r -CA ca -CAkey cakey -CAcreateserial -copy_extensions copy -days 2 -out c');
    }
    return { certificate: readFileSync(file('c'), 'utf8'), key: readFileSync(file('k'), 'utf8') };
  }

  /** One that ended yesterday. */
  expiredCertificate(name: string): Pem {
    const directory = mkdtempSync(path.join(this.directory, 'pem-'));
    const openssl = (command: string) =>
      execFileSync('openssl', command.split(' '), { cwd: directory, stdio: 'ignore' });
    openssl('ecparam -name prime256v1 -genkey -noout -out k');
    openssl(`req -new -key k -subj /CN=${name} -out r`);
    openssl('x509 -req -in r -signkey k -days -1 -out c');
    const [certificate, key] = ['c', 'k'].map((file) => readFileSync(path.join(directory, file), 'utf8'));
    return { certificate: certificate!, key: key! };
  }

  #ask<T>(message: object): Promise<T> {
    const id = ++this.#questions;
    return new Promise((resolve) => {
      const listen = (reply: { id: number; result: T }): void => {
        if (reply.id !== id) return;
        this.#client.removeListener('message', listen);
        resolve(reply.result);
      };
      this.#client.on('message', listen);
      this.#client.send({ id, ...message });
    });
  }
  get(url: string, order: Omit<RequestOrder, 'url'> = {}): Promise<Answer> {
    return this.#ask({ type: 'request', order: { url, ...order } });
  }
  /** What the Pod saw of the request; throws when no Pod answered. */
  async asked(url: string, order: Omit<RequestOrder, 'url'> = {}): Promise<Asked> {
    const { status, body } = await this.get(url, order);
    if (status !== 200) throw new Error(`${url}: ${status} ${body}`);
    return JSON.parse(body) as Asked;
  }
  async load(orders: readonly RequestOrder[], everyMs: number): Promise<void> {
    await this.#ask({ type: 'load', orders, everyMs });
  }
  endLoad(): Promise<LoadResult> {
    return this.#ask({ type: 'endLoad' });
  }
  tunnel(url: string, idle = false): Promise<string> {
    return this.#ask({ type: 'tunnel', order: { url, idle } });
  }
  tunnelState(): Promise<{ echoed: number; ended?: string }> {
    return this.#ask({ type: 'tunnelState' });
  }

  /** Sets the Routes and waits until each has this router's word on its present state. */
  async routes(...routes: readonly Route[]): Promise<void> {
    const before = this.router.written.length;
    await this.router.set(Routes, routes);
    const told = (one: Route) =>
      this.router.written
        .slice(before)
        .some(({ kind, object }) => kind === 'Route' && object.metadata.name === one.metadata.name);
    await until('every Route is told', () => routes.every(told), 15_000);
  }
  /** `admitted`, or REASON: MESSAGE. */
  verdict(name: string): string {
    const route = this.router.written.findLast(({ kind, object }) => kind === 'Route' && object.metadata.name === name);
    const condition = (route?.object as Route | undefined)?.status?.ingress?.[0]?.conditions?.[0];
    return condition?.status === 'True' ? 'admitted' : `${condition?.reason}: ${condition?.message}`;
  }
  async configure(configuration: object): Promise<void> {
    const digest = this.digest();
    await this.router.order({ type: 'configure', configuration });
    await until('the changed configuration runs', () => this.digest() !== digest, 10_000);
  }
  /** Without waiting: HAProxy's files may stay as they are. */
  order(configuration: object): Promise<void> {
    return this.router.order({ type: 'configure', configuration });
  }
  digest(): string {
    return this.admin('show env MICROSHIFT_ROUTER_CONFIG');
  }
  worker(): string {
    return /^Pid: (\d+)$/m.exec(this.admin('show info'))?.[1] ?? '';
  }
  admin(command: string): string {
    const socket = `UNIX:${this.runDirectory}/admin.sock`;
    try {
      return execFileSync('socat', ['-', socket], {
        input: `${command}\n`,
        encoding: 'utf8',
        timeout: 5_000,
        stdio: 'pipe',
      });
    } catch {
      return '';
    }
  }
  processId(): number {
    return (JSON.parse(readFileSync(path.join(this.runDirectory, 'haproxy.process'), 'utf8')) as { pid: number }).pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      process.kill(this.processId(), 'SIGTERM');
    } catch {
      // It did not start, and the test says why.
    }
    await this.network[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export const route = (
  name: string,
  host: string,
  spec: Partial<RouteSpec> = {},
  more: { annotations?: Record<string, string>; namespace?: string; second?: number } = {},
): Route => ({
  metadata: {
    namespace: more.namespace ?? 'web',
    name,
    uid: `${name}-${more.second ?? 0}`,
    creationTimestamp: `2026-01-01T00:00:0${more.second ?? 0}Z`,
    ...(more.annotations === undefined ? {} : { annotations: more.annotations }),
  },
  spec: { host, to: { kind: 'Service', name: 'a', weight: 100 }, wildcardPolicy: 'None', ...spec },
});
