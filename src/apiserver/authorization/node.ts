// What a node may do: itself, its pods, and what its pods refer to. Source of rules: upstream's
// plugin/pkg/auth/authorizer/node.
import { storageKey, storagePrefix } from '#api/kinds.ts';
import {
  PersistentVolumeClaims,
  PersistentVolumes,
  PodCertificateRequests,
  Pods,
  ResourceSlices,
  VolumeAttachments,
} from '#api/generated/kind-references.ts';
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodCertificateRequest,
  ResourceSlice,
  VolumeAttachment,
} from '#api/generated/types.ts';
import type { FeatureGates } from '#api/feature-gates.ts';
import type { KindReference } from '#api/kind.ts';
import { requiredFieldValue } from '#api/meta/field-selector.ts';
import type { Identity } from '#api/request.ts';
import type { Store } from '#storage/store.ts';
import type { AccessAttributes, AccessDecision, ImmediateAuthorizer } from '../context.ts';
import { createStoreIndex } from '../registry/store-index.ts';
import { allow, noOpinion } from './authorizer.ts';
import { podReferences } from '#rules/pod-references.ts';
import { volumeSecrets } from './volume-secrets.ts';
import type { RbacIndex } from './rbac-index.ts';
import { ruleAllows } from './rule-allows.ts';

const userPrefix = 'system:node:';
const leaseNamespace = 'kube-node-lease';
const ownVerbs = new Set(['get', 'create', 'update', 'patch', 'delete']);

const selects = (asked: AccessAttributes, nodeName: string): boolean =>
  requiredFieldValue(asked.fieldSelector ?? '', 'spec.nodeName') === nodeName;

export const nodeOf = (user: Identity): string | undefined =>
  user.name.startsWith(userPrefix) && user.groups.includes('system:nodes')
    ? user.name.slice(userPrefix.length)
    : undefined;

export function nodeAuthorizer(store: Store, rbac: RbacIndex, gates: FeatureGates): ImmediateAuthorizer & Disposable {
  const podsByNode = createStoreIndex<Pod>(store, storagePrefix(Pods), (pod) =>
    pod.spec?.nodeName === undefined || pod.spec.nodeName === '' ? [] : [pod.spec.nodeName],
  );

  const volumesBySecret = createStoreIndex<PersistentVolume>(store, storagePrefix(PersistentVolumes), volumeSecrets);

  const objectAt = <T>(kind: KindReference, namespace: string | undefined, name: string): T | undefined =>
    store.get(storageKey(kind, namespace, name))?.object() as T | undefined;

  /** Through the claim that the volume is bound to. */
  const usesVolume = (nodeName: string, volume: PersistentVolume | undefined): boolean => {
    const claim = volume?.spec?.claimRef;
    if (claim === undefined) return false;
    const bound = objectAt<PersistentVolumeClaim>(PersistentVolumeClaims, claim.namespace, claim.name ?? '');
    if (bound === undefined || (claim.uid !== undefined && bound.metadata.uid !== claim.uid)) return false;
    return refers(nodeName, claim.namespace ?? '', 'persistentvolumeclaims', claim.name ?? '');
  };

  const refers = (nodeName: string, namespace: string, resource: string, name: string): boolean => {
    for (const pod of podsByNode.find(nodeName))
      if (pod.metadata.namespace === namespace && podReferences(pod, resource, name)) return true;
    return false;
  };

  const related = (nodeName: string, asked: AccessAttributes): boolean => {
    const { namespace, name } = asked;
    switch (asked.resource) {
      case 'volumeattachments':
        return objectAt<VolumeAttachment>(VolumeAttachments, undefined, name)?.spec.nodeName === nodeName;
      case 'resourceslices':
        return objectAt<ResourceSlice>(ResourceSlices, undefined, name)?.spec.nodeName === nodeName;
      case 'persistentvolumes':
        return usesVolume(nodeName, objectAt(PersistentVolumes, undefined, name));
      case 'pods':
        return objectAt<Pod>(Pods, namespace, name)?.spec?.nodeName === nodeName;
      case 'secrets':
        if (refers(nodeName, namespace, 'secrets', name)) return true;
        for (const volume of volumesBySecret.find(`${namespace}/${name}`))
          if (usesVolume(nodeName, volume)) return true;
        return false;
      default:
        return refers(nodeName, namespace, asked.resource, name);
    }
  };

  const relation = (nodeName: string, asked: AccessAttributes): AccessDecision => {
    if (asked.name === '') return noOpinion('No Object name found');
    return related(nodeName, asked)
      ? allow()
      : noOpinion(`no relationship found between node '${nodeName}' and this object`);
  };

  const get = (nodeName: string, asked: AccessAttributes): AccessDecision => {
    if (asked.verb !== 'get') return noOpinion('can only get individual resources of this type');
    if (asked.subresource !== '') return noOpinion('cannot get subresource');
    return relation(nodeName, asked);
  };

  const readNamespaced = (nodeName: string, asked: AccessAttributes): AccessDecision => {
    if (!['get', 'list', 'watch'].includes(asked.verb)) return noOpinion('can only read resources of this type');
    if (asked.subresource !== '') return noOpinion('cannot read subresource');
    if (asked.namespace === '') return noOpinion('can only read namespaced object of this type');
    return relation(nodeName, asked);
  };

  const ofItself = (nodeName: string, asked: AccessAttributes, kind: string): AccessDecision =>
    asked.verb !== 'create' && asked.name !== nodeName
      ? noOpinion(`can only access ${kind} with the same name as the requesting node`)
      : allow();

  const lease = (nodeName: string, asked: AccessAttributes): AccessDecision => {
    if (!ownVerbs.has(asked.verb)) return noOpinion('can only get, create, update, patch, or delete a node lease');
    if (asked.namespace !== leaseNamespace)
      return noOpinion(`can only access leases in the "${leaseNamespace}" system namespace`);
    return ofItself(nodeName, asked, 'node lease');
  };

  const csiNode = (nodeName: string, asked: AccessAttributes): AccessDecision => {
    if (!ownVerbs.has(asked.verb)) return noOpinion('can only get, create, update, patch, or delete a CSINode');
    if (asked.subresource !== '') return noOpinion('cannot authorize CSINode subresources');
    return ofItself(nodeName, asked, 'CSINode');
  };

  const resourceSlice = (nodeName: string, asked: AccessAttributes): AccessDecision => {
    if (asked.subresource !== '') return noOpinion('cannot authorize ResourceSlice subresources');
    switch (asked.verb) {
      case 'create':
        return allow(); // NodeRestriction looks at its content
      case 'get':
      case 'update':
      case 'patch':
      case 'delete':
        return relation(nodeName, asked);
      case 'watch':
      case 'list':
      case 'deletecollection':
        return selects(asked, nodeName)
          ? allow()
          : noOpinion('can only list/watch/deletecollection resourceslices with nodeName field selector');
      default:
        return noOpinion(
          'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection',
        );
    }
  };

  const serviceAccount = (nodeName: string, asked: AccessAttributes): AccessDecision => {
    if (asked.verb === 'get' && asked.subresource === '') return readNamespaced(nodeName, asked);
    if (asked.verb !== 'create' || asked.name === '')
      return noOpinion('can only create tokens for individual service accounts');
    if (asked.subresource !== 'token') return noOpinion('can only create token subresource of serviceaccount');
    return relation(nodeName, asked);
  };

  const nodes = (nodeName: string, asked: AccessAttributes): AccessDecision => {
    if (asked.subresource === '') {
      if (['create', 'update', 'patch'].includes(asked.verb)) return allow(); // NodeRestriction limits it to itself
      if (['get', 'list', 'watch'].includes(asked.verb)) {
        if (asked.name === nodeName) return allow();
        const others = asked.name === '' ? 'all nodes' : `'${asked.name}'`;
        return noOpinion(`node '${nodeName}' cannot read ${others}, only its own Node object`);
      }
    }
    if (asked.subresource === 'status' && ['update', 'patch'].includes(asked.verb)) return allow();
    return noOpinion();
  };

  const pods = (nodeName: string, asked: AccessAttributes): AccessDecision => {
    if (asked.subresource === '') {
      if (asked.verb === 'get') return get(nodeName, asked);
      if (asked.verb === 'list' || asked.verb === 'watch') {
        if (selects(asked, nodeName)) return allow();
        return asked.name === ''
          ? noOpinion('can only list/watch pods with spec.nodeName field selector')
          : relation(nodeName, asked);
      }
      if (asked.verb === 'create' || asked.verb === 'delete') return allow(); // NodeRestriction limits it
    }
    if (asked.subresource === 'status' && ['update', 'patch'].includes(asked.verb)) return allow();
    if (asked.subresource === 'eviction' && asked.verb === 'create') return allow();
    return noOpinion();
  };

  /** Of the gate PodCertificateRequest: what it may ask for, NodeRestriction looks at. */
  const podCertificate = (nodeName: string, asked: AccessAttributes): AccessDecision => {
    if (asked.subresource !== '')
      return noOpinion('nodes may not access the status subresource of PodCertificateRequests');
    switch (asked.verb) {
      case 'create':
        return allow();
      case 'get': {
        const found = objectAt<PodCertificateRequest>(PodCertificateRequests, asked.namespace, asked.name);
        return found?.spec.nodeName === nodeName
          ? allow()
          : noOpinion(`no relationship found between node '${nodeName}' and this object`);
      }
      case 'list':
      case 'watch':
        return selects(asked, nodeName)
          ? allow()
          : noOpinion('can only list/watch podcertificaterequests with nodeName field selector');
      default:
        return noOpinion(`nodes may not ${asked.verb} podcertificaterequests`);
    }
  };

  return {
    name: 'Node',
    authorize(asked) {
      const nodeName = nodeOf(asked.user);
      if (nodeName === undefined) return noOpinion();
      if (nodeName === '') return noOpinion(`unknown node for user ${JSON.stringify(asked.user.name)}`);
      if (asked.isResource)
        switch (`${asked.group}/${asked.resource}`) {
          case '/secrets':
          case '/configmaps':
            return readNamespaced(nodeName, asked);
          case '/persistentvolumeclaims':
            return asked.subresource === 'status'
              ? ['update', 'patch'].includes(asked.verb)
                ? relation(nodeName, asked)
                : noOpinion('can only get/update/patch this type')
              : get(nodeName, asked);
          case '/persistentvolumes':
          case 'resource.k8s.io/resourceclaims':
          case 'storage.k8s.io/volumeattachments':
            return get(nodeName, asked);
          case '/serviceaccounts':
            return serviceAccount(nodeName, asked);
          case 'coordination.k8s.io/leases':
            return lease(nodeName, asked);
          case 'storage.k8s.io/csinodes':
            return csiNode(nodeName, asked);
          case 'resource.k8s.io/resourceslices':
            return resourceSlice(nodeName, asked);
          case 'certificates.k8s.io/podcertificaterequests':
            if (gates.isOn('PodCertificateRequest')) return podCertificate(nodeName, asked);
            break;
          case '/nodes':
            return nodes(nodeName, asked);
          case '/pods':
            return pods(nodeName, asked);
          default:
        }
      const rules = rbac.rulesOf({ kind: 'ClusterRole', name: 'system:node' }, '') ?? [];
      return rules.some((rule) => ruleAllows(rule, asked)) ? allow() : noOpinion();
    },
    [Symbol.dispose]() {
      podsByNode[Symbol.dispose]();
      volumesBySecret[Symbol.dispose]();
    },
  };
}
