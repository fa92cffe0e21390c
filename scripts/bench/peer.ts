// Upstream's control plane on a test machine, from binaries that somebody gives: etcd, API server, controllers, scheduler, as a
// small installation starts them, etcd's data on the same disk as ours.
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  issueCertificate,
  type CertificateUse,
  type KeyPair,
  type Subject as CertificateSubject,
} from '#pki/certificate.ts';
import type { Machine } from '#kit/machine/machine.ts';
import type { Subject } from './subject.ts';

export const peerPrograms = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
type Program = (typeof peerPrograms)[number];

const port = 16443;
const home = '/var/lib/upstream';
const etcd = 'http://127.0.0.1:2379';
const etcdPeer = 'http://127.0.0.1:2380';

/** Says which are not there. */
export function checkBinaries(folder: string): void {
  const missing = peerPrograms.filter((name) => !existsSync(path.join(folder, name)));
  if (missing.length > 0)
    throw new Error(
      `${folder} has no ${missing.join(', ')}. --peer-binaries wants a folder with ${peerPrograms.join(', ')} of the same Kubernetes release.`,
    );
}

export class Peer implements Subject {
  readonly programs = peerPrograms;
  readonly machine: Machine;
  readonly server: string;
  readonly kubectl = ['kubectl', '--kubeconfig', `${home}/admin.kubeconfig`];
  readonly readyUrl = `https://127.0.0.1:${port}/readyz`;

  private constructor(machine: Machine) {
    this.machine = machine;
    this.server = `https://${machine.address}:${port}`;
  }

  /** Puts binaries, keys and kubeconfig in place: upstream's tools make no keys, so its start does not count them. */
  static install(machine: Machine, binaries: string): Peer {
    for (const name of peerPrograms) machine.copyIn(path.join(binaries, name), `/opt/upstream/${name}`);
    const authority = certificate({ commonName: 'upstream' }, 'authority');
    const front = certificate({ commonName: 'upstream-front' }, 'authority');
    const admin = certificate({ commonName: 'admin', organizations: ['system:masters'] }, 'client', [], authority);
    const serving = certificate(
      { commonName: 'kube-apiserver' },
      'serving',
      ['localhost', 'kubernetes.default.svc', '127.0.0.1', '10.96.0.1', machine.address],
      authority,
    );
    const proxy = certificate({ commonName: 'front-proxy-client' }, 'client', [], front);
    const pairs = { ca: authority, front, api: serving, proxy };
    for (const [name, { certificatePem, keyPem }] of Object.entries(pairs)) {
      machine.write(`${home}/${name}.crt`, certificatePem);
      machine.write(`${home}/${name}.key`, keyPem);
    }
    const tokens = generateKeyPairSync('rsa', { modulusLength: 2048 });
    machine.write(`${home}/tokens.key`, tokens.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
    machine.write(`${home}/tokens.pub`, tokens.publicKey.export({ type: 'spki', format: 'pem' }) as string);
    machine.write(`${home}/admin.kubeconfig`, kubeconfig(authority, admin));
    return new Peer(machine);
  }

  async #launch(program: Program, flags: Readonly<Record<string, string>>): Promise<void> {
    const words = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    // Its parent ends at once; process 1 of the machine inherits it.
    const script =
      'name=$1; shift; cd "$0"; "/opt/upstream/$name" "$@" >"$name.log" 2>&1 </dev/null & echo $! >"$0/$name.pid"';
    await this.machine.succeed(['setsid', 'sh', '-c', script, home, program, ...words]);
  }
  async startServer(): Promise<void> {
    await this.#launch('etcd', {
      'data-dir': `${home}/data`,
      'listen-client-urls': etcd,
      'advertise-client-urls': etcd,
      'listen-peer-urls': etcdPeer,
      'initial-advertise-peer-urls': etcdPeer,
      'initial-cluster': `default=${etcdPeer}`,
    });
    await this.#launch('kube-apiserver', {
      'etcd-servers': etcd,
      'secure-port': String(port),
      'advertise-address': this.machine.address,
      'tls-cert-file': 'api.crt',
      'tls-private-key-file': 'api.key',
      'client-ca-file': 'ca.crt',
      'service-account-key-file': 'tokens.pub',
      'service-account-signing-key-file': 'tokens.key',
      'service-account-issuer': 'https://kubernetes.default.svc',
      'service-cluster-ip-range': '10.96.0.0/16',
      'authorization-mode': 'Node,RBAC',
      'enable-bootstrap-token-auth': 'true',
      'allow-privileged': 'true',
      'requestheader-client-ca-file': 'front.crt',
      'requestheader-allowed-names': 'front-proxy-client',
      'requestheader-username-headers': 'X-Remote-User',
      'requestheader-group-headers': 'X-Remote-Group',
      'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
      'proxy-client-cert-file': 'proxy.crt',
      'proxy-client-key-file': 'proxy.key',
    });
  }
  async startControllers(): Promise<void> {
    const shared = { kubeconfig: 'admin.kubeconfig', 'leader-elect': 'false' };
    await this.#launch('kube-controller-manager', {
      ...shared,
      'service-account-private-key-file': 'tokens.key',
      'root-ca-file': 'ca.crt',
      'use-service-account-credentials': 'true',
      'cluster-signing-cert-file': 'ca.crt',
      'cluster-signing-key-file': 'ca.key',
    });
    await this.#launch('kube-scheduler', shared);
  }
  /** The database last: the API server takes long to end without it. */
  async stop(): Promise<void> {
    for (const name of peerPrograms.toReversed())
      await this.machine.shell(
        `file=${home}/${name}.pid; [ -f $file ] || exit 0; pid=$(cat $file); kill $pid 2>/dev/null || true; ` +
          `for i in $(seq 150); do [ -d /proc/$pid ] || break; sleep 0.1; done; kill -KILL $pid 2>/dev/null || true; rm $file`,
      );
  }
  forget(): void {
    rmSync(this.machine.file(`${home}/data`), { recursive: true, force: true });
  }
  /** The end of every program's log, for the failure. */
  logs(): Promise<string> {
    return this.machine.shell(`cd ${home}; for log in *.log; do echo "== $log"; tail -n 5 "$log"; done`);
  }
}

const dayMs = 24 * 3600 * 1000;
function certificate(
  subject: CertificateSubject,
  use: CertificateUse,
  names: readonly string[] = [],
  issuer?: KeyPair,
): KeyPair {
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  return issueCertificate({
    subject,
    use,
    names,
    issuer,
    serial,
    keyUsages: ['digital signature', 'key encipherment'],
    notBeforeMs: Date.now() - dayMs,
    notAfterMs: Date.now() + 10 * dayMs,
  });
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const kubeconfig = (authority: KeyPair, { certificatePem, keyPem }: KeyPair): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'upstream',
    contexts: [{ name: 'upstream', context: { cluster: 'upstream', user: 'admin' } }],
    clusters: [
      {
        name: 'upstream',
        cluster: {
          server: `https://127.0.0.1:${port}`,
          'certificate-authority-data': base64(authority.certificatePem),
        },
      },
    ],
    users: [
      {
        name: 'admin',
        user: { 'client-certificate-data': base64(certificatePem), 'client-key-data': base64(keyPem) },
      },
    ],
  });
