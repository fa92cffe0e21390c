// A real etcd member for tests, on sockets in a folder: no packet leaves the machine, and none is seen on it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { issueCertificate } from '#pki/certificate.ts';
import { EtcdClient } from '#storage/etcd/client.ts';
import { etcdTable } from '#storage/etcd/table.ts';
import { connectGrpc } from '#wire/grpc.ts';

const startTimeoutMs = 30_000;

/** PEM files of TLS between members and their clients, who show a certificate too. */
export interface EtcdTls {
  readonly authorityFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface EtcdServerOptions {
  /** Default `one`. */
  readonly name?: string;
  /** Names of all members, in one folder; default: this one alone. */
  readonly cluster?: readonly string[];
  readonly tls?: EtcdTls;
  /** Listens there on 127.0.0.1 too. */
  readonly port?: number;
}

/** An authority, and one certificate that members and clients show: on sockets everybody is `localhost`. */
export function writeEtcdCertificates(folder: string, name = 'etcd', names = ['localhost', '127.0.0.1']): EtcdTls {
  let serial = 1;
  const times = { notBeforeMs: Date.UTC(2020, 0, 1), notAfterMs: Date.UTC(2120, 0, 1) };
  const authority = issueCertificate({
    ...times,
    subject: { commonName: `${name}-authority` },
    use: 'authority',
    serial: Uint8Array.of(serial++),
  });
  const pair = issueCertificate({
    ...times,
    subject: { commonName: name },
    use: 'client-and-serving',
    names,
    serial: Uint8Array.of(serial++),
    issuer: authority,
  });
  const write = (file: string, text: string): string => {
    const target = path.join(folder, `${name}.${file}`);
    writeFileSync(target, text, { mode: 0o600 });
    return target;
  };
  return {
    authorityFile: write('ca.crt', authority.certificatePem),
    certificateFile: write('crt', pair.certificatePem),
    keyFile: write('key', pair.keyPem),
  };
}

/** What an EtcdClient wants of them. */
export const etcdClientTls = ({ authorityFile, certificateFile, keyFile }: EtcdTls) => ({
  authorities: readFileSync(authorityFile, 'utf8'),
  certificate: readFileSync(certificateFile, 'utf8'),
  key: readFileSync(keyFile, 'utf8'),
});

export class EtcdServer {
  readonly #folder: string;
  readonly #name: string;
  readonly #cluster: readonly string[];
  readonly #tls: EtcdTls | undefined;
  readonly #port: number | undefined;
  #child: ChildProcess | undefined;

  /** `folder` must exist; its path is short (socket names are bounded). */
  constructor(folder: string, { name = 'one', cluster = [name], tls, port }: EtcdServerOptions = {}) {
    this.#folder = folder;
    this.#name = name;
    this.#cluster = cluster;
    this.#tls = tls;
    this.#port = port;
  }
  /** As `EtcdClient` wants it. */
  get member(): string {
    return `unix:${this.#folder}/client-${this.#name}:0`;
  }
  /** As `datastore.endpoint` says it. */
  get endpoint(): string {
    return `unix://${this.member.slice('unix:'.length)}`;
  }
  /** Resolves when it answers; of several members, most must have been started. */
  async start(): Promise<void> {
    const name = this.#name;
    const data = path.join(this.#folder, `data-${name}`);
    mkdirSync(data, { recursive: true, mode: 0o700 });
    // Those of a member that was killed.
    for (const socket of [`client-${name}:0`, `peer-${name}:0`])
      rmSync(path.join(this.#folder, socket), { force: true });
    const tls = this.#tls;
    const socket = `${tls === undefined ? 'unix' : 'unixs'}://client-${name}:0`;
    const port = this.#port === undefined ? [] : [`${tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}`];
    const client = [socket, ...port].join(',');
    const peer = (member: string): string => `unix://peer-${member}:0`;
    const child = spawn(
      'etcd',
      [
        `--name=${name}`,
        `--data-dir=${data}`,
        `--listen-client-urls=${client}`,
        `--advertise-client-urls=${client}`,
        `--listen-peer-urls=${peer(name)}`,
        `--initial-advertise-peer-urls=${peer(name)}`,
        `--initial-cluster=${this.#cluster.map((member) => `${member}=${peer(member)}`).join(',')}`,
        ...(tls === undefined
          ? []
          : [
              `--trusted-ca-file=${tls.authorityFile}`,
              `--cert-file=${tls.certificateFile}`,
              `--key-file=${tls.keyFile}`,
              '--client-cert-auth',
            ]),
        '--logger=zap',
        '--log-level=error',
      ],
      { cwd: this.#folder, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    this.#child = child;
    await once(child, 'spawn');
    const asked = await connectGrpc(this.member, tls === undefined ? {} : { tls: etcdClientTls(tls) });
    const until = performance.now() + startTimeoutMs;
    try {
      for (;;)
        try {
          const { leader } = (await asked.unary(etcdTable, 'Status', {}, { timeoutMs: 1_000 })) as { leader: number };
          // A read that is asked for earlier waits seven seconds for nothing.
          if (leader !== 0) return;
          await sleep(20);
        } catch (error) {
          if (child.exitCode !== null || performance.now() > until)
            throw new Error('etcd does not start', { cause: error });
          await sleep(20);
        }
    } finally {
      asked.close();
    }
  }
  /** As if nobody had ever written to it, but for its revisions. It must run. */
  async empty(): Promise<void> {
    const client = new EtcdClient({
      members: [this.member],
      tls: this.#tls === undefined ? undefined : etcdClientTls(this.#tls),
    });
    try {
      for (;;) {
        const { items } = await client.range('/registry/', { limit: 500 });
        if (items.length === 0) return;
        await Promise.all(items.map(({ key, modRevision }) => client.write(key, modRevision, undefined)));
      }
    } finally {
      await client.close();
    }
  }
  /** `SIGKILL` is a crash, `SIGSTOP` a stall that `SIGCONT` ends. */
  async signal(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ends = signal === 'SIGKILL' || signal === 'SIGTERM';
    const ended = ends && child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child.kill(signal);
    await ended;
    if (ends) this.#child = undefined;
  }
}
