// Fields of built-in kinds that a feature gate opens, as upstream's registries drop them: which fields go when the gate is off,
// and which of the object before keep them. Not here: values that are refused while a gate is off (the rules of kinds).
import type { FeatureGate } from './feature-gates.ts';

/**
 * `a.b[].c`: c of each element of b; `a{}.c`: c of each value of the map a; `@containers`, `@statuses`: the three lists of
 * containers, and of what is said of them.
 */
export interface GatedFields {
  /** All must be on. */
  readonly gates: readonly FeatureGate[];
  readonly drop: readonly string[];
  /** In use when one of these is in the object before. Default: what is dropped. */
  readonly inUse?: readonly string[] | undefined;
  /** Only where this says something. */
  readonly when?: string | undefined;
  /** What is left of its parent is nothing: that goes as well. */
  readonly withParent?: true | undefined;
}

const of = (
  gate: FeatureGate | readonly FeatureGate[],
  drop: readonly string[],
  more: Omit<GatedFields, 'gates' | 'drop'> = {},
): GatedFields => ({ gates: typeof gate === 'string' ? [gate] : gate, drop, ...more });

/** What a field is when its gate is on and nobody says; only where its parent is. */
export interface GatedDefault {
  readonly gate: FeatureGate;
  readonly field: string;
  readonly value: number | boolean;
}
export const gatedDefaults: Readonly<Record<string, GatedDefault>> = {
  'apps/statefulsets': {
    gate: 'MaxUnavailableStatefulSet',
    field: 'spec.updateStrategy.rollingUpdate.maxUnavailable',
    value: 1,
  },
  'storage.k8s.io/csidrivers': {
    gate: 'VolumeLimitScaling',
    field: 'spec.preventPodSchedulingIfMissing',
    value: false,
  },
};

/** Of a Pod's spec, wherever it is. */
export const podSpecRules: readonly GatedFields[] = [
  of('ClusterTrustBundleProjection', ['volumes[].projected.sources[].clusterTrustBundle']),
  of('PodCertificateRequest', ['volumes[].projected.sources[].podCertificate']),
  of('ContainerStopSignals', ['@containers[].lifecycle.stopSignal'], { withParent: true }),
  of('GenericWorkload', ['schedulingGroup']),
  of('EnvFiles', ['@containers[].env[].valueFrom.fileKeyRef']),
  of('HostnameOverride', ['hostnameOverride']),
  of('MatchLabelKeysInPodTopologySpread', ['topologySpreadConstraints[].matchLabelKeys']),
  of('PodLevelResources', ['resources'], { inUse: ['resources.requests', 'resources.limits'] }),
];

/** Where kinds have the spec of a Pod. */
export const podSpecPaths: Readonly<Record<string, string>> = {
  '/pods': 'spec',
  '/podtemplates': 'template.spec',
  '/replicationcontrollers': 'spec.template.spec',
  'apps/daemonsets': 'spec.template.spec',
  'apps/deployments': 'spec.template.spec',
  'apps/replicasets': 'spec.template.spec',
  'apps/statefulsets': 'spec.template.spec',
  'batch/cronjobs': 'spec.jobTemplate.spec.template.spec',
  'batch/jobs': 'spec.template.spec',
};

const terminating = of('DeploymentReplicaSetTerminatingReplicas', ['status.terminatingReplicas']);

const claimRules = (spec: string): readonly GatedFields[] => [
  of('DRAPrioritizedList', [`${spec}.devices.requests[].firstAvailable`]),
  of('DRADeviceTaints', [
    `${spec}.devices.requests[].exactly.tolerations`,
    `${spec}.devices.requests[].firstAvailable[].tolerations`,
  ]),
  of('DRAConsumableCapacity', [
    `${spec}.devices.constraints[].distinctAttribute`,
    `${spec}.devices.requests[].exactly.capacity`,
    `${spec}.devices.requests[].firstAvailable[].capacity`,
  ]),
];

/** Of a group of Pods, and of templates of such. */
const groupRules = (at: string): readonly GatedFields[] => [
  of('TopologyAwareWorkloadScheduling', [`${at}schedulingConstraints`]),
  of('DRAWorkloadResourceClaims', [`${at}resourceClaims`]),
  of('WorkloadAwarePreemption', [`${at}disruptionMode`]),
  of('WorkloadAwarePreemption', [`${at}priorityClassName`]),
  of('WorkloadAwarePreemption', [`${at}priority`]),
];

/** `group/resource` -> rules. */
export const kindRules: Readonly<Record<string, readonly GatedFields[]>> = {
  '/nodes': [of('NodeDeclaredFeatures', ['status.declaredFeatures'])],
  '/persistentvolumeclaims': [
    of('CrossNamespaceVolumeDataSource', ['spec.dataSourceRef'], { when: 'spec.dataSourceRef.namespace' }),
  ],
  '/pods': [
    of('ImageVolumeWithDigest', ['status.@statuses[].volumeMounts[].volumeStatus']),
    of('DRANodeAllocatableResources', ['status.nodeAllocatableResourceClaimStatuses']),
    of('DRAExtendedResource', ['status.extendedResourceClaimStatus']),
    of('InPlacePodLevelResourcesVerticalScaling', ['status.resources', 'status.allocatedResources']),
    of('ResourceHealthStatus', ['status.@statuses[].allocatedResourcesStatus']),
    of('ResourceHealthStatusMessage', ['status.@statuses[].allocatedResourcesStatus[].resources[].message']),
  ],
  'apps/deployments': [terminating],
  'apps/replicasets': [terminating],
  'apps/statefulsets': [of('MaxUnavailableStatefulSet', ['spec.updateStrategy.rollingUpdate.maxUnavailable'])],
  'autoscaling/horizontalpodautoscalers': [
    of('HPAConfigurableTolerance', ['spec.behavior.scaleDown.tolerance', 'spec.behavior.scaleUp.tolerance']),
  ],
  'coordination.k8s.io/leases': [
    of('CoordinatedLeaderElection', ['spec.strategy']),
    of('CoordinatedLeaderElection', ['spec.preferredHolder']),
  ],
  'resource.k8s.io/deviceclasses': [of('DRAExtendedResource', ['spec.extendedResourceName'])],
  'resource.k8s.io/resourceclaims': claimRules('spec'),
  'resource.k8s.io/resourceclaimtemplates': claimRules('spec.spec'),
  'resource.k8s.io/resourceslices': [
    of('DRADeviceTaints', ['spec.devices[].taints']),
    of('DRAPartitionableDevices', [
      'spec.sharedCounters',
      'spec.perDeviceNodeSelection',
      'spec.devices[].consumesCounters',
      'spec.devices[].nodeName',
      'spec.devices[].nodeSelector',
      'spec.devices[].allNodes',
    ]),
    of(
      ['DRADeviceBindingConditions', 'DRAResourceClaimDeviceStatus'],
      ['spec.devices[].bindingConditions', 'spec.devices[].bindingFailureConditions', 'spec.devices[].bindsToNode'],
    ),
    of('DRAConsumableCapacity', ['spec.devices[].allowMultipleAllocations', 'spec.devices[].capacity{}.requestPolicy']),
    of('DRANodeAllocatableResources', ['spec.devices[].nodeAllocatableResourceMappings']),
    of('DRAListTypeAttributes', [
      'spec.devices[].attributes{}.bools',
      'spec.devices[].attributes{}.ints',
      'spec.devices[].attributes{}.strings',
      'spec.devices[].attributes{}.versions',
    ]),
  ],
  'scheduling.k8s.io/podgroups': [
    ...groupRules('spec.'),
    of('DRAWorkloadResourceClaims', ['status.resourceClaimStatuses'], { inUse: ['spec.resourceClaims'] }),
  ],
  'scheduling.k8s.io/workloads': groupRules('spec.podGroupTemplates[].'),
  'storage.k8s.io/csidrivers': [of('VolumeLimitScaling', ['spec.preventPodSchedulingIfMissing'])],
};
