// The cells of a kind's row in a server-side Table: one for each column of the kind, upstream's texts.
import type { KindRow, KubernetesObject } from '../kind.ts';
import { age, type CellsOf } from './format.ts';
import {
  mutatingPolicyCells,
  policyBindingCells,
  validatingPolicyCells,
  webhookConfigurationCells,
} from './admission.ts';
import {
  apiServiceCells,
  bindingCells,
  certificateSigningRequestCells,
  componentStatusCells,
  configMapCells,
  eventCells,
  leaseCells,
  namespaceCells,
  nodeCells,
  priorityClassCells,
  projectCells,
  resourceQuotaCells,
  runtimeClassCells,
  secretCells,
  securityContextConstraintsCells,
  serviceAccountCells,
} from './cluster.ts';
import {
  endpointSliceCells,
  endpointsCells,
  ingressCells,
  ingressClassCells,
  networkPolicyCells,
  routeCells,
  serviceCells,
} from './network.ts';
import {
  deviceTaintRuleCells,
  flowSchemaCells,
  ipAddressCells,
  priorityLevelCells,
  resourceClaimCells,
  resourceSliceCells,
  serviceCidrCells,
} from './devices-and-flows.ts';
import { podCells } from './pod.ts';
import { nodeMetricsCells, podMetricsCells } from './usage.ts';
import {
  clusterTrustBundleCells,
  leaseCandidateCells,
  podCertificateRequestCells,
  podGroupCells,
  resourcePoolStatusRequestCells,
  storageVersionCells,
  storageVersionMigrationCells,
} from './unfinished.ts';
import {
  csiDriverCells,
  csiNodeCells,
  persistentVolumeCells,
  persistentVolumeClaimCells,
  storageClassCells,
  volumeAttachmentCells,
  volumeAttributesClassCells,
} from './storage.ts';
import {
  controllerRevisionCells,
  cronJobCells,
  daemonSetCells,
  deploymentCells,
  horizontalPodAutoscalerCells,
  jobCells,
  podDisruptionBudgetCells,
  podTemplateCells,
  replicaSetCells,
  scaleCells,
  replicationControllerCells,
  statefulSetCells,
} from './workloads.ts';

interface Printer {
  cells(object: KubernetesObject, now: number): unknown[];
}
/** The object of a row is of the row's kind: the table and the key below say the same. */
const printer = <T extends KubernetesObject>(cells: CellsOf<T>): Printer => ({
  cells: (object, now) => cells(object as T, now),
});

/** By `version/resource` of the core group, else `group/version/resource`. */
const printers: Readonly<Record<string, Printer>> = {
  'v1/pods': printer(podCells),
  'v1/componentstatuses': printer(componentStatusCells),
  'v1/podtemplates': printer(podTemplateCells),
  'v1/replicationcontrollers': printer(replicationControllerCells),
  'v1/services': printer(serviceCells),
  'v1/endpoints': printer(endpointsCells),
  'v1/nodes': printer(nodeCells),
  'v1/namespaces': printer(namespaceCells),
  'v1/configmaps': printer(configMapCells),
  'v1/secrets': printer(secretCells),
  'v1/serviceaccounts': printer(serviceAccountCells),
  'v1/events': printer(eventCells),
  'v1/persistentvolumes': printer(persistentVolumeCells),
  'v1/persistentvolumeclaims': printer(persistentVolumeClaimCells),
  'v1/resourcequotas': printer(resourceQuotaCells),
  'admissionregistration.k8s.io/v1/validatingadmissionpolicies': printer(validatingPolicyCells),
  'admissionregistration.k8s.io/v1/validatingadmissionpolicybindings': printer(policyBindingCells),
  'admissionregistration.k8s.io/v1/mutatingadmissionpolicies': printer(mutatingPolicyCells),
  'admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings': printer(policyBindingCells),
  'admissionregistration.k8s.io/v1/validatingwebhookconfigurations': printer(webhookConfigurationCells),
  'admissionregistration.k8s.io/v1/mutatingwebhookconfigurations': printer(webhookConfigurationCells),
  'apps/v1/deployments': printer(deploymentCells),
  'apps/v1/replicasets': printer(replicaSetCells),
  'apps/v1/daemonsets': printer(daemonSetCells),
  'apps/v1/statefulsets': printer(statefulSetCells),
  'apps/v1/controllerrevisions': printer(controllerRevisionCells),
  'autoscaling/v2/horizontalpodautoscalers': printer(horizontalPodAutoscalerCells),
  'autoscaling/v1/scales': printer(scaleCells),
  'batch/v1/jobs': printer(jobCells),
  'batch/v1/cronjobs': printer(cronJobCells),
  'certificates.k8s.io/v1/certificatesigningrequests': printer(certificateSigningRequestCells),
  'certificates.k8s.io/v1beta1/clustertrustbundles': printer(clusterTrustBundleCells),
  'certificates.k8s.io/v1beta1/podcertificaterequests': printer(podCertificateRequestCells),
  'coordination.k8s.io/v1beta1/leasecandidates': printer(leaseCandidateCells),
  'internal.apiserver.k8s.io/v1alpha1/storageversions': printer(storageVersionCells),
  'resource.k8s.io/v1alpha3/resourcepoolstatusrequests': printer(resourcePoolStatusRequestCells),
  'scheduling.k8s.io/v1alpha2/podgroups': printer(podGroupCells),
  'storagemigration.k8s.io/v1beta1/storageversionmigrations': printer(storageVersionMigrationCells),
  'coordination.k8s.io/v1/leases': printer(leaseCells),
  'discovery.k8s.io/v1/endpointslices': printer(endpointSliceCells),
  'networking.k8s.io/v1/ingresses': printer(ingressCells),
  'networking.k8s.io/v1/ingressclasses': printer(ingressClassCells),
  'networking.k8s.io/v1/networkpolicies': printer(networkPolicyCells),
  'node.k8s.io/v1/runtimeclasses': printer(runtimeClassCells),
  'policy/v1/poddisruptionbudgets': printer(podDisruptionBudgetCells),
  'rbac.authorization.k8s.io/v1/rolebindings': printer(bindingCells),
  'rbac.authorization.k8s.io/v1/clusterrolebindings': printer(bindingCells),
  'metrics.k8s.io/v1beta1/nodes': printer(nodeMetricsCells),
  'metrics.k8s.io/v1beta1/pods': printer(podMetricsCells),
  'apiregistration.k8s.io/v1/apiservices': printer(apiServiceCells),
  'project.openshift.io/v1/projects': printer(projectCells),
  'route.openshift.io/v1/routes': printer(routeCells),
  'scheduling.k8s.io/v1/priorityclasses': printer(priorityClassCells),
  'security.openshift.io/v1/securitycontextconstraints': printer(securityContextConstraintsCells),
  'storage.k8s.io/v1/storageclasses': printer(storageClassCells),
  'storage.k8s.io/v1/csinodes': printer(csiNodeCells),
  'storage.k8s.io/v1/csidrivers': printer(csiDriverCells),
  'storage.k8s.io/v1/volumeattachments': printer(volumeAttachmentCells),
  'storage.k8s.io/v1/volumeattributesclasses': printer(volumeAttributesClassCells),
  'resource.k8s.io/v1/resourceclaims': printer(resourceClaimCells),
  'resource.k8s.io/v1/resourceslices': printer(resourceSliceCells),
  'resource.k8s.io/v1alpha3/devicetaintrules': printer(deviceTaintRuleCells),
  'flowcontrol.apiserver.k8s.io/v1/flowschemas': printer(flowSchemaCells),
  'flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations': printer(priorityLevelCells),
  'networking.k8s.io/v1/ipaddresses': printer(ipAddressCells),
  'networking.k8s.io/v1/servicecidrs': printer(serviceCidrCells),
};

const keyOf = ({ group, version, resource }: KindRow) =>
  group === '' ? `${version}/${resource}` : `${group}/${version}/${resource}`;

/** Kinds without a printer of their own: the name, the age or creation time where a column asks for it, else nothing. */
function plainCells(row: KindRow, object: KubernetesObject, now: number): unknown[] {
  return row.columns.map(([name]) => {
    switch (name) {
      case 'Name':
        return object.metadata.name ?? '';
      case 'Age':
        return age(object, now);
      case 'Created At':
        return object.metadata.creationTimestamp ?? '';
      default:
        return '';
    }
  });
}

export const hasPrinter = (row: KindRow): boolean => keyOf(row) in printers;

/** One cell for each of `row.columns`. */
export const tableCells = (row: KindRow, object: KubernetesObject, now: number): unknown[] =>
  row.custom?.cells(object, now) ?? printers[keyOf(row)]?.cells(object, now) ?? plainCells(row, object, now);
