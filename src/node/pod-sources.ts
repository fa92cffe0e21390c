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
import type { ConfigMap, Pod, Secret, ServiceAccountTokenProjection, TokenRequest } from '#api/generated/types.ts';
import { quantityToNumber } from '#api/quantity.ts';
import type { Client } from '#client/client.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import { parseImageName } from './images/image-name.ts';
import type { CredentialProviders } from './images/credential-providers.ts';
import { type AuthFile, readAuthFiles } from './images/auth-files.ts';
import { credentialsFor, mirrorCredentials, readKeyring, type RegistryEntry } from './images/keyring.ts';
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
  readonly machine: Pick<NodeMachine, 'readText'>;
  /** The node's own logins at registries. */
  readonly authFiles: readonly AuthFile[];
  /** Plugins that give credentials. */
  readonly credentialProviders?: CredentialProviders | undefined;
  /** Where mirrors have a repository. */
  readonly mirrorsOf: (repository: string) => Promise<readonly string[]>;
}

interface CachedToken {
  readonly token: string;
  readonly expirationTimestamp: string;
  readonly renewAtMs: number;
}

/** Upstream renews at 80 % of the life, at the latest after a day. */
const renewFraction = 0.8;
const renewMaxMs = 24 * 3_600_000;

const decode = (data: Readonly<Record<string, string>> | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );

/** What the Pod as a whole may have is what a container without limits has. */
const limitsOf = ({ spec }: Pod): Record<string, number> =>
  Object.fromEntries(
    Object.entries(spec.resources?.limits ?? {}).map(([name, amount]) => [name, quantityToNumber(String(amount))]),
  );

export function createPodSources(options: PodSourcesOptions): PodSources {
  const { client, clock, scope, nodeIps, allocatable, onChange } = options;
  const shared = { client, clock, scope, onChange };
  const configMaps = new ReferencedObjects<ConfigMap>(ConfigMaps, shared);
  const secrets = new ReferencedObjects<Secret>(Secrets, shared);
  const tokens = new Map<string, Map<string, CachedToken>>();

  async function token(
    pod: Pod,
    projection: Pick<ServiceAccountTokenProjection, 'audience' | 'expirationSeconds'>,
  ): Promise<CachedToken> {
    const uid = pod.metadata.uid ?? '';
    let ofPod = tokens.get(uid);
    if (ofPod === undefined) tokens.set(uid, (ofPod = new Map()));
    const key = JSON.stringify([projection.audience ?? '', projection.expirationSeconds ?? 3600]);
    const cached = ofPod.get(key);
    if (cached !== undefined && cached.renewAtMs > clock.now()) return cached;
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
    const made = {
      token: value,
      expirationTimestamp: answer.status?.expirationTimestamp ?? '',
      renewAtMs: now + Math.min((expiresMs - now) * renewFraction, renewMaxMs),
    };
    ofPod.set(key, made);
    return made;
  }

  return {
    environment(pod, podIps) {
      const uid = pod.metadata.uid ?? '';
      const services = client.informer(Services);
      return {
        podIps,
        hostIps: nodeIps(),
        allocatable: { ...allocatable(), ...limitsOf(pod) },
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
        allocatable: { ...allocatable(), ...limitsOf(pod) },
        configMap: (namespace, name) => configMaps.read(uid, namespace, name),
        secret: (namespace, name) => secrets.read(uid, namespace, name),
        claim: (namespace, name) => client.resource(PersistentVolumeClaims).find({ namespace, name }),
        persistentVolume: (name) => client.resource(PersistentVolumes).find({ name }),
        token: async (one, projection) => (await token(one, projection)).token,
      };
    },
    async tokenStatus(pod, audience, expirationSeconds) {
      const made = await token(pod, { audience, expirationSeconds });
      return { token: made.token, expirationTimestamp: made.expirationTimestamp };
    },
    async pullCredentials(pod, image) {
      const uid = pod.metadata.uid ?? '';
      const namespace = pod.metadata.namespace ?? '';
      const names = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) =>
        name === undefined || name === '' ? [] : [name],
      );
      const missing: string[] = [];
      const problems: string[] = [];
      const entries: RegistryEntry[] = [];
      for (const name of names) {
        const secret = await secrets.read(uid, namespace, name).catch(() => undefined);
        if (secret === undefined) {
          missing.push(name);
          continue;
        }
        const data = decode(secret.data);
        const [configuration, form] =
          secret.type === 'kubernetes.io/dockercfg'
            ? [data['.dockercfg'], 'legacy' as const]
            : secret.type === 'kubernetes.io/dockerconfigjson'
              ? [data['.dockerconfigjson'], 'config' as const]
              : [undefined, 'config' as const];
        if (configuration === undefined) {
          problems.push(`the Secret ${name} is of type ${secret.type ?? 'Opaque'} and holds no registry logins`);
          continue;
        }
        const keyring = readKeyring(configuration, form, { uid: secret.metadata.uid ?? '', namespace, name });
        entries.push(...keyring.entries);
        problems.push(...keyring.problems.map((why) => `the Secret ${name}: ${why}`));
      }
      const ofNode = await readAuthFiles(options.machine, options.authFiles);
      const ofPlugins = await options.credentialProviders?.provide(pod, image, {
        account: (one) =>
          client
            .resource(ServiceAccounts)
            .find({ namespace: one.metadata.namespace, name: one.spec.serviceAccountName ?? '' }),
        token: async (one, audience) => (await token(one, { audience })).token,
      });
      return {
        credentials: [
          ...mirrorCredentials(await options.mirrorsOf(parseImageName(image).repository), ofNode.keyrings),
          ...credentialsFor(image, [entries, ...ofNode.keyrings, ofPlugins?.entries ?? []]),
        ],
        missingSecrets: missing,
        problems: [...problems, ...ofNode.problems, ...(ofPlugins?.problems ?? [])],
      };
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
