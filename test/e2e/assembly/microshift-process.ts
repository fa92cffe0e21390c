// A MicroShift process from source, control plane only, on loopback: started, asked through its kubeconfig and its commands.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';

export const main = path.resolve(import.meta.dirname, '../../../src/main.ts');
const nodeFlags = ['--disable-warning=ExperimentalWarning', main];

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert(address !== null && typeof address === 'object');
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}

/** Of a test, or of a file of tests: what is started ends with it. */
export interface Lifetime {
  after(end: () => unknown): void;
}

export interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exited: Promise<number | null>;
}

export function temporary(context: Lifetime): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'microshift-process-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function start(
  context: Lifetime,
  dataDirectory: string,
  port: number,
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Run {
  const child = spawn(
    process.execPath,
    [...nodeFlags, 'run', '--data-dir', dataDirectory, '--roles', 'controlplane', ...args],
    {
      env: {
        PATH: process.env['PATH'],
        HOME: dataDirectory,
        MICROSHIFT_CLUSTER_URL: `https://127.0.0.1:${port}`,
        ...environment,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  context.after(() => child.kill('SIGKILL'));
  return { child, output: () => text, exited: once(child, 'exit').then(([code]) => code as number | null) };
}

export const cliWith = (
  environment: Readonly<Record<string, string>>,
  dataDirectory: string,
  ...args: readonly string[]
) =>
  spawnSync(process.execPath, [...nodeFlags, ...args, '--data-dir', dataDirectory], {
    env: { PATH: process.env['PATH'], HOME: dataDirectory, ...environment },
    encoding: 'utf8',
    timeout: 60_000,
  });
export const cli = (dataDirectory: string, ...args: readonly string[]) => cliWith({}, dataDirectory, ...args);

export const waitReady = (dataDirectory: string) => {
  const result = cli(dataDirectory, 'wait', '--timeout', '40');
  assert.equal(result.status, 0, result.stderr + result.stdout);
  return result.stdout;
};

interface Kubeconfig {
  readonly clusters: readonly { cluster: { server: string; 'certificate-authority-data': string } }[];
  readonly users: readonly { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
}

const kubeconfigOf = (dataDirectory: string): Kubeconfig =>
  parse(readFileSync(path.join(dataDirectory, 'resources/kubeadmin/kubeconfig'), 'utf8')) as Kubeconfig;

/** What its kubeconfig has for a TLS connection. */
export function credentialsOf(dataDirectory: string): { ca: Buffer; cert: Buffer; key: Buffer } {
  const config = kubeconfigOf(dataDirectory);
  const { user } = config.users[0]!;
  const decoded = (text: string) => Buffer.from(text, 'base64');
  return {
    ca: decoded(config.clusters[0]!.cluster['certificate-authority-data']),
    cert: decoded(user['client-certificate-data']),
    key: decoded(user['client-key-data']),
  };
}

/** As kubectl does it: with nothing but the kubeconfig. */
export function ask(
  dataDirectory: string,
  method: string,
  pathname: string,
  body?: object,
  contentType = 'application/json',
): Promise<{ status: number; text: string }> {
  const { cluster } = kubeconfigOf(dataDirectory).clusters[0]!;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL(pathname, cluster.server),
      {
        method,
        ...credentialsOf(dataDirectory),
        headers: { 'content-type': contentType },
        agent: false,
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
