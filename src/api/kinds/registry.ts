// THE list of hand-written kinds: `Kind` or `group/Kind` -> behaviour. A file below kinds/ that is not here fails a test.
import type { KindBehaviour } from '../kind.ts';
import { configMapKey, dns1123Subdomain, storageVersionName } from '../meta/names.ts';
import { mutatingAdmissionPolicy } from './admissionregistration/mutating-admission-policy.ts';
import {
  mutatingAdmissionPolicyBinding,
  validatingAdmissionPolicyBinding,
} from './admissionregistration/policy-bindings.ts';
import { validatingAdmissionPolicy } from './admissionregistration/validating-admission-policy.ts';
import {
  mutatingWebhookConfiguration,
  validatingWebhookConfiguration,
} from './admissionregistration/webhook-configurations.ts';
import { customResourceDefinition } from './apiextensions/custom-resource-definition.ts';
import { apiService } from './apiregistration/api-service.ts';
import { daemonSet } from './apps/daemon-set.ts';
import { deployment } from './apps/deployment.ts';
import { replicaSet } from './apps/replica-set.ts';
import { statefulSet } from './apps/stateful-set.ts';
import { cronJob } from './batch/cron-job.ts';
import { job } from './batch/job.ts';
import { certificateSigningRequest } from './certificates/certificate-signing-request.ts';
import { lease } from './coordination/lease.ts';
import { configMap } from './core/config-map.ts';
import { endpoints } from './core/endpoints.ts';
import { event, eventInEventsGroup } from './core/event.ts';
import { limitRange } from './core/limit-range.ts';
import { namespace } from './core/namespace.ts';
import { node } from './core/node.ts';
import { persistentVolumeClaim } from './core/persistent-volume-claim.ts';
import { persistentVolume } from './core/persistent-volume.ts';
import { pod } from './core/pod.ts';
import { resourceQuota } from './core/resource-quota.ts';
import { secret } from './core/secret.ts';
import { serviceAccount } from './core/service-account.ts';
import { service } from './core/service.ts';
import { endpointSlice } from './discovery/endpoint-slice.ts';
import { ingress, ingressClass } from './networking/ingress.ts';
import { ipAddress, serviceCidr } from './networking/service-addresses.ts';
import { runtimeClass } from './node/runtime-class.ts';
import { podDisruptionBudget } from './policy/pod-disruption-budget.ts';
import { project } from './project/project.ts';
import { clusterRoleBinding, roleBinding } from './rbac/bindings.ts';
import { clusterRole, role } from './rbac/roles.ts';
import { route } from './route/route.ts';
import { priorityClass } from './scheduling/priority-class.ts';
import { storageClass } from './storage/storage-class.ts';
import { lazily } from './lazily.ts';

const claims = () => import('./resource/resource-claim.ts');
const csi = () => import('./storage/csi.ts');

export const behaviours: Readonly<Record<string, KindBehaviour>> = {
  ConfigMap: configMap,
  Endpoints: endpoints,
  Event: event,
  LimitRange: limitRange,
  Namespace: namespace,
  Node: node,
  PersistentVolume: persistentVolume,
  PersistentVolumeClaim: persistentVolumeClaim,
  Pod: pod,
  PodTemplate: lazily(async () => (await import('./core/pod-template.ts')).podTemplate),
  ReplicationController: lazily(async () => (await import('./core/replication-controller.ts')).replicationController, {
    selectableFields: ({ status }) => ({ 'status.replicas': String(status?.replicas ?? 0) }),
    // Declared rules say it of the name alone.
    validateName: (name, prefix) => (prefix ? [] : dns1123Subdomain(name)),
  }),
  ResourceQuota: resourceQuota,
  Secret: secret,
  Service: service,
  ServiceAccount: serviceAccount,
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': mutatingAdmissionPolicy,
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding': mutatingAdmissionPolicyBinding,
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': mutatingWebhookConfiguration,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': validatingAdmissionPolicy,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': validatingAdmissionPolicyBinding,
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': validatingWebhookConfiguration,
  'apiextensions.k8s.io/CustomResourceDefinition': customResourceDefinition,
  'apiregistration.k8s.io/APIService': apiService,
  'internal.apiserver.k8s.io/StorageVersion': lazily(
    async () => (await import('./apiserverinternal/storage-version.ts')).storageVersion,
    { metadataInUpdate: [], validateName: storageVersionName },
  ),
  'apps/ControllerRevision': lazily(async () => (await import('./apps/controller-revision.ts')).controllerRevision, {
    metadataInUpdate: ['update', 'whole'],
  }),
  'apps/DaemonSet': daemonSet,
  'apps/Deployment': deployment,
  'apps/ReplicaSet': replicaSet,
  'apps/StatefulSet': statefulSet,
  'autoscaling/HorizontalPodAutoscaler': lazily(
    async () => (await import('./autoscaling/horizontal-pod-autoscaler.ts')).horizontalPodAutoscaler,
  ),
  'batch/CronJob': cronJob,
  'batch/Job': job,
  'certificates.k8s.io/CertificateSigningRequest': certificateSigningRequest,
  'certificates.k8s.io/ClusterTrustBundle': lazily(
    async () => (await import('./certificates/cluster-trust-bundle.ts')).clusterTrustBundle,
    {
      // The name follows from the signer: the rules say so.
      validateName: () => [],
      metadataInUpdate: ['whole', 'update'],
      selectableFields: ({ spec }) => ({ 'spec.signerName': spec?.signerName ?? '' }),
    },
  ),
  'certificates.k8s.io/PodCertificateRequest': lazily(
    async () => (await import('./certificates/pod-certificate-request.ts')).podCertificateRequest,
    {
      selectableFields: ({ spec }) => ({
        'spec.signerName': spec?.signerName ?? '',
        'spec.podName': spec?.podName ?? '',
        'spec.nodeName': spec?.nodeName ?? '',
      }),
    },
  ),
  'coordination.k8s.io/Lease': lease,
  'coordination.k8s.io/LeaseCandidate': lazily(
    async () => (await import('./coordination/lease-candidate.ts')).leaseCandidate,
    { validateName: configMapKey, anyFinalizer: true },
  ),
  'discovery.k8s.io/EndpointSlice': endpointSlice,
  'events.k8s.io/Event': eventInEventsGroup,
  'flowcontrol.apiserver.k8s.io/FlowSchema': lazily(
    async () => (await import('./flowcontrol/flow-schema.ts')).flowSchema,
    { metadataInUpdate: ['whole'] },
  ),
  'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration': lazily(
    async () => (await import('./flowcontrol/priority-level-configuration.ts')).priorityLevelConfiguration,
    { metadataInUpdate: ['whole'] },
  ),
  'networking.k8s.io/IPAddress': ipAddress,
  'networking.k8s.io/Ingress': ingress,
  'networking.k8s.io/IngressClass': ingressClass,
  'networking.k8s.io/NetworkPolicy': lazily(async () => (await import('./networking/network-policy.ts')).networkPolicy),
  'networking.k8s.io/ServiceCIDR': serviceCidr,
  'node.k8s.io/RuntimeClass': runtimeClass,
  'policy/PodDisruptionBudget': podDisruptionBudget,
  'project.openshift.io/Project': project,
  'rbac.authorization.k8s.io/ClusterRole': clusterRole,
  'rbac.authorization.k8s.io/ClusterRoleBinding': clusterRoleBinding,
  'rbac.authorization.k8s.io/Role': role,
  'rbac.authorization.k8s.io/RoleBinding': roleBinding,
  'resource.k8s.io/DeviceClass': lazily(async () => (await import('./resource/device-class.ts')).deviceClass, {
    // Upstream does not look at the beginning of a generated name here.
    validateName: (name, prefix) => (prefix ? [] : dns1123Subdomain(name)),
    metadataInUpdate: ['whole', 'update'],
  }),
  'resource.k8s.io/DeviceTaintRule': lazily(
    async () => (await import('./resource/device-taint-rule.ts')).deviceTaintRule,
  ),
  'resource.k8s.io/ResourcePoolStatusRequest': lazily(
    async () => (await import('./resource/resource-pool-status-request.ts')).resourcePoolStatusRequest,
  ),
  'resource.k8s.io/ResourceClaim': lazily(async () => (await claims()).resourceClaim, {
    metadataInUpdate: ['whole', 'update'],
  }),
  'resource.k8s.io/ResourceClaimTemplate': lazily(async () => (await claims()).resourceClaimTemplate, {
    metadataInUpdate: ['whole', 'update'],
  }),
  'resource.k8s.io/ResourceSlice': lazily(async () => (await import('./resource/resource-slice.ts')).resourceSlice, {
    selectableFields: ({ spec }) => ({ 'spec.driver': spec?.driver ?? '', 'spec.nodeName': spec?.nodeName ?? '' }),
  }),
  'route.openshift.io/Route': route,
  'scheduling.k8s.io/PodGroup': lazily(async () => (await import('./scheduling/pod-group.ts')).podGroup, {
    metadataInUpdate: ['update'],
  }),
  'scheduling.k8s.io/PriorityClass': priorityClass,
  'scheduling.k8s.io/Workload': lazily(async () => (await import('./scheduling/pod-group.ts')).workload),
  'storage.k8s.io/CSIDriver': lazily(async () => (await csi()).csiDriver),
  'storage.k8s.io/CSINode': lazily(async () => (await csi()).csiNode, { metadataInUpdate: ['whole'] }),
  'storage.k8s.io/CSIStorageCapacity': lazily(async () => (await csi()).csiStorageCapacity, {
    metadataInUpdate: ['whole', 'update'],
  }),
  'storage.k8s.io/StorageClass': storageClass,
  'storage.k8s.io/VolumeAttachment': lazily(async () => (await csi()).volumeAttachment, {
    metadataInUpdate: ['whole'],
  }),
  'storage.k8s.io/VolumeAttributesClass': lazily(async () => (await csi()).volumeAttributesClass, {
    metadataInUpdate: ['update', 'whole'],
  }),
  'storagemigration.k8s.io/StorageVersionMigration': lazily(
    async () => (await import('./storagemigration/storage-version-migration.ts')).storageVersionMigration,
    { metadataInUpdate: ['whole', 'update'] },
  ),
};
