// The Pod of a StatefulSet with an ordinal: its name, its place on the network, its claims.
import { StatefulSets } from '#api/generated/kind-references.ts';
import type { PersistentVolumeClaim, Pod, PodTemplateSpec, StatefulSet, Volume } from '#api/generated/types.ts';
import { podFromTemplate } from '../replicaset/replicas.ts';
import { revisionLabel } from '../revisions/revisions.ts';

const nameLabel = 'statefulset.kubernetes.io/pod-name';
const indexLabel = 'apps.kubernetes.io/pod-index';
const ordinalMax = 2 ** 31 - 1;

export const startOf = ({ spec }: StatefulSet): number => spec.ordinals?.start ?? 0;
export const replicasOf = ({ spec }: StatefulSet): number => spec.replicas ?? 1;
export const isInRange = (set: StatefulSet, ordinal: number): boolean =>
  ordinal >= startOf(set) && ordinal < startOf(set) + replicasOf(set);

/** Undefined: it is not called like a member of the set. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const match = /^(.*)-([0-9]+)$/.exec(pod.metadata.name!);
  if (match === null || match[1] !== set.metadata.name) return undefined;
  const ordinal = Number(match[2]);
  return ordinal > ordinalMax ? undefined : ordinal;
}

export const claimsOf = (set: StatefulSet, ordinal: number): readonly PersistentVolumeClaim[] =>
  (set.spec.volumeClaimTemplates ?? []).map(({ metadata, spec }): PersistentVolumeClaim => ({
    kind: 'PersistentVolumeClaim',
    apiVersion: 'v1',
    metadata: {
      ...metadata,
      name: claimName(set, metadata.name!, ordinal),
      namespace: set.metadata.namespace,
      labels: { ...metadata.labels, ...set.spec.selector.matchLabels },
    },
    spec,
  }));
export const claimName = (set: StatefulSet, template: string, ordinal: number): string =>
  `${template}-${set.metadata.name!}-${ordinal}`;

function volumesOf(set: StatefulSet, ordinal: number, volumes: readonly Volume[] | undefined): readonly Volume[] {
  const names = (set.spec.volumeClaimTemplates ?? []).map((one) => one.metadata.name!);
  return [
    ...names.map((name) => ({ name, persistentVolumeClaim: { claimName: claimName(set, name, ordinal) } })),
    ...(volumes ?? []).filter((one) => !names.includes(one.name)),
  ];
}

const identity = (name: string, ordinal: number) => ({ [nameLabel]: name, [indexLabel]: String(ordinal) });

export function memberPod(set: StatefulSet, ordinal: number, template: PodTemplateSpec, revision: string): Pod {
  const pod = podFromTemplate(StatefulSets, set, template);
  const { generateName: _, ...metadata } = pod.metadata;
  const name = `${set.metadata.name!}-${ordinal}`;
  const volumes = volumesOf(set, ordinal, pod.spec.volumes);
  return {
    ...pod,
    metadata: {
      ...metadata,
      name,
      labels: { ...metadata.labels, ...identity(name, ordinal), [revisionLabel]: revision },
    },
    spec: {
      ...pod.spec,
      hostname: name,
      ...(set.spec.serviceName === undefined ? {} : { subdomain: set.spec.serviceName }),
      ...(volumes.length === 0 ? {} : { volumes }),
    },
  };
}

/** The Pod as it should be; the same object when it is so. */
export function conforming(set: StatefulSet, pod: Pod, ordinal: number): Pod {
  const hasIdentity = pod.metadata.labels?.[nameLabel] === pod.metadata.name;
  const hasStorage = (set.spec.volumeClaimTemplates ?? []).every(({ metadata }) => {
    const volume = pod.spec.volumes?.find((one) => one.name === metadata.name);
    return volume?.persistentVolumeClaim?.claimName === claimName(set, metadata.name!, ordinal);
  });
  if (hasIdentity && hasStorage) return pod;
  return {
    ...pod,
    metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, ...identity(pod.metadata.name!, ordinal) } },
    spec: { ...pod.spec, volumes: volumesOf(set, ordinal, pod.spec.volumes) },
  };
}
