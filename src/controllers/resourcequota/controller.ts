// Keeps the status of ResourceQuotas. What it counts is in the informers anyway, for the garbage collector.
import {
  PersistentVolumeClaims,
  Pods,
  ResourceClaimsResourceV1,
  ResourceQuotas,
  Services,
} from '#api/generated/kind-references.ts';
import type { Container } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { isDeviceAmount } from '#rules/quota-usage.ts';
import { podIsTerminal } from '#rules/pod-is-active.ts';
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
  type Read,
} from '../runtime/declaration.ts';
import type { RuntimeConfig } from '#rules/runtime-config.ts';
import { storedKinds } from '../runtime/served-kinds.ts';
import { decide } from './decide.ts';

const isSame = (one: KindReference, other: KindReference): boolean =>
  one.group === other.group && one.resource === other.resource;
const resourcesOf = (containers: readonly Container[] | undefined) => containers?.map((one) => one.resources);

const quotasOf = ({ metadata }: KubernetesObject, lookup: Lookup): readonly string[] =>
  lookup.list(ResourceQuotas, metadata.namespace).map(keyText);

/** Of these it matters what they are, of all others only that they are. */
const measured: readonly KindReference[] = [Pods, Services, PersistentVolumeClaims];
const isMeasured = (kind: KindReference): boolean => measured.some((one) => isSame(one, kind));
const measuredReads: readonly Read[] = [
  read(
    Pods,
    quotasOf,
    partChanges((pod) => [
      podIsTerminal(pod),
      pod.spec.activeDeadlineSeconds,
      resourcesOf(pod.spec.containers),
      resourcesOf(pod.spec.initContainers),
    ]),
  ),
  read(
    Services,
    quotasOf,
    partChanges(({ spec }) => [spec.type, spec.ports]),
  ),
  read(
    PersistentVolumeClaims,
    quotasOf,
    partChanges(({ metadata, spec, status }) => [
      metadata.annotations,
      spec.resources,
      spec.storageClassName,
      spec.volumeAttributesClassName,
      status?.allocatedResources,
      status?.currentVolumeAttributesClassName,
      status?.modifyVolumeStatus,
    ]),
  ),
];
const comesOrGoes = (previous: unknown, current: unknown): boolean => previous === undefined || current === undefined;

export function resourceQuota(config: RuntimeConfig = []): Controller {
  const builtIn = storedKinds(config).filter((kind) => kind.namespaced && !isSame(kind, ResourceQuotas));
  const counted = [...builtIn, ResourceQuotas];
  return keyedController({
    name: 'resourcequota',
    account: 'resourcequota-controller',
    reads: [
      read(ResourceQuotas, (quota, lookup) => [...self(quota), ...quotasOf(quota, lookup)]),
      ...measuredReads,
      ...builtIn.filter((kind) => !isMeasured(kind)).map((kind) => read(kind, quotasOf, comesOrGoes)),
    ],
    custom: {
      read: (kind) => (kind.namespaced ? read(kind, quotasOf, comesOrGoes) : undefined),
      wake: (_kind, lookup) => lookup.list(ResourceQuotas).map(keyText),
    },
    writes: [writeSubresource(ResourceQuotas, 'status', 'update')],
    snapshot(lookup, key) {
      const { namespace, name } = splitKey(key);
      const quota = lookup.get(ResourceQuotas, namespace, name);
      if (quota === undefined) return undefined;
      const hard = Object.keys(quota.spec?.hard ?? {});
      const concerns = (kind: KindReference): boolean => {
        const { group, resource } = kind;
        return (
          isMeasured(kind) ||
          (isSame(kind, ResourceClaimsResourceV1) && hard.some(isDeviceAmount)) ||
          hard.includes(resource) ||
          hard.includes(`count/${group === '' ? resource : `${resource}.${group}`}`)
        );
      };
      return {
        quota,
        objects: [...counted, ...lookup.customKinds()]
          .filter(concerns)
          .map((kind) => [kind, lookup.list(kind, namespace)] as const),
      };
    },
    decide,
  });
}
