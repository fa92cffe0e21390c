// Every key of the configuration: its name in the file, its environment variable, its type, what it is for.
// One row a key; parsing, `show-config`, and the documentation follow from it.

export type KeyType = 'string' | 'integer' | 'list';

export interface ConfigurationKey {
  /** Path in the file, such as `cluster.url`. */
  readonly path: string;
  readonly type: KeyType;
  readonly variable: string;
  readonly meaning: string;
  /** Allowed values, where they are few. */
  readonly oneOf?: readonly string[];
}

const key = (path: string, type: KeyType, meaning: string, oneOf?: readonly string[]): ConfigurationKey => ({
  path,
  type,
  variable: `MICROSHIFT_${path.replaceAll('.', '_').toUpperCase()}`,
  meaning,
  ...(oneOf === undefined ? {} : { oneOf }),
});

export const configurationKeys: readonly ConfigurationKey[] = [
  key('dataDir', 'string', 'directory of all state: objects, certificates, kubeconfigs'),
  key('auditLogDir', 'string', 'directory of kube-apiserver-audit.log; empty: no audit log'),
  key('logVLevel', 'integer', 'verbosity of the log; from 4 on everything'),
  key('logFormat', 'string', 'one line an entry, as text or as JSON', ['text', 'json']),
  key('roles', 'list', 'what runs here: controlplane, node, or both', ['controlplane', 'node']),
  key('nodeName', 'string', "name of this machine's Node; the host name when not given"),
  key('nodeIP', 'string', 'address of this node; that of the default route when not given'),
  key('cluster.url', 'string', 'where clients reach the API server; its port is the one it listens on'),
  key('cluster.clusterCIDR', 'string', 'addresses of Pods'),
  key('cluster.serviceCIDR', 'string', 'addresses of Services'),
  key('cluster.dns', 'string', 'address of the cluster DNS, inside cluster.serviceCIDR'),
  key('cluster.domain', 'string', 'domain of Services'),
  key('cluster.serviceNodePortRange', 'string', 'ports of NodePort Services, FIRST-LAST'),
  key('dns.baseDomain', 'string', 'Routes without a host get NAME-NAMESPACE.apps.BASEDOMAIN'),
  key('ingress.status', 'string', 'Removed: no router', ['Managed', 'Removed']),
  key('ingress.ports.http', 'integer', 'port of the router for HTTP'),
  key('ingress.ports.https', 'integer', 'port of the router for HTTPS'),
  key('ingress.listenAddress', 'list', 'addresses on which the router listens; empty: all'),
  key(
    'node.runtimeEndpoint',
    'string',
    'CRI socket, unix:///PATH; empty: CRI-O or containerd of the host, else a private containerd',
  ),
  key('node.cniConfigDir', 'string', 'directory of the CNI configuration'),
  key('node.cniPluginDirs', 'list', 'directories of the CNI plugins'),
  key('node.kubeletDir', 'string', "directory of Pods' volumes"),
  key('node.podLogDir', 'string', "directory of containers' logs"),
  key('node.volumeDir', 'string', 'directory of volumes of the default StorageClass'),
  key('node.imageDir', 'string', 'OCI archives in it are imported when the node starts'),
  key('node.pauseImage', 'string', "image of Pods' sandboxes"),
  key('node.pinnedImages', 'list', 'images that are never removed to free space'),
  key('node.kubeletPort', 'integer', "port of the node's API (logs, exec, port-forward)"),
];

export type RawValue = string | number | readonly string[];
/** Values by path of the key, each with where it came from. */
export type RawConfiguration = ReadonlyMap<string, { readonly value: RawValue; readonly source: string }>;
