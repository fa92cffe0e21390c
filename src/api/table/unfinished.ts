// Rows of kinds without a stable version: trust bundles, certificates of Pods, groups of Pods, lease candidates, pool requests,
// storage versions.
import type {
  ClusterTrustBundleCertificatesV1beta1 as ClusterTrustBundle,
  LeaseCandidateCoordinationV1beta1 as LeaseCandidate,
  PodCertificateRequest,
  PodGroup,
  ResourcePoolStatusRequest,
  StorageVersion,
  StorageVersionMigration,
} from '../generated/types.ts';
import { ageOf } from '../meta/time.ts';
import { age, labelsText, none, unset, withMore, type CellsOf } from './format.ts';

const nameOf = ({ metadata }: { readonly metadata: { readonly name?: string | undefined } }): string =>
  metadata.name ?? '';

export const clusterTrustBundleCells: CellsOf<ClusterTrustBundle> = (object) => [
  nameOf(object),
  object.spec?.signerName || none,
];

export const podCertificateRequestCells: CellsOf<PodCertificateRequest> = (object) => {
  const { podName, serviceAccountName, nodeName, signerName, unverifiedUserAnnotations } = object.spec;
  const outcome = (object.status?.conditions ?? []).findLast(({ type }) =>
    ['Issued', 'Denied', 'Failed'].includes(type),
  );
  return [
    nameOf(object),
    podName,
    serviceAccountName,
    nodeName,
    signerName,
    outcome?.type ?? 'Pending',
    labelsText(unverifiedUserAnnotations),
  ];
};

function podGroupStatus({ status }: PodGroup): string {
  const find = (type: string) => (status?.conditions ?? []).findLast((one) => one.type === type);
  const disruption = find('DisruptionTarget');
  if (disruption !== undefined) return disruption.reason;
  const scheduled = find('PodGroupScheduled');
  if (scheduled === undefined) return 'Pending';
  return scheduled.status === 'True' ? 'Scheduled' : 'Unschedulable';
}

export const podGroupCells: CellsOf<PodGroup> = (object, now) => [
  nameOf(object),
  object.spec.schedulingPolicy?.gang === undefined ? 'Basic' : 'Gang',
  object.spec.podGroupTemplateRef?.workload?.workloadName ?? none,
  podGroupStatus(object),
  age(object, now),
];

export const leaseCandidateCells: CellsOf<LeaseCandidate> = (object, now) => [
  nameOf(object),
  object.spec.leaseName,
  object.spec.binaryVersion,
  object.spec.emulationVersion ?? '',
  age(object, now),
];

export const resourcePoolStatusRequestCells: CellsOf<ResourcePoolStatusRequest> = (object, now) => {
  const { status } = object;
  const { pools = [], poolCount = 0, conditions = [] } = status ?? {};
  const end = conditions.find(({ type, status: is }) => ['Complete', 'Failed'].includes(type) && is === 'True');
  const isComplete = end?.type === 'Complete';
  const told = isComplete && poolCount > pools.length ? `Complete (${pools.length}/${poolCount} pools)` : end?.type;
  const sum = (field: 'totalDevices' | 'availableDevices' | 'allocatedDevices' | 'unavailableDevices') =>
    String(pools.reduce((total, one) => total + (one[field] ?? 0), 0));
  const isCounted = status !== undefined && end?.type !== 'Failed';
  return [
    nameOf(object),
    object.spec.driver,
    ...(isCounted
      ? [
          sum('totalDevices'),
          sum('availableDevices'),
          sum('allocatedDevices'),
          sum('unavailableDevices'),
          String(pools.filter((one) => one.validationError !== undefined).length),
        ]
      : Array.from({ length: 5 }, () => '-')),
    poolCount,
    told ?? 'Pending',
    isComplete ? ageOf(end.lastTransitionTime, now) : none,
  ];
};

const serversShown = 3;

export const storageVersionCells: CellsOf<StorageVersion> = (object, now) => [
  nameOf(object),
  object.status?.commonEncodingVersion ?? unset,
  withMore(
    (object.status?.storageVersions ?? []).map((one) => `${one.apiServerID}=${one.encodingVersion}`),
    serversShown,
    unset,
  ),
  age(object, now),
];

export const storageVersionMigrationCells: CellsOf<StorageVersionMigration> = (object) => {
  const { group, resource } = object.spec.resource;
  const reached = (object.status?.conditions ?? []).findLast(
    ({ type, status }) => status === 'True' && ['Running', 'Failed', 'Succeeded'].includes(type),
  );
  return [nameOf(object), group ? `${resource}.${group}` : resource, reached?.type ?? 'Unknown'];
};
