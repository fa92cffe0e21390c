// The checks of the level restricted, beyond those of baseline: what a hardened Pod says of itself.
import type { Volume } from '#api/generated/types.ts';
import { procMount, seccompFields } from './baseline.ts';
import {
  containersText,
  except,
  hasUserNamespace,
  isWindows,
  namesOf,
  plural,
  quoted,
  settersText,
  sorted,
  type PodCheck,
  type StandardCheck,
} from './check.ts';

const allowPrivilegeEscalation: PodCheck = (spec) => {
  const names = namesOf(spec, (one) => one.securityContext?.allowPrivilegeEscalation !== false);
  if (names.length === 0) return undefined;
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${containersText(names)} must set securityContext.allowPrivilegeEscalation=false`,
  };
};

const capabilities: PodCheck = (spec) => {
  const keeping = namesOf(spec, (one) => !(one.securityContext?.capabilities?.drop ?? []).includes('ALL'));
  const extra: string[] = [];
  const adding = namesOf(spec, (one) => {
    const added = (one.securityContext?.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE');
    extra.push(...added);
    return added.length > 0;
  });
  const details = [
    ...(keeping.length === 0 ? [] : [`${containersText(keeping)} must set securityContext.capabilities.drop=["ALL"]`]),
    ...(adding.length === 0
      ? []
      : [`${containersText(adding)} must not include ${quoted(sorted(extra))} in securityContext.capabilities.add`]),
  ];
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') };
};

const allowedVolumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
] as const satisfies readonly (keyof Volume)[];
/** In the order in which a volume's type is looked for, and as texts name it. */
const restrictedVolumeTypes: readonly (keyof Volume)[] = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'gitRepo',
  'nfs',
  'iscsi',
  'glusterfs',
  'rbd',
  'flexVolume',
  'cinder',
  'cephfs',
  'flocker',
  'fc',
  'azureFile',
  'vsphereVolume',
  'quobyte',
  'azureDisk',
  'photonPersistentDisk',
  'portworxVolume',
  'scaleIO',
  'storageos',
];
const volumeTypes: PodCheck = (spec) => {
  const bad = (spec.volumes ?? []).filter((volume) => !allowedVolumes.some((type) => volume[type] !== undefined));
  if (bad.length === 0) return undefined;
  const types = sorted(
    bad.map((volume) => restrictedVolumeTypes.find((type) => volume[type] !== undefined) ?? 'unknown'),
  );
  return {
    reason: 'restricted volume types',
    detail:
      `${plural(bad.length, 'volume')} ${quoted(bad.map((volume) => volume.name))} ${plural(bad.length, 'uses', 'use')} ` +
      `${plural(types.length, 'restricted volume type')} ${quoted(types)}`,
  };
};

const runAsNonRoot: PodCheck = (spec) => {
  const reason = 'runAsNonRoot != true';
  const ofPod = spec.securityContext?.runAsNonRoot;
  const who = settersText(
    ofPod === false,
    namesOf(spec, (one) => one.securityContext?.runAsNonRoot === false),
  );
  if (who !== '') return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  const names = ofPod === true ? [] : namesOf(spec, (one) => one.securityContext?.runAsNonRoot === undefined);
  if (names.length === 0) return undefined;
  return { reason, detail: `pod or ${containersText(names)} must set securityContext.runAsNonRoot=true` };
};

const runAsUser: PodCheck = (spec) => {
  const who = settersText(
    spec.securityContext?.runAsUser === 0,
    namesOf(spec, (one) => one.securityContext?.runAsUser === 0),
  );
  return who === '' ? undefined : { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
};

const seccomp: PodCheck = (spec, metadata) => {
  const explicit = seccompFields(spec, metadata);
  if (explicit !== undefined) return explicit;
  if (spec.securityContext?.seccompProfile !== undefined) return undefined;
  const names = namesOf(spec, (one) => one.securityContext?.seccompProfile === undefined);
  if (names.length === 0) return undefined;
  return {
    reason: 'seccompProfile',
    detail: `pod or ${containersText(names)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
};

/** By id, as their violations are listed. */
export const restrictedChecks: readonly StandardCheck[] = [
  {
    id: 'allowPrivilegeEscalation',
    level: 'restricted',
    versions: [
      { since: 8, check: allowPrivilegeEscalation },
      { since: 25, check: except(isWindows, allowPrivilegeEscalation) },
    ],
  },
  {
    id: 'capabilities_restricted',
    level: 'restricted',
    versions: [
      { since: 22, check: capabilities, overrides: ['capabilities_baseline'] },
      { since: 25, check: except(isWindows, capabilities), overrides: ['capabilities_baseline'] },
    ],
  },
  {
    id: 'procMount_restricted',
    level: 'restricted',
    versions: [{ since: 35, check: procMount, overrides: ['procMount'] }],
  },
  {
    id: 'restrictedVolumes',
    level: 'restricted',
    versions: [{ since: 0, check: volumeTypes, overrides: ['hostPathVolumes'] }],
  },
  {
    id: 'runAsNonRoot',
    level: 'restricted',
    versions: [
      { since: 0, check: runAsNonRoot },
      { since: 35, check: except(hasUserNamespace, runAsNonRoot) },
    ],
  },
  {
    id: 'runAsUser',
    level: 'restricted',
    versions: [
      { since: 23, check: runAsUser },
      { since: 35, check: except(hasUserNamespace, runAsUser) },
    ],
  },
  {
    id: 'seccompProfile_restricted',
    level: 'restricted',
    versions: [
      { since: 19, check: seccomp, overrides: ['seccompProfile_baseline'] },
      { since: 25, check: except(isWindows, seccomp), overrides: ['seccompProfile_baseline'] },
    ],
  },
];
