// Credentials from plugins: programs that are asked for an image, and whose answer is kept as long as it says. Upstream's
// exec protocol (credentialprovider.kubelet.k8s.io). What a plugin writes may hold a credential, and is never told.
import { createHash } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Pod, ServiceAccount } from '#api/generated/types.ts';
import { parseNanoseconds } from '#api/schema/duration.ts';
import { parseImageName } from './image-name.ts';
import { repositoryFits, type RegistryEntry, registryEntry, type SecretCoordinates } from './keyring.ts';
import type { CredentialProvider } from './provider-configuration.ts';

export interface CredentialProvidersOptions {
  readonly providers: readonly CredentialProvider[];
  readonly directory: string;
  readonly clock: Clock;
  readonly run: (
    program: string,
    args: readonly string[],
    options: {
      readonly input: string;
      readonly environment: Readonly<Record<string, string>>;
      readonly timeoutMs: number;
      readonly outputBytesMax: number;
    },
  ) => Promise<string>;
}

/** For plugins that are told of service accounts. */
export interface AccountSources {
  account(pod: Pod): Promise<ServiceAccount | undefined>;
  token(pod: Pod, audience: string): Promise<string>;
}

export interface ProvidedCredentials {
  readonly entries: readonly RegistryEntry[];
  /** A sentence for each plugin that failed; the others hold. */
  readonly problems: readonly string[];
}

interface Kept {
  readonly entries: readonly RegistryEntry[];
  readonly untilMs: number;
}
interface Asked {
  readonly token: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly coordinates: SecretCoordinates | undefined;
  /** Part of the key of what is kept; '' without an account. */
  readonly key: string;
}

const timeoutMs = 60_000;
const outputBytesMax = 1024 * 1024;
const keptMax = 1_000;

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export class CredentialProviders {
  readonly #options: CredentialProvidersOptions;
  /** In the order of their coming, so that the oldest goes when there are too many. */
  readonly #kept = new Map<string, Kept>();
  readonly #underWay = new Map<string, Promise<readonly RegistryEntry[]>>();

  constructor(options: CredentialProvidersOptions) {
    this.#options = options;
  }

  async provide(pod: Pod, image: string, sources: AccountSources): Promise<ProvidedCredentials> {
    const { repository } = parseImageName(image);
    const problems: string[] = [];
    const found = await Promise.all(
      this.#options.providers
        .filter(({ matchImages }) => matchImages.some((one) => repositoryFits(one, repository)))
        .map(async (provider) => {
          try {
            return await this.#of(provider, pod, repository, sources);
          } catch (error) {
            problems.push(
              `The credential provider ${provider.name} gave nothing for ${repository}: ${messageOf(error)}`,
            );
            return [];
          }
        }),
    );
    return { entries: found.flat(), problems };
  }

  async #of(
    provider: CredentialProvider,
    pod: Pod,
    repository: string,
    sources: AccountSources,
  ): Promise<readonly RegistryEntry[]> {
    const asked = await askedFor(provider, pod, sources);
    if (asked === undefined) return [];
    const registry = repository.split('/')[0]!;
    const now = this.#options.clock.now();
    const keyOf = (base: string) => JSON.stringify([provider.name, base, asked.key]);
    for (const base of [repository, registry, '']) {
      const kept = this.#kept.get(keyOf(base));
      if (kept !== undefined && kept.untilMs > now) return kept.entries;
    }
    const flight = JSON.stringify([provider.name, repository, asked.token, asked.annotations]);
    let answer = this.#underWay.get(flight);
    if (answer === undefined) {
      answer = this.#run(provider, repository, asked, (cacheType, forMs, entries) => {
        const base = cacheType === 'Image' ? repository : cacheType === 'Registry' ? registry : '';
        this.#keep(keyOf(base), { entries, untilMs: this.#options.clock.now() + forMs });
      }).finally(() => this.#underWay.delete(flight));
      this.#underWay.set(flight, answer);
    }
    return answer;
  }

  async #run(
    provider: CredentialProvider,
    repository: string,
    asked: Asked,
    keep: (cacheType: string, forMs: number, entries: readonly RegistryEntry[]) => void,
  ): Promise<readonly RegistryEntry[]> {
    const { directory, run } = this.#options;
    const request = {
      kind: 'CredentialProviderRequest',
      apiVersion: provider.apiVersion,
      image: repository,
      ...(asked.token === '' ? {} : { serviceAccountToken: asked.token }),
      ...(Object.keys(asked.annotations).length === 0 ? {} : { serviceAccountAnnotations: asked.annotations }),
    };
    const text = await run(`${directory}/${provider.name}`, provider.args, {
      input: `${JSON.stringify(request)}\n`,
      environment: provider.environment,
      timeoutMs,
      outputBytesMax,
    });
    const { cacheType, cacheMs, auth } = answerOf(text, provider);
    const ownToken = asked.token !== '' && provider.token?.cacheType !== 'Token';
    if (ownToken && auth.some(({ password }) => password === asked.token))
      throw new Error('it answered with the token of the service account, which only the cacheType Token allows');
    const entries = auth.map(({ key, username, password }) =>
      registryEntry(key, { username, password }, undefined, asked.coordinates),
    );
    if (cacheMs > 0) keep(cacheType, cacheMs, entries);
    return entries;
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const now = this.#options.clock.now();
    for (const [old, { untilMs }] of this.#kept)
      if (untilMs <= now || this.#kept.size > keptMax) this.#kept.delete(old);
  }
}

/** Undefined: the plugin is not asked for this Pod. */
async function askedFor(provider: CredentialProvider, pod: Pod, sources: AccountSources): Promise<Asked | undefined> {
  const plain: Asked = { token: '', annotations: {}, coordinates: undefined, key: '' };
  if (provider.token === undefined) return plain;
  const { audience, requireServiceAccount, requiredAnnotations, optionalAnnotations, cacheType } = provider.token;
  if ((pod.spec.serviceAccountName ?? '') === '') return requireServiceAccount ? undefined : plain;
  const account = await sources.account(pod);
  if (account === undefined) throw new Error('the service account of the Pod is not there');
  const has = account.metadata.annotations ?? {};
  if (requiredAnnotations.some((one) => has[one] === undefined)) return undefined;
  const annotations = Object.fromEntries(
    [...requiredAnnotations, ...optionalAnnotations].flatMap((one) =>
      has[one] === undefined ? [] : [[one, has[one]]],
    ),
  );
  const token = await sources.token(pod, audience);
  const { uid = '', namespace = '', name = '' } = account.metadata;
  const digest = cacheType === 'Token' ? createHash('sha256').update(token).digest('hex') : '';
  const key = JSON.stringify([namespace, name, uid, annotations, digest]);
  return { token, annotations, coordinates: { uid, namespace, name }, key };
}

interface Answer {
  readonly cacheType: string;
  readonly cacheMs: number;
  readonly auth: readonly { readonly key: string; readonly username: string; readonly password: string }[];
}

function answerOf(text: string, { apiVersion, defaultCacheMs }: CredentialProvider): Answer {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // Without what it says: it may be a credential.
  }
  if (!isFields(answer) || answer['kind'] !== 'CredentialProviderResponse')
    throw new Error('its answer is no CredentialProviderResponse');
  if (answer['apiVersion'] !== apiVersion) throw new Error(`its answer is not of ${apiVersion}`);
  const { cacheKeyType, cacheDuration, auth = {} } = answer;
  const cacheType = String(cacheKeyType);
  if (!['Image', 'Registry', 'Global'].includes(cacheType)) throw new Error('its cacheKeyType is not valid');
  let cacheMs = defaultCacheMs;
  if (cacheDuration !== undefined && cacheDuration !== null) {
    const duration = parseNanoseconds(typeof cacheDuration === 'string' ? cacheDuration : '');
    if (typeof duration !== 'bigint') throw new Error('its cacheDuration is no duration');
    cacheMs = Number(duration / 1_000_000n);
  }
  if (auth !== null && !isFields(auth)) throw new Error('its auth is no object');
  return {
    cacheType,
    cacheMs,
    auth: Object.entries(auth ?? {}).map(([key, value]) => {
      const fields = isFields(value) ? value : {};
      const { username, password } = fields;
      return {
        key,
        username: typeof username === 'string' ? username : '',
        password: typeof password === 'string' ? password : '',
      };
    }),
  };
}
