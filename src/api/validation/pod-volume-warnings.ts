// Warnings about volumes of a Pod: drivers that are gone, and files that hide each other.
import type { KeyToPath, PodSpec, Volume } from '../generated/types.ts';
import { claimSpecWarnings } from './volume-claim.ts';

const removedDrivers: readonly (readonly [source: keyof Volume, shown: string, text: string])[] = [
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  ['quobyte', 'quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['ephemeral', '', ''],
  ['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

function driverWarnings(path: string, volume: Volume): string[] {
  const warnings: string[] = [];
  for (const [source, shown, text] of removedDrivers) {
    if (volume[source] === undefined) continue;
    if (source !== 'ephemeral') warnings.push(`${path}.${shown}: ${text}`);
    else {
      const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
      if (claim !== undefined) warnings.push(...claimSpecWarnings(`${path}.ephemeral.volumeClaimTemplate.spec`, claim));
    }
  }
  return warnings;
}

interface Placed {
  readonly path: string;
  readonly source: string;
}

/** Each is compared with each; more than these are not told, and no header has room for them. */
const filesMax = 1000;
const warningsMax = 100;

const shown = ({ path, source }: Placed) =>
  source === '' ? JSON.stringify(path) : `${JSON.stringify(path)} (${source})`;
const isWithin = (path: string, other: string) => `${path}/`.startsWith(`${other}/`);

function overlaps(files: readonly Placed[]): string[] {
  const before: Placed[] = [];
  const result: string[] = [];
  for (const file of files.slice(0, filesMax)) {
    const one = { ...file, path: file.path.replace(/\/+$/, '') };
    if (one.path !== '')
      for (const other of before)
        if (result.length < warningsMax && (isWithin(other.path, one.path) || isWithin(one.path, other.path)))
          result.push(`${shown(one)} with ${shown(other)}`);
    if (one.path !== '') before.push(one);
  }
  return result;
}

const filesOf = (items: readonly Pick<KeyToPath, 'path'>[] | undefined, source = ''): Placed[] =>
  (items ?? []).map(({ path }) => ({ path, source }));

function projectedFiles(volume: Volume): { files: Placed[]; empty: number } {
  const files: Placed[] = [];
  let empty = 0;
  for (const one of volume.projected?.sources ?? []) {
    if (Object.values(one).every((value) => value === undefined)) empty++;
    const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = one;
    if (configMap?.items !== undefined)
      files.push(...filesOf(configMap.items, `ConfigMap ${JSON.stringify(configMap.name ?? '')}`));
    else if (secret?.items !== undefined)
      files.push(...filesOf(secret.items, `Secret ${JSON.stringify(secret.name ?? '')}`));
    else if (downwardAPI?.items !== undefined) files.push(...filesOf(downwardAPI.items, 'DownwardAPI'));
    else if (serviceAccountToken !== undefined)
      files.push({ path: serviceAccountToken.path ?? '', source: 'ServiceAccountToken' });
    else if (clusterTrustBundle !== undefined) {
      const name = clusterTrustBundle.name ?? clusterTrustBundle.signerName ?? '';
      files.push({ path: clusterTrustBundle.path ?? '', source: `ClusterTrustBundle ${JSON.stringify(name)}` });
    } else if (podCertificate !== undefined)
      for (const [path = '', source] of [
        [podCertificate.certificateChainPath, 'PodCertificate chain'],
        [podCertificate.keyPath, 'PodCertificate key'],
        [podCertificate.credentialBundlePath, 'PodCertificate credential bundle'],
      ] as const)
        if (path !== '') files.push({ path, source });
  }
  return { files, empty };
}

function overlapWarnings(volume: Volume): string[] {
  const { name, configMap, secret, downwardAPI } = volume;
  const tell = (what: string, files: readonly Placed[]) =>
    overlaps(files).map((text) => `volume ${JSON.stringify(name)} (${what}): overlapping paths: ${text}`);
  const { files, empty } = projectedFiles(volume);
  return [
    ...tell(`ConfigMap ${JSON.stringify(configMap?.name ?? '')}`, filesOf(configMap?.items)),
    ...tell(`Secret ${JSON.stringify(secret?.secretName ?? '')}`, filesOf(secret?.items)),
    ...tell('DownwardAPI', filesOf(downwardAPI?.items)),
    ...Array.from({ length: empty }, () => `volume ${JSON.stringify(name)} (Projected) has no sources provided`),
    ...tell('Projected', files),
  ];
}

/** `path` is of the spec. */
export const volumeWarnings = (path: string, { volumes = [] }: PodSpec): string[] => [
  ...volumes.flatMap((volume, index) => driverWarnings(`${path}.volumes[${index}]`, volume)),
  ...volumes.flatMap(overlapWarnings),
];
