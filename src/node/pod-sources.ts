// What Pods take from the API beside their own spec: ConfigMaps, Secrets, Services, claims, tokens, pull secrets.
import type { Clock } from '#base/clock.ts';
import type { Scope } from '#base/scope.ts';
import {
  ConfigMaps,
  PersistentVolumeClaims,
  PersistentVolumes,
  RuntimeClasses,
  Secrets,
  ServiceAccounts,
  Services,
} from '#api/generated/kind-references.ts';
import type {
  ConfigMap,
  Container,
  Pod,
  Secret,
  ServiceAccountTokenProjection,
  TokenRequest,
} from '#api/generated/types.ts';
import type { Client } from '#client/client.ts';
import type { AuthConfig } from './cri/messages.ts';
import { normalImageName } from './images.ts';
import type { PodSources } from './pod/options.ts';
import { PodConfigError } from './pod/runtime-config.ts';
import { ReferencedObjects } from './referenced-objects.ts';

export interface PodSourcesOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly scope: Scope;
  readonly nodeIps: () => readonly string[];
  readonly allocatable: () => Readonly<Record<string, number>>;
  readonly onChange: (podUids: readonly string[]) => void;
}

interface CachedToken {
  readonly token: string;
  readonly renewAtMs: number;
}

/** Upstream renews at 80 % of the life, at the latest after a day. */
const renewFraction = 0.8;
const renewMaxMs = 24 * 3_600_000;

const decode = (data: Readonly<Record<string, string>> | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );

/** The credentials of a docker configuration that fit the image, the longest match first. */
export function credentialsFor(image: string, configuration: string): AuthConfig[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(configuration);
  } catch {
    return [];
  }
  if (typeof parsed !== 'object' || parsed === null) return [];
  const auths: unknown = 'auths' in parsed ? parsed.auths : parsed;
  if (typeof auths !== 'object' || auths === null) return [];
  const name = normalImageName(image);
  const found: { length: number; auth: AuthConfig }[] = [];
  for (const [address, value] of Object.entries(auths as Record<string, unknown>)) {
    const pattern = address
      .replace(/^https?:\/\//, '')
      .replace(/\/v[12]\/?$/, '')
      .replace(/\/$/, '')
      .replace(/^index\.docker\.io/, 'docker.io');
    if (name !== pattern && !name.startsWith(`${pattern}/`) && !name.startsWith(`${pattern}:`)) continue;
    if (typeof value !== 'object' || value === null) continue;
    const { auth, username, password, identitytoken } = value as Record<string, unknown>;
    const text = (one: unknown) => (typeof one === 'string' ? one : '');
    const [user, ...secret] = Buffer.from(text(auth), 'base64').toString('utf8').split(':');
    found.push({
      length: pattern.length,
      auth: {
        username: text(username) || (user ?? ''),
        password: text(password) || secret.join(':'),
        identityToken: text(identitytoken),
        serverAddress: address,
      },
    });
  }
  return found.toSorted((a, b) => b.length - a.length).map((one) => one.auth);
}

export function createPodSources(options: PodSourcesOptions): PodSources {
  const { client, clock, scope, nodeIps, allocatable, onChange } = options;
  const shared = { client, clock, scope, onChange };
  const configMaps = new ReferencedObjects<ConfigMap>(ConfigMaps, shared);
  const secrets = new ReferencedObjects<Secret>(Secrets, shared);
  const tokens = new Map<string, Map<string, CachedToken>>();

  async function token(pod: Pod, projection: ServiceAccountTokenProjection): Promise<string> {
    const uid = pod.metadata.uid ?? '';
    let ofPod = tokens.get(uid);
    if (ofPod === undefined) tokens.set(uid, (ofPod = new Map()));
    const key = JSON.stringify([projection.audience ?? '', projection.expirationSeconds ?? 3600]);
    const cached = ofPod.get(key);
    if (cached !== undefined && cached.renewAtMs > clock.now()) return cached.token;
    const account = { namespace: pod.metadata.namespace, name: pod.spec.serviceAccountName ?? 'default' };
    const answer = await client.resource(ServiceAccounts).createSubresource<TokenRequest>(account, 'token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: {
        audiences: projection.audience === undefined || projection.audience === '' ? [] : [projection.audience],
        expirationSeconds: projection.expirationSeconds ?? 3600,
        boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: pod.metadata.name, uid },
      },
    });
    const value = answer.status?.token;
    if (value === undefined) throw new Error('the token request was answered without a token');
    const now = clock.now();
    const expiresMs = Date.parse(answer.status?.expirationTimestamp ?? '') || now + 3_600_000;
    ofPod.set(key, { token: value, renewAtMs: now + Math.min((expiresMs - now) * renewFraction, renewMaxMs) });
    return value;
  }

  return {
    environment(pod, podIps) {
      const uid = pod.metadata.uid ?? '';
      const services = client.informer(Services);
      return {
        podIps,
        hostIps: nodeIps(),
        allocatable: allocatable(),
        services(namespace) {
          const master = services.get('default', 'kubernetes');
          const own = services.list(namespace);
          return master === undefined || namespace === 'default' ? own : [master, ...own];
        },
        async configMap(namespace, name) {
          const found = await configMaps.read(uid, namespace, name);
          return found === undefined ? undefined : { data: found.data ?? {} };
        },
        async secret(namespace, name) {
          const found = await secrets.read(uid, namespace, name);
          return found === undefined ? undefined : { data: decode(found.data) };
        },
      };
    },
    volumes(pod, podIps) {
      const uid = pod.metadata.uid ?? '';
      return {
        podIps,
        hostIps: nodeIps(),
        allocatable: allocatable(),
        configMap: (namespace, name) => configMaps.read(uid, namespace, name),
        secret: (namespace, name) => secrets.read(uid, namespace, name),
        claim: (namespace, name) => client.resource(PersistentVolumeClaims).find({ namespace, name }),
        persistentVolume: (name) => client.resource(PersistentVolumes).find({ name }),
        token,
      };
    },
    async credentials(pod, container: Container) {
      const result: AuthConfig[] = [];
      for (const { name } of pod.spec.imagePullSecrets ?? []) {
        const secret = await secrets.read(pod.metadata.uid ?? '', pod.metadata.namespace ?? '', name ?? '');
        const data = decode(secret?.data);
        const configuration = data['.dockerconfigjson'] ?? data['.dockercfg'];
        if (configuration !== undefined) result.push(...credentialsFor(container.image ?? '', configuration));
      }
      return result;
    },
    async runtimeHandler(pod) {
      const name = pod.spec.runtimeClassName ?? '';
      if (name === '') return '';
      const found = await client.resource(RuntimeClasses).find({ name });
      if (found === undefined) throw new PodConfigError(`runtimeclass.node.k8s.io ${JSON.stringify(name)} not found`);
      return found.handler;
    },
    renewInMs(pod) {
      const ofPod = tokens.get(pod.metadata.uid ?? '');
      if (ofPod === undefined || ofPod.size === 0) return undefined;
      return Math.max(1_000, Math.min(...[...ofPod.values()].map((one) => one.renewAtMs)) - clock.now());
    },
    release(podUid) {
      configMaps.release(podUid);
      secrets.release(podUid);
      tokens.delete(podUid);
    },
  };
}
