// Versions of built-in kinds that upstream tells its users to leave: whoever asks for one gets a Warning header.
// Listed are those that 1.36 warns about; a release later more of the beta versions would be.
import type { KindReference } from './kind.ts';

/** By group and version: since which minor release of 1. Three releases later such a version goes. */
const betaVersions: Readonly<Record<string, { readonly since: number; readonly kinds: readonly string[] }>> = {
  'admissionregistration.k8s.io/v1alpha1': {
    since: 35,
    kinds: ['MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding'],
  },
  'certificates.k8s.io/v1alpha1': { since: 34, kinds: ['ClusterTrustBundle'] },
  'coordination.k8s.io/v1alpha2': { since: 35, kinds: ['LeaseCandidate'] },
  'coordination.k8s.io/v1beta1': { since: 36, kinds: ['LeaseCandidate'] },
  'networking.k8s.io/v1beta1': { since: 34, kinds: ['IPAddress', 'ServiceCIDR'] },
  'resource.k8s.io/v1alpha3': { since: 36, kinds: ['DeviceTaintRule'] },
  'resource.k8s.io/v1beta1': {
    since: 35,
    kinds: ['DeviceClass', 'ResourceClaim', 'ResourceClaimTemplate', 'ResourceSlice'],
  },
  'resource.k8s.io/v1beta2': {
    since: 36,
    kinds: ['DeviceClass', 'ResourceClaim', 'ResourceClaimTemplate', 'ResourceSlice'],
  },
  'storage.k8s.io/v1beta1': { since: 34, kinds: ['VolumeAttributesClass'] },
};

const inUse: Readonly<Record<string, string>> = {
  ComponentStatus: 'v1 ComponentStatus is deprecated in v1.19+',
  Endpoints: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
};
const replacedBy: Readonly<Record<string, string>> = {
  'storage.k8s.io/v1beta1': 'storage.k8s.io/v1 VolumeAttributesClass',
};

/** Undefined: nothing to say. */
export function deprecationWarning({ group, version, kind }: Omit<KindReference, 'resource'>): string | undefined {
  if (group === '') return inUse[kind];
  const groupVersion = `${group}/${version}`;
  const row = betaVersions[groupVersion];
  if (row === undefined || !row.kinds.includes(kind)) return undefined;
  const replacement = replacedBy[groupVersion];
  const told = `${groupVersion} ${kind} is deprecated in v1.${row.since}+, unavailable in v1.${row.since + 3}+`;
  return replacement === undefined ? told : `${told}; use ${replacement}`;
}
