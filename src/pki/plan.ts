// Which authorities and certificates there are, where they lie and how long they hold: one row each.
// Separate signers, as upstream's: who can sign one kind of identity cannot sign another.
import type { CertificateUse, Subject } from './certificate.ts';

export type SignerName =
  | 'kube-control-plane-signer'
  | 'kube-apiserver-to-kubelet-signer'
  | 'admin-kubeconfig-signer'
  | 'kubelet-signer'
  | 'kube-csr-signer'
  | 'aggregator-signer'
  | 'kube-apiserver-external-signer'
  | 'kube-apiserver-localhost-signer'
  | 'kube-apiserver-service-network-signer'
  | 'ingress-ca';

export type LeafName =
  | 'admin'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kube-proxy'
  | 'kubelet-client'
  | 'kubelet-serving'
  | 'api-to-kubelet'
  | 'aggregator-client'
  | 'api-external-serving'
  | 'api-localhost-serving'
  | 'api-service-network-serving'
  | 'ingress-serving';

/** What the certificates must say; changes when addresses or host names change. */
export interface Names {
  readonly nodeName: string;
  /** Names of the API server inside the cluster, and all its addresses: for clients that send no name (SNI). */
  readonly apiServer: readonly string[];
  /** Names by which the API server is reached from elsewhere. */
  readonly external: readonly string[];
  /** Of `external`, and addresses: each gets a kubeconfig of its own that leads there. */
  readonly kubeconfigs: readonly string[];
  /** Names with a certificate of somebody else: their kubeconfigs trust others. Empty authorities: the system's. */
  readonly named?: readonly { readonly name: string; readonly authoritiesPem: string }[] | undefined;
  readonly node: readonly string[];
  readonly ingress: readonly string[];
  /** Of cluster.url, in every kubeconfig. */
  readonly apiServerUrl: string;
}

/** Who a node is to the API server. */
export const nodeSubject = (nodeName: string): Subject => ({
  commonName: `system:node:${nodeName}`,
  organizations: ['system:nodes'],
});

export interface LeafPlan {
  readonly name: LeafName;
  readonly signer: SignerName;
  readonly use: Exclude<CertificateUse, 'authority'>;
  readonly lifetime: 'long' | 'short';
  /** Below the data directory, without `.crt` and `.key`. */
  readonly path: string;
  readonly subject: (names: Names) => Subject;
  readonly names?: (names: Names) => readonly string[];
  /** Directory of the kubeconfig that carries it, below resources/. */
  readonly kubeconfig?: string;
}

export const signers: readonly SignerName[] = [
  'kube-control-plane-signer',
  'kube-apiserver-to-kubelet-signer',
  'admin-kubeconfig-signer',
  'kubelet-signer',
  'kube-csr-signer',
  'aggregator-signer',
  'kube-apiserver-external-signer',
  'kube-apiserver-localhost-signer',
  'kube-apiserver-service-network-signer',
  'ingress-ca',
];
/** Below the data directory; `user`: a folder, or `kubeadmin/NAME`. */
export const kubeconfigPath = (user: string): string => `resources/${user}/kubeconfig`;
export const signerPath = (name: SignerName): string => `certs/${name}/ca`;

const controlPlaneClient = (name: 'kube-controller-manager' | 'kube-scheduler' | 'kube-proxy'): LeafPlan => ({
  name,
  signer: 'kube-control-plane-signer',
  use: 'client',
  lifetime: 'short',
  path: `certs/kube-control-plane-signer/${name}/client`,
  subject: () => ({ commonName: `system:${name}` }),
  kubeconfig: name,
});

const apiServing = (
  which: 'external' | 'localhost' | 'service-network',
  directory: string,
  names: (names: Names) => readonly string[],
): LeafPlan => ({
  name: `api-${which}-serving`,
  signer: `kube-apiserver-${which}-signer`,
  use: 'serving',
  lifetime: 'short',
  path: `certs/kube-apiserver-${which}-signer/${directory}/server`,
  subject: () => ({ commonName: 'kube-apiserver' }),
  names,
});

export const leaves: readonly LeafPlan[] = [
  apiServing('external', 'kube-external-serving', (names) => names.external),
  apiServing('localhost', 'kube-apiserver-localhost-serving', () => ['localhost', '127.0.0.1', '::1']),
  apiServing('service-network', 'kube-apiserver-service-network-serving', (names) => names.apiServer),
  {
    name: 'aggregator-client',
    signer: 'aggregator-signer',
    use: 'client',
    lifetime: 'short',
    path: 'certs/kube-apiserver/secrets/aggregator-client/tls',
    subject: () => ({ commonName: 'system:openshift-aggregator' }),
  },
  {
    name: 'api-to-kubelet',
    signer: 'kube-apiserver-to-kubelet-signer',
    use: 'client',
    lifetime: 'short',
    path: 'resources/kube-apiserver/secrets/kubelet-client/tls',
    subject: () => ({ commonName: 'system:kube-apiserver', organizations: ['kube-master'] }),
  },
  {
    name: 'kubelet-serving',
    signer: 'kubelet-signer',
    use: 'serving',
    lifetime: 'short',
    path: 'resources/kubelet/secrets/kubelet-client/tls',
    subject: (names) => nodeSubject(names.nodeName),
    names: (names) => names.node,
  },
  {
    name: 'kubelet-client',
    signer: 'kubelet-signer',
    use: 'client',
    lifetime: 'short',
    path: 'certs/kubelet-signer/kubelet-client/client',
    subject: (names) => nodeSubject(names.nodeName),
    kubeconfig: 'kubelet',
  },
  {
    name: 'admin',
    signer: 'admin-kubeconfig-signer',
    use: 'client',
    lifetime: 'long',
    path: 'certs/admin-kubeconfig-signer/admin-kubeconfig-client/client',
    subject: () => ({ commonName: 'system:admin', organizations: ['system:masters'] }),
    kubeconfig: 'kubeadmin',
  },
  controlPlaneClient('kube-controller-manager'),
  controlPlaneClient('kube-scheduler'),
  controlPlaneClient('kube-proxy'),
  {
    name: 'ingress-serving',
    signer: 'ingress-ca',
    use: 'serving',
    lifetime: 'short',
    path: 'certs/ingress-ca/router-default-serving/server',
    subject: (names) => ({ commonName: names.ingress[0] ?? 'router-default' }),
    names: (names) => names.ingress,
  },
];

/** Bundles of authorities' certificates; the first is what clients of the API server trust. */
export const bundles = {
  serving: {
    path: 'certs/ca-bundle/service-account-token-ca.crt',
    signers: [
      'kube-apiserver-localhost-signer',
      'kube-apiserver-service-network-signer',
      'kube-apiserver-external-signer',
    ],
  },
  client: {
    path: 'certs/ca-bundle/client-ca.crt',
    signers: [
      'kube-control-plane-signer',
      'kube-apiserver-to-kubelet-signer',
      'admin-kubeconfig-signer',
      'kubelet-signer',
      'kube-csr-signer',
    ],
  },
  kubeletClient: {
    path: 'certs/ca-bundle/kubelet-client-ca.crt',
    signers: ['kube-control-plane-signer', 'kube-apiserver-to-kubelet-signer', 'admin-kubeconfig-signer'],
  },
  kubeletServing: { path: 'certs/ca-bundle/kubelet-ca.crt', signers: ['kubelet-signer', 'kube-csr-signer'] },
  requestHeader: { path: 'certs/ca-bundle/request-header-ca.crt', signers: ['aggregator-signer'] },
  ingress: { path: 'certs/ca-bundle/ingress-ca.crt', signers: ['ingress-ca'] },
} as const satisfies Readonly<Record<string, { path: string; signers: readonly SignerName[] }>>;
export type BundleName = keyof typeof bundles;

export const serviceAccountKeyPath = 'resources/kube-apiserver/secrets/service-account-key/service-account';

const dayMs = 86_400_000;
/** Upstream MicroShift's lifetimes and the remaining time at which it renews: earlier at a start than while running. */
export const lifetimes = {
  signer: { validMs: 10 * 365 * dayMs, renewAtStartMs: 548 * dayMs, renewRunningMs: 365 * dayMs },
  long: { validMs: 10 * 365 * dayMs, renewAtStartMs: 548 * dayMs, renewRunningMs: 365 * dayMs },
  short: { validMs: 365 * dayMs, renewAtStartMs: 213 * dayMs, renewRunningMs: 122 * dayMs },
} as const;
