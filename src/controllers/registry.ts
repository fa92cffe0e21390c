// THE list of controllers.
import { attachDetach } from './attachdetach/controller.ts';
import { bootstrapSigner } from './bootstrap-signer/controller.ts';
import { certificateSigning, type CertificateSigning } from './certificate-signing/controller.ts';
import { clusterRoleAggregation } from './clusterrole-aggregation/controller.ts';
import { cronJob } from './cronjob/controller.ts';
import { daemonSet } from './daemonset/controller.ts';
import { deployment } from './deployment/controller.ts';
import { disruption } from './disruption/controller.ts';
import { endpoints } from './endpoints/controller.ts';
import { endpointSlice } from './endpointslice/controller.ts';
import { endpointSliceMirroring } from './endpointslicemirroring/controller.ts';
import { ephemeralVolume } from './ephemeral-volume/controller.ts';
import { flowControl } from './flow-control/controller.ts';
import { garbageCollector } from './garbage-collector/controller.ts';
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler/controller.ts';
import { hostpathProvisioner, type VolumeDirectories } from './hostpath-provisioner/controller.ts';
import { ingressToRoute } from './ingress-to-route/controller.ts';
import { job } from './job/controller.ts';
import { legacyTokenCleaner } from './legacy-token-cleaner/controller.ts';
import { namespaceController } from './namespace/controller.ts';
import { namespaceSecurityAllocation } from './namespace-security-allocation/controller.ts';
import { nodeIpam } from './node-ipam/controller.ts';
import type { ClusterNetwork } from './node-ipam/decide.ts';
import { nodeLifecycle } from './node-lifecycle/controller.ts';
import { nodeRole } from './node-role/controller.ts';
import { persistentVolumeBinder, persistentVolumeClaimBinder } from './persistentvolume-binder/controller.ts';
import { podGarbageCollector } from './pod-gc/controller.ts';
import { persistentVolumeProtection } from './pv-protection/controller.ts';
import { claimProtection } from './pvc-protection/controller.ts';
import { replicaSet } from './replicaset/controller.ts';
import { replicationController } from './replicationcontroller/controller.ts';
import { resourceQuota } from './resourcequota/controller.ts';
import { rootCaCertPublisher } from './root-ca-cert-publisher/controller.ts';
import { resourceClaim } from './resource-claim/controller.ts';
import type { RuntimeConfig } from '#rules/runtime-config.ts';
import type { Controller } from './runtime/declaration.ts';
import { serviceAccount } from './service-account/controller.ts';
import { serviceCaBundleInjector } from './service-ca-bundle-injector/controller.ts';
import { serviceCaCertPublisher } from './service-ca-cert-publisher/controller.ts';
import { serviceCaServingCert } from './service-ca-serving-cert/controller.ts';
import { serviceCa } from './service-ca/controller.ts';
import { serviceCidrs } from './service-cidr/controller.ts';
import { serviceLoadBalancer } from './service-loadbalancer/controller.ts';
import { statefulSet } from './statefulset/controller.ts';
import { taintEviction } from './taint-eviction/controller.ts';
import { tokenCleaner } from './token-cleaner/controller.ts';
import { tokenSecrets } from './token-secrets/controller.ts';
import { timeToLive } from './ttl/controller.ts';
import { ttlAfterFinished } from './ttl-after-finished/controller.ts';
import { volumeExpand } from './volume-expand/controller.ts';
import { attributesClassProtection } from './vac-protection/controller.ts';

export interface ControllersConfig {
  /** Versions that the API server serves besides those by default. */
  readonly runtimeConfig?: RuntimeConfig | undefined;
  /** PEM of the authorities that signed the API server's certificate. */
  readonly rootCaCertificates: () => string;
  /** One for each address family; empty: nodes get no addresses from here. */
  readonly clusterNetworks: readonly ClusterNetwork[];
  /** Ports of the nodes that no LoadBalancer Service gets: `TCP/6443` to the words for whose they are. */
  readonly reservedPorts?: ReadonlyMap<string, string> | undefined;
  /** Absent: no built-in storage. */
  readonly volumeDirectories?: VolumeDirectories | undefined;
  /** Absent: no certificates of Services. */
  readonly serviceCa?: ServiceCaConfig | undefined;
  /** Signs tokens of service accounts for Secrets that ask for one; absent: such Secrets stay empty. */
  readonly signToken?: ((claims: Readonly<Record<string, unknown>>) => string) | undefined;
  /** Absent: requests for certificates are not signed. */
  readonly certificateSigning?: CertificateSigning | undefined;
}
export interface ServiceCaConfig {
  /** `cluster.local`. */
  readonly clusterDomain: string;
  /** Serial number of a new certificate: 1 to 20 random bytes. */
  readonly serial: () => Uint8Array;
}

const serviceCaControllers = ({ clusterDomain, serial }: ServiceCaConfig): readonly Controller[] => [
  serviceCa(serial),
  serviceCaServingCert(clusterDomain, serial),
  serviceCaBundleInjector,
  serviceCaCertPublisher,
];

export const controllersOf = (config: ControllersConfig): readonly Controller[] => [
  serviceAccount,
  ...(config.signToken === undefined ? [] : [tokenSecrets(config.signToken, config.rootCaCertificates)]),
  tokenCleaner,
  bootstrapSigner,
  legacyTokenCleaner,
  rootCaCertPublisher(config.rootCaCertificates),
  ...(config.certificateSigning === undefined ? [] : [certificateSigning(config.certificateSigning)]),
  nodeRole,
  ...(config.serviceCa === undefined ? [] : serviceCaControllers(config.serviceCa)),
  namespaceSecurityAllocation(),
  clusterRoleAggregation,
  flowControl,
  nodeIpam(config.clusterNetworks),
  nodeLifecycle(),
  taintEviction,
  timeToLive(),
  deployment,
  replicaSet,
  replicationController,
  daemonSet(),
  statefulSet,
  job,
  cronJob,
  ttlAfterFinished,
  disruption(),
  horizontalPodAutoscaler(),
  resourceQuota(config.runtimeConfig),
  endpointSlice,
  endpoints,
  endpointSliceMirroring,
  serviceCidrs,
  serviceLoadBalancer(config.reservedPorts ?? new Map()),
  ingressToRoute,
  persistentVolumeClaimBinder,
  persistentVolumeBinder,
  ...(config.volumeDirectories === undefined ? [] : [hostpathProvisioner(config.volumeDirectories)]),
  ephemeralVolume,
  resourceClaim(),
  attachDetach(),
  volumeExpand,
  claimProtection,
  persistentVolumeProtection,
  attributesClassProtection,
  podGarbageCollector(),
  namespaceController(config.runtimeConfig),
  garbageCollector(config.runtimeConfig),
];
