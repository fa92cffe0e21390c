// The files of configMap, secret, downwardAPI and projected volumes.
import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  ServiceAccountTokenProjection,
} from '#api/generated/types.ts';
import { podField, resourceField } from '../pod/environment.ts';
import type { Payload, PayloadFile } from './atomic-writer.ts';

export interface PayloadSources {
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
  token(pod: Pod, projection: ServiceAccountTokenProjection): Promise<string>;
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  readonly allocatable: Readonly<Record<string, number>>;
}

interface KeyedSource {
  readonly name?: string | undefined;
  readonly items?: readonly KeyToPath[] | undefined;
  readonly optional?: boolean | undefined;
}

function keyedFiles(
  kind: 'configmap' | 'secret',
  content: ReadonlyMap<string, Uint8Array> | undefined,
  source: KeyedSource,
  defaultMode: number,
): Map<string, PayloadFile> {
  const files = new Map<string, PayloadFile>();
  if (content === undefined) {
    if (source.optional === true) return files;
    throw new Error(`${kind} ${JSON.stringify(source.name ?? '')} not found`);
  }
  if (source.items === undefined || source.items.length === 0) {
    for (const [key, value] of content) files.set(key, { content: value, mode: defaultMode });
    return files;
  }
  for (const item of source.items) {
    const value = content.get(item.key);
    if (value === undefined) {
      if (source.optional === true) continue;
      throw new Error(
        kind === 'secret'
          ? `references non-existent secret key: ${item.key}`
          : `configmap references non-existent config key: ${item.key}`,
      );
    }
    files.set(item.path, { content: value, mode: item.mode ?? defaultMode });
  }
  return files;
}

const contentOfConfigMap = (map: ConfigMap | undefined): Map<string, Uint8Array> | undefined =>
  map === undefined
    ? undefined
    : new Map<string, Uint8Array>([
        ...Object.entries(map.data ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const),
        ...Object.entries(map.binaryData ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')] as const),
      ]);

const contentOfSecret = (secret: Secret | undefined): Map<string, Uint8Array> | undefined =>
  secret === undefined
    ? undefined
    : new Map(Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]));

function downwardFiles(
  pod: Pod,
  items: readonly DownwardAPIVolumeFile[],
  defaultMode: number,
  sources: PayloadSources,
): Map<string, PayloadFile> {
  const files = new Map<string, PayloadFile>();
  for (const item of items) {
    let text: string | undefined;
    if (item.fieldRef !== undefined) text = podField(pod, item.fieldRef.fieldPath, sources);
    else if (item.resourceFieldRef !== undefined) {
      const { containerName, resource, divisor } = item.resourceFieldRef;
      const container = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(
        (one) => one.name === containerName,
      );
      if (container !== undefined) text = resourceField(container, resource, divisor, sources.allocatable);
    }
    if (text === undefined) throw new Error(`downward API: cannot resolve the source of ${item.path}`);
    files.set(item.path, { content: Buffer.from(text), mode: item.mode ?? defaultMode });
  }
  return files;
}

/** Owner of service account tokens: the user that all containers run as, when it is one. */
function commonUser(pod: Pod): number | undefined {
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const users = new Set(containers.map((one) => one.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser));
  return users.size === 1 ? [...users][0] : undefined;
}

/** Undefined: the volume is of another kind. */
export async function volumePayload(
  pod: Pod,
  volume: NonNullable<Pod['spec']['volumes']>[number],
  sources: PayloadSources,
): Promise<Payload | undefined> {
  const namespace = pod.metadata.namespace ?? 'default';
  const configMap = async (source: KeyedSource, mode: number) =>
    keyedFiles('configmap', contentOfConfigMap(await sources.configMap(namespace, source.name ?? '')), source, mode);
  const secret = async (source: KeyedSource, mode: number) =>
    keyedFiles('secret', contentOfSecret(await sources.secret(namespace, source.name ?? '')), source, mode);
  if (volume.configMap !== undefined) return configMap(volume.configMap, volume.configMap.defaultMode ?? 0o644);
  if (volume.secret !== undefined) {
    const { secretName, items, optional, defaultMode } = volume.secret;
    return secret({ name: secretName, items, optional }, defaultMode ?? 0o644);
  }
  if (volume.downwardAPI !== undefined)
    return downwardFiles(pod, volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode ?? 0o644, sources);
  if (volume.projected === undefined) return undefined;
  const mode = volume.projected.defaultMode ?? 0o644;
  const files = new Map<string, PayloadFile>();
  for (const source of volume.projected.sources ?? []) {
    let some: ReadonlyMap<string, PayloadFile>;
    if (source.configMap !== undefined) some = await configMap(source.configMap, mode);
    else if (source.secret !== undefined) some = await secret(source.secret, mode);
    else if (source.downwardAPI !== undefined) some = downwardFiles(pod, source.downwardAPI.items ?? [], mode, sources);
    else if (source.serviceAccountToken !== undefined) {
      const uid = commonUser(pod);
      const restricted = uid !== undefined || pod.spec.securityContext?.fsGroup !== undefined;
      const content = Buffer.from(await sources.token(pod, source.serviceAccountToken));
      some = new Map([[source.serviceAccountToken.path, { content, mode: restricted ? 0o600 : mode, uid }]]);
    } else throw new Error('projected volume: a source of this kind is not supported');
    for (const [path, file] of some) files.set(path, file);
  }
  return files;
}
