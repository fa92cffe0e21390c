// Keys of the cluster: its addresses and names, its API server, its storage, the manifests applied at start.
import { choice, integer, list, objects, text, type ConfigurationKey } from './key.ts';

export const clusterKeys: readonly ConfigurationKey[] = [
  text(
    'cluster.url',
    'https://127.0.0.1:6443',
    'restart',
    'where clients reach the API server; its port is the one it listens on',
  ),
  text(
    'cluster.clusterCIDR',
    '10.42.0.0/16',
    'restart',
    'addresses of Pods: a range of IPv4, and behind a comma one of IPv6',
  ),
  text(
    'cluster.serviceCIDR',
    '10.43.0.0/16',
    'restart',
    'addresses of Services: a range of IPv4, and behind a comma one of IPv6',
  ),
  text('cluster.dns', undefined, 'restart', 'address of the cluster DNS, inside cluster.serviceCIDR', {
    defaultText: 'the tenth of cluster.serviceCIDR, 10.43.0.10',
  }),
  text('cluster.domain', 'cluster.local', 'restart', 'domain of Services'),
  text('cluster.serviceNodePortRange', '30000-32767', 'restart', 'ports of NodePort Services, FIRST-LAST'),
  text('dns.baseDomain', 'example.com', 'restart', 'Routes without a host get NAME-NAMESPACE.apps.BASEDOMAIN'),
  choice('dns.hosts.status', ['Disabled', 'Enabled'], 'live', 'Enabled: the cluster DNS answers from dns.hosts.file'),
  text('dns.hosts.file', '/etc/hosts', 'live', 'file of names for the cluster DNS, in the form of /etc/hosts'),
];

export const apiServerKeys: readonly ConfigurationKey[] = [
  choice(
    'apiServer.auditLog.profile',
    ['Default', 'None', 'WriteRequestBodies', 'AllRequestBodies'],
    'live',
    'what the audit log says of a request: None nothing, Default no bodies',
  ),
  integer('apiServer.auditLog.maxFileAge', 0, 'live', 'days that old audit log files are kept; 0: any', {
    least: 0,
  }),
  integer('apiServer.auditLog.maxFileSize', 200, 'live', 'MB at which an audit log file is put aside', { least: 0 }),
  integer('apiServer.auditLog.maxFiles', 10, 'live', 'old audit log files that are kept; 0: any', { least: 0 }),
  text(
    'apiServer.authenticationConfig',
    '',
    'live',
    'file with an AuthenticationConfiguration of apiserver.config.k8s.io: issuers of tokens, anonymous requests; empty: none',
  ),
  text(
    'apiServer.authorizationConfig',
    '',
    'live',
    'file with an AuthorizationConfiguration of apiserver.config.k8s.io; empty: nodes, then roles',
  ),
  text(
    'apiServer.tokenWebhookConfig',
    '',
    'live',
    'kubeconfig file of a webhook that is asked about tokens which nobody here knows; empty: none',
  ),
  list(
    'apiServer.corsAllowedOrigins',
    [],
    'restart',
    'regular expressions (RE2) of the origins whose pages may use the API from a browser, each pinned to both ends of the host, such as ^https://console\\.example\\.com$; empty: none',
  ),
  text(
    'apiServer.featureGates.featureSet',
    '',
    'restart',
    'CustomNoUpgrade: the lists below hold; empty: every feature gate of Kubernetes is as upstream sets it',
  ),
  ...['customNoUpgrade', 'specialHandlingSupportExceptionRequired'].flatMap((from) => [
    list(`apiServer.featureGates.${from}.enabled`, [], 'restart', 'feature gates to turn on, by name'),
    list(`apiServer.featureGates.${from}.disabled`, [], 'restart', 'feature gates to turn off, by name'),
  ]),
  objects('apiServer.namedCertificates', [], 'live', 'own certificates of the API server, by the name asked for', {
    fields: [
      { name: 'certPath', type: 'string', meaning: 'PEM file: certificate, then intermediates' },
      { name: 'keyPath', type: 'string', meaning: 'PEM file of its key' },
      { name: 'names', type: 'list', meaning: "names it is for; empty: the certificate's own" },
    ],
  }),
  list(
    'apiServer.runtimeConfig',
    [],
    'restart',
    'beta and alpha versions of the API to serve as well: resource.k8s.io/v1beta1=true, certificates.k8s.io/v1beta1/clustertrustbundles, api/beta=true, api/alpha=true',
  ),
  list(
    'apiServer.subjectAltNames',
    [],
    'live',
    "additional names and addresses in the API server's certificate, with a kubeconfig each",
  ),
  choice(
    'apiServer.tls.minVersion',
    ['VersionTLS12', 'VersionTLS13'],
    'live',
    'lowest TLS version that the API server speaks',
  ),
  list(
    'apiServer.tls.cipherSuites',
    [],
    'live',
    "cipher suites of TLS 1.2 that the API server accepts, by IANA name; empty: MicroShift's",
  ),
  list(
    'manifests.kustomizePaths',
    [
      '/usr/lib/microshift/manifests',
      '/usr/lib/microshift/manifests.d/*',
      '/etc/microshift/manifests',
      '/etc/microshift/manifests.d/*',
    ],
    'live',
    'directories (or patterns of such) with a kustomization.yaml that is applied; empty: none',
  ),
  choice(
    'storage.driver',
    ['', 'hostpath', 'none'],
    'restart',
    'default StorageClass: hostpath (also when empty), or none: it is not made; one that is there stays',
  ),
];
