// Keeps the status of ResourceQuotas. What it counts is in the informers anyway, for the garbage collector.
import { PersistentVolumeClaims, Pods, ResourceQuotas, Services } from '#api/generated/kind-references.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { quotaUsage } from '#rules/quota-usage.ts';
import {
  keyText,
  keyedController,
  partChanges,
  read,
  self,
  splitKey,
  writeSubresource,
  type Controller,
  type Lookup,
} from '../runtime/declaration.ts';
import { storedKinds } from '../runtime/served-kinds.ts';
import { decide } from './decide.ts';

/** Of these it matters what they are, of all others only that they are. */
const measured: readonly KindReference[] = [Pods, Services, PersistentVolumeClaims];
const isSame = (one: KindReference, other: KindReference): boolean =>
  one.group === other.group && one.resource === other.resource;

const quotasOf = ({ metadata }: KubernetesObject, lookup: Lookup): readonly string[] =>
  lookup.list(ResourceQuotas, metadata.namespace).map(keyText);

export function resourceQuota(): Controller {
  const kinds = storedKinds().filter((kind) => kind.namespaced && !isSame(kind, ResourceQuotas));
  const counted = [...kinds, ResourceQuotas];
  return keyedController({
    name: 'resourcequota',
    account: 'resourcequota-controller',
    reads: [
      read(ResourceQuotas, (quota, lookup) => [...self(quota), ...quotasOf(quota, lookup)]),
      ...kinds.map((kind) =>
        read(
          kind,
          quotasOf,
          partChanges((object) =>
            measured.some((one) => isSame(one, kind)) ? quotaUsage(kind, object) : object.metadata.uid,
          ),
        ),
      ),
    ],
    writes: [writeSubresource(ResourceQuotas, 'status', 'update')],
    snapshot(lookup, key) {
      const { namespace, name } = splitKey(key);
      const quota = lookup.get(ResourceQuotas, namespace, name);
      if (quota === undefined) return undefined;
      const hard = Object.keys(quota.spec?.hard ?? {});
      const concerns = (kind: KindReference): boolean => {
        const { group, resource } = kind;
        return (
          measured.some((one) => isSame(one, kind)) ||
          hard.includes(resource) ||
          hard.includes(`count/${group === '' ? resource : `${resource}.${group}`}`)
        );
      };
      return {
        quota,
        objects: counted.filter(concerns).map((kind) => [kind, lookup.list(kind, namespace)] as const),
      };
    },
    decide,
  });
}
