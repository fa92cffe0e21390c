// What a node may do: itself, its pods, and what its pods refer to. Source of rules: upstream's
// plugin/pkg/auth/authorizer/node.
import { storageKey, storagePrefix } from '#api/kinds.ts';
import { PersistentVolumeClaims, PersistentVolumes, Pods, VolumeAttachments } from '#api/generated/kind-references.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, VolumeAttachment } from '#api/generated/types.ts';
import { requiredFieldValue } from '#api/meta/field-selector.ts';
import type { Identity } from '#api/request.ts';
import type { Store } from '#storage/store.ts';
import type { AccessAttributes, AccessDecision, ImmediateAuthorizer } from '../context.ts';
import { createStoreIndex } from '../registry/store-index.ts';
import { allow, noOpinion } from './authorizer.ts';
import { podReferences } from './pod-references.ts';
import type { RbacIndex } from './rbac-index.ts';
import { ruleAllows } from './rule-allows.ts';

const userPrefix = 'system:node:';

export const nodeOf = (user: Identity): string | undefined =>
  user.name.startsWith(userPrefix) && user.groups.includes('system:nodes')
    ? user.name.slice(userPrefix.length)
    : undefined;

export function nodeAuthorizer(store: Store, rbac: RbacIndex): ImmediateAuthorizer & Disposable {
  const podsByNode = createStoreIndex<Pod>(store, storagePrefix(Pods), (pod) =>
    pod.spec?.nodeName === undefined || pod.spec.nodeName === '' ? [] : [pod.spec.nodeName],
  );

  const related = (nodeName: string, asked: AccessAttributes): boolean => {
    if (asked.resource === 'volumeattachments') {
      const stored = store.get(storageKey(VolumeAttachments, undefined, asked.name));
      return stored !== undefined && (stored.object() as VolumeAttachment).spec.nodeName === nodeName;
    }
    for (const pod of podsByNode.find(nodeName)) {
      if (asked.resource === 'persistentvolumes') {
        // Through the claim that the volume is bound to.
        const volume = store.get(storageKey(PersistentVolumes, undefined, asked.name))?.object() as
          | PersistentVolume
          | undefined;
        const claim = volume?.spec?.claimRef;
        if (claim === undefined) return false;
        if (pod.metadata.namespace !== claim.namespace) continue;
        if (!podReferences(pod, 'persistentvolumeclaims', claim.name ?? '')) continue;
        const bound = store.get(storageKey(PersistentVolumeClaims, claim.namespace, claim.name ?? ''))?.object() as
          | PersistentVolumeClaim
          | undefined;
        if (bound !== undefined && (claim.uid === undefined || bound.metadata.uid === claim.uid)) return true;
        continue;
      }
      if (pod.metadata.namespace !== asked.namespace) continue;
      if (asked.resource === 'pods' ? pod.metadata.name === asked.name : podReferences(pod, asked.resource, asked.name))
        return true;
    }
    return false;
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

  const ofItself = (nodeName: string, asked: AccessAttributes, verbs: readonly string[]): AccessDecision => {
    if (!verbs.includes(asked.verb))
      return noOpinion(
        `can only ${verbs.slice(0, -1).join(', ')}, or ${verbs.at(-1)} a ${asked.resource.slice(0, -1)}`,
      );
    if (asked.subresource !== '') return noOpinion(`cannot authorize ${asked.resource} subresources`);
    if (asked.verb !== 'create' && asked.name !== nodeName)
      return noOpinion(`can only access ${asked.resource.slice(0, -1)} with the same name as the requesting node`);
    return allow();
  };

  const nodes = (nodeName: string, asked: AccessAttributes): AccessDecision => {
    if (asked.subresource === '') {
      if (['create', 'update', 'patch'].includes(asked.verb)) return allow(); // NodeRestriction limits it to itself
      if (asked.verb === 'get' && asked.name !== nodeName)
        return noOpinion(`node '${nodeName}' cannot read '${asked.name}', only its own Node object`);
      if (['get', 'list', 'watch'].includes(asked.verb))
        return asked.name === nodeName
          ? allow()
          : noOpinion(`node '${nodeName}' cannot read all nodes, only its own Node object`);
    }
    if (asked.subresource === 'status' && ['update', 'patch'].includes(asked.verb)) return allow();
    return noOpinion();
  };

  const pods = (nodeName: string, asked: AccessAttributes): AccessDecision => {
    if (asked.subresource === '') {
      if (asked.verb === 'get') return relation(nodeName, asked);
      if (asked.verb === 'list' || asked.verb === 'watch')
        return requiredFieldValue(asked.fieldSelector ?? '', 'spec.nodeName') === nodeName
          ? allow()
          : noOpinion('can only list/watch pods with spec.nodeName field selector');
      if (asked.verb === 'create' || asked.verb === 'delete') return allow(); // NodeRestriction limits it
    }
    if (asked.subresource === 'status' && ['update', 'patch'].includes(asked.verb)) return allow();
    if (asked.subresource === 'eviction' && asked.verb === 'create') return allow();
    return noOpinion();
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
                : noOpinion('can only update status')
              : get(nodeName, asked);
          case '/persistentvolumes':
          case 'resource.k8s.io/resourceclaims':
          case 'storage.k8s.io/volumeattachments':
            return get(nodeName, asked);
          case '/serviceaccounts':
            if (asked.verb === 'get' && asked.subresource === '') return relation(nodeName, asked);
            if (asked.verb !== 'create' || asked.subresource !== 'token')
              return noOpinion('can only create tokens for individual service accounts');
            return relation(nodeName, asked);
          case 'coordination.k8s.io/leases':
            if (asked.namespace !== 'kube-node-lease')
              return noOpinion('can only access leases in the "kube-node-lease" system namespace');
            return ofItself(nodeName, asked, ['get', 'create', 'update', 'patch', 'delete']);
          case 'storage.k8s.io/csinodes':
            return ofItself(nodeName, asked, ['get', 'create', 'update', 'patch', 'delete']);
          case '/nodes':
            return nodes(nodeName, asked);
          case '/pods':
            return pods(nodeName, asked);
          default:
        }
      const rules = rbac.rulesOf({ kind: 'ClusterRole', name: 'system:node' }, '') ?? [];
      return rules.some((rule) => ruleAllows(rule, asked)) ? allow() : noOpinion();
    },
    [Symbol.dispose]: () => podsByNode[Symbol.dispose](),
  };
}
