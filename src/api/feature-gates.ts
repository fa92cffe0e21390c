// Feature gates of Kubernetes as the rules of kinds and the server ask for them: those that change something here. All that
// upstream knows, and what may be said of them, is in rules/feature-gates.ts.

/** What each is where nobody says otherwise, as upstream. */
const defaults = {
  CBORServingAndStorage: false,
  ClusterTrustBundle: false,
  ClusterTrustBundleProjection: false,
  ContainerStopSignals: false,
  CoordinatedLeaderElection: false,
  CrossNamespaceVolumeDataSource: false,
  DRAConsumableCapacity: true,
  DRADeviceBindingConditions: true,
  DRADeviceTaints: true,
  DRAExtendedResource: true,
  DRAListTypeAttributes: false,
  DRANodeAllocatableResources: false,
  DRAPartitionableDevices: true,
  DRAPrioritizedList: true,
  DRAResourceClaimDeviceStatus: true,
  DRAWorkloadResourceClaims: false,
  DeploymentReplicaSetTerminatingReplicas: true,
  EnvFiles: true,
  GenericWorkload: false,
  HPAConfigurableTolerance: true,
  HPAScaleToZero: false,
  HostnameOverride: true,
  ImageVolumeWithDigest: false,
  InPlacePodLevelResourcesVerticalScaling: true,
  MatchLabelKeysInPodTopologySpread: true,
  MaxUnavailableStatefulSet: false,
  MutablePVNodeAffinity: false,
  NodeDeclaredFeatures: true,
  PodCertificateRequest: false,
  PodLevelResources: true,
  PodTopologyLabelsAdmission: true,
  ResourceHealthStatus: true,
  ResourceHealthStatusMessage: true,
  StorageVersionMigrator: false,
  TopologyAwareWorkloadScheduling: false,
  VolumeLimitScaling: false,
  WorkloadAwarePreemption: false,
} as const satisfies Readonly<Record<string, boolean>>;

export type FeatureGate = keyof typeof defaults;

export interface FeatureGates {
  isOn(gate: FeatureGate): boolean;
  /** Of those that upstream knows, the ones that are not as by default. */
  readonly changed: ReadonlyMap<string, boolean>;
}

export const gatesWithEffect: Readonly<Record<string, boolean>> = defaults;

export const featureGates = (changed: ReadonlyMap<string, boolean>): FeatureGates => ({
  isOn: (gate) => changed.get(gate) ?? defaults[gate],
  changed,
});

export const defaultGates: FeatureGates = featureGates(new Map());
