// THE order of admission plugins, for both halves (changing, then judging): upstream's.
import type { Store } from '#storage/store.ts';
import type { AdmissionPlugin } from '../context.ts';
import { certificateRequests } from './certificates.ts';
import { defaultIngressClass } from './ingress-class.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { defaultTolerationSeconds, taintNodesByCondition } from './pod-defaults.ts';
import { policyParamAccess } from './policies/param-access.ts';
import { mutatingPolicies, validatingPolicies } from './policies/plugins.ts';
import { podCertificates } from './pod-certificates.ts';
import { podGroups } from './pod-groups.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { nodeDeclaredFeatures } from './node-declared-features.ts';
import { podSecurity } from './pod-security/plugin.ts';
import { priority } from './priority.ts';
import { rbacEscalation } from './rbac-escalation.ts';
import { resourceQuota } from './resource-quota.ts';
import { routeHost } from './route-host.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { mutatingWebhooks, validatingWebhooks } from './webhooks/plugins.ts';
import { defaultStorageClass, persistentVolumeClaimResize, storageObjectInUseProtection } from './storage.ts';

/** Those that follow configurations in the store are each server's own. */
export const admissionOrder = (store: Store): readonly AdmissionPlugin[] => [
  namespaceLifecycle, // is the namespace there, and staying
  limitRanger, // defaults and bounds of containers and claims
  serviceAccount, // account, token volume, pull secrets
  nodeRestriction, // nodes: only themselves and their pods
  taintNodesByCondition, // new nodes start as not ready
  podSecurity, // Pods against the standard of their namespace
  priority, // class to number
  defaultTolerationSeconds, // five minutes for lost nodes
  defaultStorageClass,
  storageObjectInUseProtection, // finalizers of claims and volumes
  podGroups, // groups of Pods that are scheduled together
  persistentVolumeClaimResize,
  runtimeClass, // is the class there; its overhead and placement
  certificateRequests, // who asked, who may approve and sign
  podCertificates, // who may attest and sign for a signer of Pods' certificates
  defaultIngressClass, // of an Ingress that names none
  podTopologyLabels, // zone and region of the node
  nodeDeclaredFeatures, // no update of a Pod that its node would not do
  routeHost, // OpenShift: host of a Route
  policyParamAccess, // no policy on what its writer cannot read
  mutatingPolicies(store),
  mutatingWebhooks(store),
  validatingPolicies(store),
  validatingWebhooks(store),
  rbacEscalation, // no grant beyond one's own rights, whoever wrote it into the object
  resourceQuota(store), // last: counts what will really be stored
];
