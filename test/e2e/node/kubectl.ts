// The official kubectl against a test node: the API server behind TLS, and commands with or without a terminal.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { silentLogger } from '#base/log.ts';
import { systemRandom } from '#base/random.ts';
import { startHttpsFront } from '#apiserver/https-front.ts';
import { type CertificateUse, issueCertificate, type KeyPair } from '#pki/certificate.ts';
import type { TestNode } from './cluster.ts';

const issue = (commonName: string, use: CertificateUse, issuer?: KeyPair, organizations: string[] = []): KeyPair =>
  issueCertificate({
    subject: { commonName, organizations },
    use,
    names: use === 'serving' ? ['127.0.0.1'] : [],
    notBeforeMs: Date.now() - 60_000,
    notAfterMs: Date.now() + 3_600_000,
    serial: systemRandom.bytes(8),
    issuer,
  });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

export interface Told {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}
export interface KubectlOptions {
  readonly input?: string | Buffer | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

export interface Kubectl {
  readonly kubeconfig: string;
  readonly server: { readonly port: number; readonly ca: string; readonly cert: string; readonly key: string };
  run(args: readonly string[], options?: KubectlOptions): Promise<Told>;
  /** Fails with what it said when it failed. */
  succeed(args: readonly string[], options?: KubectlOptions): Promise<string>;
  /** Goes on; `said` waits for a text. */
  start(args: readonly string[], options?: KubectlOptions): RunningKubectl;
  /** A shell's line at a terminal of its own, `$K` is kubectl with its kubeconfig. */
  atTerminal(line: string, options?: KubectlOptions): Promise<Told>;
  close(): Promise<void>;
}

export interface RunningKubectl {
  readonly child: ChildProcess;
  said(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<Told>;
}

const timeoutMs = 20_000;

export async function openToKubectl(node: TestNode, directory: string): Promise<Kubectl> {
  const program = process.env['TEST_KUBECTL'];
  assert.ok(program !== undefined, 'run with: node test/e2e/node/run.ts');
  const authority = issue('authority', 'authority');
  const serving = issue('server', 'serving', authority);
  const client = issue('admin', 'client', authority, ['system:masters']);
  const front = await startHttpsFront({
    address: '127.0.0.1',
    port: 0,
    certificate: { certificateChain: serving.certificatePem, privateKey: serving.keyPem },
    clientAuthorities: authority.certificatePem,
    handler: node.api.server,
    logger: silentLogger,
  });
  const kubeconfig = path.join(directory, 'kubeconfig');
  const cluster = {
    server: `https://127.0.0.1:${front.port}`,
    'certificate-authority-data': base64(authority.certificatePem),
  };
  const user = {
    'client-certificate-data': base64(client.certificatePem),
    'client-key-data': base64(client.keyPem),
  };
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster }],
      users: [{ name: 'test', user }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
    }),
  );
  const begin = (command: string, args: readonly string[], { input, env }: KubectlOptions): RunningKubectl => {
    const child = spawn(command, args, {
      cwd: directory,
      env: { PATH: process.env['PATH'], HOME: directory, KUBECONFIG: kubeconfig, TERM: 'xterm', K: program, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let [output, errors] = ['', ''];
    const waiting = new Set<() => void>();
    const add = () => {
      for (const look of waiting) look();
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      add();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
      add();
    });
    child.stdin.on('error', () => undefined);
    if (input !== undefined) child.stdin.end(input);
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const ended = new Promise<Told>((resolve) =>
      child.once('close', (code) => {
        clearTimeout(timer);
        resolve({ code, output, errors });
      }),
    );
    return {
      child,
      ended,
      said: (pattern) =>
        new Promise((resolve, reject) => {
          const look = () => {
            const match = pattern.exec(output) ?? pattern.exec(errors);
            if (match === null) return;
            waiting.delete(look);
            resolve(match);
          };
          waiting.add(look);
          void ended.then(() => reject(new Error(`${args.join(' ')} ended without ${pattern}: ${output}${errors}`)));
          look();
        }),
    };
  };
  // Without an input it has none, as in a script.
  const start: Kubectl['start'] = (args, options = {}) => begin(program, args, options);
  const run: Kubectl['run'] = (args, options = {}) => start(args, { input: '', ...options }).ended;
  return {
    kubeconfig,
    server: { port: front.port, ca: authority.certificatePem, cert: client.certificatePem, key: client.keyPem },
    run,
    async succeed(args, options) {
      const told = await run(args, options);
      assert.equal(told.code, 0, `kubectl ${args.join(' ')}: ${told.output}${told.errors}`);
      return told.output;
    },
    start,
    atTerminal: (line, options = {}) => begin('script', ['-qec', line, '/dev/null'], options).ended,
    close: () => front.close(100),
  };
}
