// A node changes itself and its own pods, and nothing that would move work or trust to it. Rules of upstream's
// plugin/pkg/admission/noderestriction.
import type { Node, Pod } from '#api/generated/types.ts';
import { forbiddenError } from '#api/status.ts';
import { nodeOf } from '../authorization/node.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../context.ts';
import { sameValue } from '../registry/same-object.ts';

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

function checkPod(attributes: AdmissionAttributes, nodeName: string): void {
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
    if (owners.length > 1 || (owner !== undefined && (owner.kind !== 'Node' || owner.name !== nodeName)))
      throw refuse(`node ${quoted} can only create pods with an owner reference set to itself`);
    if (owner !== undefined && owner.controller !== true)
      throw refuse(`node ${quoted} can only create pods with a controller owner reference set to itself`);
    if (owner?.blockOwnerDeletion === true)
      throw refuse(`node ${quoted} must not set blockOwnerDeletion on an owner reference`);
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
}

export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  validate(attributes: AdmissionAttributes): void {
    const nodeName = nodeOf(attributes.user);
    if (nodeName === undefined || attributes.row.group !== '') return;
    if (attributes.row.resource === 'nodes') checkNode(attributes, nodeName);
    else if (attributes.row.resource === 'pods') checkPod(attributes, nodeName);
  },
};
