// The objects that every cluster has from its first second on, apart from RBAC (bootstrap-rbac.ts). Pure: a list.
import type { SecurityContextConstraints as Scc } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import {
  ConfigMaps,
  Endpoints,
  EndpointSlices,
  Namespaces,
  PriorityClasses,
  SecurityContextConstraints,
  ServiceAccounts,
  ServiceCIDRs,
  Services,
  StorageClasses,
} from '#api/generated/kind-references.ts';
import { dayOf, trackingConfigMapName } from '#rules/legacy-tokens.ts';
import { requestHeaders } from '#apiserver/authentication/request-header.ts';
import type { BootstrapObject } from './bootstrap-object.ts';
import type { Configuration } from './config/configuration.ts';
import { addressAt, parseIpv4Range } from './config/ranges.ts';
import { ingressEndpoints, ingressObjects } from './ingress-objects.ts';
import { productVersion } from './version.ts';

export type { BootstrapObject };

export interface BootstrapAuthorities {
  readonly clientPem: string;
  readonly requestHeaderPem: string;
}

const row = <T extends KubernetesObject>(kind: KindReference<T>, object: T, keepChanges = false): BootstrapObject => ({
  kind,
  object,
  keepChanges,
});

const privileged = {
  'pod-security.kubernetes.io/enforce': 'privileged',
  'pod-security.kubernetes.io/audit': 'privileged',
  'pod-security.kubernetes.io/warn': 'privileged',
};
const namespace = (name: string, labels: Readonly<Record<string, string>> = {}): BootstrapObject =>
  row(Namespaces, { metadata: { name, ...(Object.keys(labels).length === 0 ? {} : { labels }) }, spec: {} });

/** Made once: what an administrator changes in them stays, as upstream. */
export const stockSccs = (facts: { readonly sccs: readonly object[] }): readonly BootstrapObject[] =>
  facts.sccs.map((one) => row(SecurityContextConstraints, one as Scc, true));

export const defaultServiceCidr = 'kubernetes';

/** An administrator may make another class the default one: then ours stays what it was made. */
const defaultStorageClass = row(
  StorageClasses,
  {
    metadata: {
      name: 'kubevirt-hostpath-provisioner',
      annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
    },
    provisioner: 'kubevirt.io/hostpath-provisioner',
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'WaitForFirstConsumer',
  },
  true,
);

/** Since when uses of tokens in Secrets are noted: since the first start. */
export const tokenTracking = (now: number): BootstrapObject =>
  row(
    ConfigMaps,
    { metadata: { namespace: 'kube-system', name: trackingConfigMapName }, data: { since: dayOf(now) } },
    true,
  );

/** In order: a namespace comes before what is in it. */
export function bootstrapObjects(
  configuration: Configuration,
  authorities: BootstrapAuthorities,
  apiServers?: readonly string[],
): readonly BootstrapObject[] {
  const [major = '', minor = '', patch = ''] = productVersion.version.split('.');
  const serviceRange = parseIpv4Range(configuration.cluster.serviceRanges[0]!)!;
  return [
    ...['default', 'kube-system', 'kube-public', 'kube-node-lease'].map((name) => namespace(name)),
    namespace('openshift-infra'),
    row(Namespaces, {
      metadata: {
        name: 'openshift-service-ca',
        annotations: { 'openshift.io/node-selector': '', 'workload.openshift.io/allowed': 'management' },
      },
      spec: {},
    }),
    namespace('openshift-dns', privileged),
    namespace('openshift-ingress', {
      name: 'openshift-ingress',
      'network.openshift.io/policy-group': 'ingress',
      'policy-group.network.openshift.io/ingress': '',
      ...privileged,
    }),
    namespace('kubevirt-hostpath-provisioner', privileged),

    row(PriorityClasses, {
      metadata: { name: 'system-node-critical' },
      value: 2_000_001_000,
      globalDefault: false,
      preemptionPolicy: 'PreemptLowerPriority',
      description: 'Used for system critical pods that must not be moved from their current node.',
    }),
    row(PriorityClasses, {
      metadata: { name: 'system-cluster-critical' },
      value: 2_000_000_000,
      globalDefault: false,
      preemptionPolicy: 'PreemptLowerPriority',
      description:
        'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
    }),
    row(PriorityClasses, {
      metadata: { name: 'openshift-user-critical' },
      value: 1_000_000_000,
      globalDefault: false,
      preemptionPolicy: 'PreemptLowerPriority',
      description: 'For workloads of users that OpenShift itself relies on.',
    }),

    authenticationConfigMap(authorities),
    row(ConfigMaps, {
      metadata: { namespace: 'kube-public', name: 'microshift-version' },
      data: { major, minor, patch, version: productVersion.version },
    }),

    ...(configuration.storage.driver === 'none' ? [] : [defaultStorageClass]),

    // What the configuration says, for those who look here. An administrator may add a range of the other family.
    row(
      ServiceCIDRs,
      { metadata: { name: defaultServiceCidr }, spec: { cidrs: configuration.cluster.serviceRanges } },
      true,
    ),

    row(ServiceAccounts, { metadata: { namespace: 'openshift-service-ca', name: 'service-ca' } }),

    // Answered by the process itself: its endpoints are written by the DNS service of each node, no selector finds them.
    row(ServiceAccounts, { metadata: { namespace: 'openshift-dns', name: 'dns' } }),
    row(Services, {
      metadata: {
        namespace: 'openshift-dns',
        name: 'dns-default',
        labels: { 'dns.operator.openshift.io/owning-dns': 'default' },
      },
      spec: {
        type: 'ClusterIP',
        clusterIP: configuration.cluster.dnsAddress,
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, protocol: 'TCP' },
        ],
      },
    }),
    ...(configuration.ingress.status === 'Removed' ? [] : ingressObjects(configuration.ingress)),

    row(Services, {
      metadata: {
        namespace: 'default',
        name: 'kubernetes',
        labels: { component: 'apiserver', provider: 'kubernetes' },
      },
      spec: {
        type: 'ClusterIP',
        clusterIP: addressAt(serviceRange, 1),
        ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: configuration.cluster.port }],
        sessionAffinity: 'None',
      },
    }),
    ...addressObjects(configuration, configuration.nodeIp, apiServers),
  ];
}

/** What aggregated API servers verify callers with. */
export const authenticationConfigMap = (authorities: BootstrapAuthorities): BootstrapObject =>
  row(ConfigMaps, {
    metadata: { namespace: 'kube-system', name: 'extension-apiserver-authentication' },
    data: {
      'client-ca-file': authorities.clientPem,
      'requestheader-client-ca-file': authorities.requestHeaderPem,
      'requestheader-allowed-names': JSON.stringify(requestHeaders.allowedNames),
      'requestheader-username-headers': JSON.stringify(requestHeaders.username),
      'requestheader-uid-headers': JSON.stringify(requestHeaders.uid),
      'requestheader-group-headers': JSON.stringify(requestHeaders.group),
      'requestheader-extra-headers-prefix': JSON.stringify(requestHeaders.extraPrefix),
    },
  });

/** Where the Services that the process itself answers are reached: no selector finds them. Again for each new address of the node. */
export function addressObjects(
  configuration: Configuration,
  nodeIp: string,
  apiServers: readonly string[] = [nodeIp],
): readonly BootstrapObject[] {
  const { cluster, ingress } = configuration;
  const dns = slice(
    'openshift-dns',
    'dns-default',
    [cluster.dnsAddress],
    [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    ],
  );
  // The API refuses loopback addresses here: a machine without another has no endpoint.
  const reachable = apiServers.filter((address) => !address.startsWith('127.'));
  if (reachable.length === 0) return [dns];
  const ports = [{ name: 'https', port: cluster.port, protocol: 'TCP' }];
  return [
    dns,
    row(Endpoints, {
      metadata: {
        namespace: 'default',
        name: 'kubernetes',
        labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' },
      },
      subsets: [{ addresses: reachable.map((ip) => ({ ip })), ports }],
    }),
    slice('default', 'kubernetes', reachable, ports),
    // The router runs beside the control plane, where that has a node.
    ...(ingress.status === 'Removed' || !configuration.roles.includes('node') || nodeIp.startsWith('127.')
      ? []
      : ingressEndpoints(ingress, nodeIp)),
  ];
}

const slice = (
  inNamespace: string,
  service: string,
  addresses: readonly string[],
  ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[],
): BootstrapObject =>
  row(EndpointSlices, {
    metadata: { namespace: inNamespace, name: service, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports,
  });
