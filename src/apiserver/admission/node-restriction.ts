// A node changes itself and its own pods, and nothing that would move work or trust to it. Rules of upstream's
// plugin/pkg/admission/noderestriction.
import { Nodes, Pods } from '#api/generated/kind-references.ts';
import type {
  CertificateSigningRequest,
  Node,
  PersistentVolumeClaim,
  Pod,
  ResourceSlice,
} from '#api/generated/types.ts';
import { storageKey } from '#api/kinds.ts';
import { forbiddenError, notFoundError } from '#api/status.ts';
import { messageOf } from '#base/errors.ts';
import { readCertificateRequest } from '#pki/certificate-request.ts';
import { nodeOf } from '../authorization/node.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { sameValue } from '../registry/same-object.ts';
import { objectsNamedBy } from './mirror-pod-references.ts';
import { checkPodCertificate } from './node-pod-certificate.ts';

const mirrorAnnotation = 'kubernetes.io/config.mirror';
const restrictionDomain = 'node-restriction.kubernetes.io';

/** Labels of the kubernetes.io and k8s.io domains that a node may set on itself. */
const kubeletLabels = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.kubernetes.io/region',
  'failure-domain.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
]);
const kubeletDomains = ['kubelet.kubernetes.io', 'node.kubernetes.io'];

const within = (domain: string, parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);

function isForbiddenLabel(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash < 0) return false;
  const domain = key.slice(0, slash);
  if (within(domain, restrictionDomain)) return true;
  if (!within(domain, 'kubernetes.io') && !within(domain, 'k8s.io')) return false;
  return !kubeletLabels.has(key) && !kubeletDomains.some((one) => within(domain, one));
}

const changedLabels = (node: Node, old: Node | undefined): string[] => {
  const [now, before] = [node.metadata.labels ?? {}, old?.metadata.labels ?? {}];
  return [...new Set([...Object.keys(now), ...Object.keys(before)])].filter((key) => now[key] !== before[key]);
};

function checkNode(attributes: AdmissionAttributes, nodeName: string): void {
  const refuse = (text: string) => forbiddenError({ group: '', resource: 'nodes' }, attributes.name, text);
  const node = attributes.object as unknown as Node | undefined;
  const old = attributes.old as Node | undefined;
  if (attributes.name !== nodeName)
    throw refuse(`node ${JSON.stringify(nodeName)} is not allowed to modify node ${JSON.stringify(attributes.name)}`);
  if (node === undefined) return;
  if (attributes.operation === 'CREATE' && node.spec?.configSource !== undefined)
    throw refuse(`node ${JSON.stringify(nodeName)} is not allowed to create pods with a non-nil configSource`);
  if (
    attributes.operation === 'UPDATE' &&
    !sameValue(node.spec?.taints, old?.spec?.taints) &&
    attributes.subresource === ''
  )
    throw refuse(`node ${JSON.stringify(nodeName)} is not allowed to modify taints`);
  if (attributes.operation === 'UPDATE' && !sameValue(node.metadata.ownerReferences, old?.metadata.ownerReferences))
    throw refuse(`node ${JSON.stringify(nodeName)} is not allowed to modify ownerReferences`);
  const forbidden = changedLabels(node, old).filter(isForbiddenLabel).toSorted();
  if (forbidden.length > 0)
    throw refuse(
      `is not allowed to ${attributes.operation === 'CREATE' ? 'set' : 'modify'} the following labels: ${forbidden.join(', ')}`,
    );
}

/** Subresources of Pods that a node may write, and what else it may do with Pods. */
function checkPods(attributes: AdmissionAttributes, nodeName: string, server: Server): void {
  const { subresource, name, namespace } = attributes;
  const refuse = (text: string) => forbiddenError({ group: '', resource: 'pods' }, name, text);
  if (subresource === '' || subresource === 'status') return checkPod(attributes, nodeName, server);
  if (subresource !== 'eviction')
    throw refuse(`unexpected pod subresource ${JSON.stringify(subresource)}, only 'status' and 'eviction' are allowed`);
  const pod = server.options.store.get(storageKey(Pods, namespace, name))?.object() as Pod | undefined;
  if (pod === undefined) throw notFoundError({ group: '', resource: 'pods' }, name);
  if (pod.spec.nodeName !== nodeName)
    throw refuse(`node ${nodeName} can only evict pods with spec.nodeName set to itself`);
}

/** Changes of one that is there are the authorizer's, who knows whose it is. */
function checkResourceSlice({ operation, object, old, name }: AdmissionAttributes, nodeName: string): void {
  if (operation !== 'CREATE' && operation !== 'DELETE') return;
  const slice = (operation === 'CREATE' ? object : old) as ResourceSlice | undefined;
  if (slice?.spec.nodeName !== nodeName)
    throw forbiddenError(
      { group: 'resource.k8s.io', resource: 'resourceslices' },
      name,
      `can only ${operation.toLowerCase()} ResourceSlice with the same NodeName as the requesting node`,
    );
}

const nodeSigners = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet'];

/** A node asks for certificates in its own name. The rest of such requests is the signer's. */
function checkCertificateRequest({ operation, object, name }: AdmissionAttributes, nodeName: string): void {
  if (operation !== 'CREATE') return;
  const { spec } = object as unknown as CertificateSigningRequest;
  if (!nodeSigners.includes(spec.signerName)) return;
  const refuse = (text: string) =>
    forbiddenError({ group: 'certificates.k8s.io', resource: 'certificatesigningrequests' }, name, text);
  let commonName: string;
  try {
    ({ commonName } = readCertificateRequest(Buffer.from(spec.request, 'base64').toString('latin1')));
  } catch (error) {
    throw refuse(`unable to parse csr: ${messageOf(error)}`);
  }
  if (commonName !== `system:node:${nodeName}`)
    throw refuse(`can only create a node CSR with CN=system:node:${nodeName}`);
}

function checkPod(attributes: AdmissionAttributes, nodeName: string, server: Server): void {
  const refuse = (text: string) => forbiddenError({ group: '', resource: 'pods' }, attributes.name, text);
  const pod = attributes.object as unknown as Pod | undefined;
  const old = attributes.old as Pod | undefined;
  const quoted = JSON.stringify(nodeName);
  if (attributes.operation === 'CREATE') {
    if (pod!.metadata.annotations?.[mirrorAnnotation] === undefined)
      throw refuse(
        `pod does not have ${JSON.stringify(mirrorAnnotation)} annotation, node ${quoted} can only create mirror pods`,
      );
    if (pod!.spec.nodeName !== nodeName)
      throw refuse(`node ${quoted} can only create pods with spec.nodeName set to itself`);
    const owners = pod!.metadata.ownerReferences ?? [];
    const [owner] = owners;
    if (owners.length > 1)
      throw refuse(`node ${quoted} can only create pods with a single owner reference set to itself`);
    if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== nodeName)
      throw refuse(`node ${quoted} can only create pods with an owner reference set to itself`);
    if (owner.controller !== true)
      throw refuse(`node ${quoted} can only create pods with a controller owner reference set to itself`);
    if (owner.blockOwnerDeletion === true)
      throw refuse(`node ${quoted} must not set blockOwnerDeletion on an owner reference`);
    const uid = server.options.store.get(storageKey(Nodes, undefined, nodeName))?.object().metadata.uid;
    if (uid === undefined) throw notFoundError({ group: '', resource: 'nodes' }, nodeName);
    if (owner.uid !== uid) throw refuse(`node ${nodeName} UID mismatch: expected ${owner.uid} got ${uid}`);
    const named = objectsNamedBy(pod as Pod);
    if (named !== undefined) throw refuse(`node ${quoted} can not create pods that reference ${named}`);
    return;
  }
  if (old?.spec.nodeName !== nodeName)
    throw refuse(
      attributes.operation === 'DELETE'
        ? `node ${quoted} can only delete pods with spec.nodeName set to itself`
        : `node ${quoted} can only update pod status for pods with spec.nodeName set to itself`,
    );
  if (
    attributes.operation === 'UPDATE' &&
    attributes.subresource === 'status' &&
    !sameValue(pod?.metadata.labels, old.metadata.labels)
  )
    throw refuse(`node ${quoted} cannot update labels through pod status`);
  if (
    attributes.operation === 'UPDATE' &&
    !sameValue(pod?.status?.resourceClaimStatuses ?? [], old.status?.resourceClaimStatuses ?? [])
  )
    throw refuse(`node ${quoted} cannot update resource claim statues`);
}

/** Of a claim a node says how large its volume became, and what goes on with that. */
function checkClaim(attributes: AdmissionAttributes, nodeName: string): void {
  const rest = (claim: PersistentVolumeClaim) => ({
    ...claim,
    metadata: { ...claim.metadata, resourceVersion: undefined, managedFields: undefined },
    status: {
      ...claim.status,
      capacity: undefined,
      conditions: undefined,
      allocatedResources: undefined,
      allocatedResourceStatuses: undefined,
    },
  });
  const { object, old } = attributes;
  if (attributes.subresource === 'status' && sameValue(rest(object as never), rest(old as never))) return;
  throw forbiddenError(
    { group: '', resource: 'persistentvolumeclaims' },
    attributes.name,
    attributes.subresource === 'status'
      ? `node ${JSON.stringify(nodeName)} is not allowed to update fields other than status.quantity and status.conditions`
      : 'may only update PVC status',
  );
}

/** Kinds with one object a node, called like it. */
function checkOwnName(attributes: AdmissionAttributes, nodeName: string, text: string): void {
  if (attributes.name !== nodeName)
    throw forbiddenError({ group: attributes.row.group, resource: attributes.row.resource }, attributes.name, text);
}

export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  seesActions: true,
  validate(attributes: AdmissionAttributes, server: Server): void {
    const nodeName = nodeOf(attributes.user);
    if (nodeName === undefined || attributes.operation === 'CONNECT') return;
    if (nodeName === '')
      throw forbiddenError(
        { group: attributes.row.group, resource: attributes.row.resource },
        attributes.name,
        `could not determine node from user ${JSON.stringify(attributes.user.name)}`,
      );
    switch (`${attributes.row.group}/${attributes.row.resource}`) {
      case '/nodes':
        return checkNode(attributes, nodeName);
      case '/pods':
        return checkPods(attributes, nodeName, server);
      case 'resource.k8s.io/resourceslices':
        return checkResourceSlice(attributes, nodeName);
      case 'certificates.k8s.io/certificatesigningrequests':
        return checkCertificateRequest(attributes, nodeName);
      case 'certificates.k8s.io/podcertificaterequests':
        return checkPodCertificate(attributes, nodeName, server);
      case '/persistentvolumeclaims':
        return checkClaim(attributes, nodeName);
      case 'coordination.k8s.io/leases':
        return checkOwnName(
          attributes,
          nodeName,
          'can only access node lease with the same name as the requesting node',
        );
      case 'storage.k8s.io/csinodes':
        return checkOwnName(attributes, nodeName, 'can only access CSINode with the same name as the requesting node');
      default:
    }
  },
};
