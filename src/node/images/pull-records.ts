// Which credentials an image was pulled with, so that a Pod without them is not given what another one's pull brought. Kept
// in upstream's files and form (KEP-2535). By its default policy what nobody pulled here (preloaded) is free for all.
import { createHash } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { NodeMachine } from '#host/node-machine.ts';
import type { Image } from '../cri/messages.ts';
import { withoutTag } from './image-name.ts';
import type { PullCredential, SecretCoordinates } from './keyring.ts';
import { defaultVerification, mustVerify, type Verification } from './verification.ts';

interface RecordedSecret {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly credentialHash: string;
}
interface RecordedCredentials {
  readonly nodePodsAccessible?: boolean;
  readonly kubernetesSecrets?: readonly RecordedSecret[];
  readonly kubernetesServiceAccounts?: readonly SecretCoordinates[];
}
interface PulledRecord {
  readonly lastUpdatedTime: string;
  readonly imageRef: string;
  /** By the image's name without tag and digest. */
  readonly credentialMapping: Readonly<Record<string, RecordedCredentials>>;
}

/** Beyond it, a match is not written down: a read must not turn into ever more writes. */
const secretsWhileMatchingMax = 100;
const apiVersion = 'kubelet.config.k8s.io/v1beta1';

const sameSecret = (a: SecretCoordinates, b: SecretCoordinates): boolean =>
  a.uid === b.uid && a.namespace === b.namespace && a.name === b.name;
const recorded = ({ secret, hash }: PullCredential): RecordedSecret | undefined =>
  secret === undefined ? undefined : { ...secret, credentialHash: hash };

/** Pure: what is known of a name after a pull with these credentials; undefined: the node's, or none. */
export function mergeCredentials(
  known: RecordedCredentials | undefined,
  used: RecordedSecret | undefined,
): RecordedCredentials {
  if (known?.nodePodsAccessible === true || used === undefined) return { nodePodsAccessible: true };
  const others = (known?.kubernetesSecrets ?? []).filter((one) => !sameSecret(one, used));
  const id = (one: RecordedSecret) => `${one.namespace}/${one.name}/${one.uid}`;
  return { ...known, kubernetesSecrets: [...others, used].toSorted((a, b) => (id(a) < id(b) ? -1 : 1)) };
}

/** Pure: the same, of a pull with what a plugin gave for a service account. */
export function mergeAccount(known: RecordedCredentials | undefined, used: SecretCoordinates): RecordedCredentials {
  if (known?.nodePodsAccessible === true) return known;
  const accounts = known?.kubernetesServiceAccounts ?? [];
  if (accounts.some((one) => sameSecret(one, used))) return known ?? {};
  const id = (one: SecretCoordinates) => `${one.namespace}/${one.name}/${one.uid}`;
  const { uid, namespace, name } = used;
  const all = [...accounts, { uid, namespace, name }].toSorted((a, b) => (id(a) < id(b) ? -1 : 1));
  return { ...known, kubernetesServiceAccounts: all };
}

export type Access = { readonly allowed: boolean; readonly remember?: RecordedSecret | undefined };

/** Pure: may a Pod with these credentials have an image that was pulled so? */
export function mayUse(known: RecordedCredentials | undefined, credentials: readonly PullCredential[]): Access {
  if (known?.nodePodsAccessible === true) return { allowed: true };
  const secrets = known?.kubernetesSecrets ?? [];
  const accounts = known?.kubernetesServiceAccounts ?? [];
  if (credentials.some(({ account }) => account !== undefined && accounts.some((one) => sameSecret(one, account))))
    return { allowed: true };
  for (const own of credentials.map(recorded)) {
    if (own === undefined) continue;
    for (const one of secrets) {
      const sameHash = one.credentialHash !== '' && one.credentialHash === own.credentialHash;
      if (!sameHash && !sameSecret(one, own)) continue;
      const news = !sameHash || !sameSecret(one, own);
      return { allowed: true, remember: news && secrets.length < secretsWhileMatchingMax ? own : undefined };
    }
  }
  return { allowed: false };
}

const digest = (name: string): string => createHash('sha256').update(name).digest('hex');
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function asPulledRecord(value: Readonly<Record<string, unknown>>): PulledRecord | undefined {
  const { imageRef, lastUpdatedTime, credentialMapping } = value;
  if (typeof imageRef !== 'string' || !isRecord(credentialMapping ?? {})) return undefined;
  return {
    imageRef,
    lastUpdatedTime: typeof lastUpdatedTime === 'string' ? lastUpdatedTime : '',
    credentialMapping: (credentialMapping ?? {}) as PulledRecord['credentialMapping'],
  };
}

export class PullRecords {
  readonly #machine: Pick<NodeMachine, 'readText' | 'write' | 'rename' | 'remove' | 'list' | 'makeDirectory'>;
  readonly #clock: Clock;
  readonly #verification: Verification;
  readonly #logger: Logger;
  readonly #pulling: string;
  readonly #pulled: string;
  readonly #records = new Map<string, PulledRecord>();
  /** Digests of names and ids whose record is there but unreadable: their images ask for credentials. */
  readonly #unreadable = new Set<string>();
  /** Pulls under way by name. */
  readonly #intents = new Map<string, number>();
  #writing: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly machine: Pick<NodeMachine, 'readText' | 'write' | 'rename' | 'remove' | 'list' | 'makeDirectory'>;
    readonly clock: Clock;
    readonly logger: Logger;
    /** kubelet's. */
    readonly rootDirectory: string;
    /** Absent: upstream's default. */
    readonly verification?: Verification | undefined;
  }) {
    this.#verification = options.verification ?? defaultVerification;
    this.#machine = options.machine;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#pulling = `${options.rootDirectory}/image_manager/pulling`;
    this.#pulled = `${options.rootDirectory}/image_manager/pulled`;
  }

  /** What earlier runs wrote. A pull that they did not see end counts as pulled with unknown credentials. */
  async load(images: () => Promise<readonly Image[]>): Promise<void> {
    const machine = this.#machine;
    await machine.makeDirectory(this.#pulling, 0o700);
    await machine.makeDirectory(this.#pulled, 0o700);
    for (const record of await this.#readAll(this.#pulled, asPulledRecord)) this.#records.set(record.imageRef, record);
    const intents = await this.#readAll(this.#pulling, ({ image }) => (typeof image === 'string' ? image : undefined));
    if (intents.length === 0) return;
    const present = await images();
    for (const image of intents) {
      const found = present.find((one) => [...one.repoTags, ...one.repoDigests].includes(image));
      if (found !== undefined && !this.#records.has(found.id)) this.#put(found.id, {});
      this.#remove(this.#pulling, image);
    }
    await this.#writing;
  }

  /** A crash between here and `ended` must not make the image look preloaded. */
  async begun(image: string): Promise<void> {
    this.#intents.set(image, (this.#intents.get(image) ?? 0) + 1);
    this.#write(this.#pulling, image, { kind: 'ImagePullIntent', apiVersion, image });
    await this.#writing;
  }

  /** `pulled`: the image's id and what it was pulled with; undefined: it failed. */
  ended(image: string, pulled?: { readonly id: string; readonly credential: PullCredential | undefined }): void {
    if (pulled !== undefined) {
      const { id, credential } = pulled;
      const account = credential?.account;
      this.#remember(image, id, (known) =>
        account === undefined
          ? mergeCredentials(known, credential && recorded(credential))
          : mergeAccount(known, account),
      );
    }
    const left = (this.#intents.get(image) ?? 1) - 1;
    if (left > 0) {
      this.#intents.set(image, left);
      return;
    }
    this.#intents.delete(image);
    this.#remove(this.#pulling, image);
  }

  /** False: the Pod must pull, as its credentials were never seen to open this image. */
  async allows(image: string, id: string, credentials: () => Promise<readonly PullCredential[]>): Promise<boolean> {
    const record = this.#records.get(id);
    const pulledHere =
      record !== undefined ||
      this.#intents.has(image) ||
      this.#unreadable.has(digest(image)) ||
      this.#unreadable.has(digest(id));
    if (!mustVerify(this.#verification, image, pulledHere)) return true;
    if (record === undefined) return false;
    const known = record.credentialMapping[withoutTag(image)];
    if (known?.nodePodsAccessible === true) return true;
    if ((known?.kubernetesSecrets ?? []).length + (known?.kubernetesServiceAccounts ?? []).length === 0) return false;
    const { allowed, remember } = mayUse(known, await credentials());
    if (remember !== undefined) this.#remember(image, id, (now) => mergeCredentials(now, remember));
    return allowed;
  }

  /** Forgets images that are gone: `ids` are those that were there at `atMs`. What was pulled since then stays. */
  prune(ids: ReadonlySet<string>, atMs: number): void {
    for (const [id, { lastUpdatedTime }] of this.#records) {
      // The time is kept in whole seconds.
      if (ids.has(id) || !(Date.parse(lastUpdatedTime) + 1_000 < atMs)) continue;
      this.#records.delete(id);
      this.#remove(this.#pulled, id);
    }
  }

  /** Resolves when all is on disk. */
  settled(): Promise<void> {
    return this.#writing;
  }

  #remember(image: string, id: string, merge: (known: RecordedCredentials | undefined) => RecordedCredentials): void {
    const mapping = this.#records.get(id)?.credentialMapping ?? {};
    const name = withoutTag(image);
    const merged = merge(mapping[name]);
    if (JSON.stringify(merged) === JSON.stringify(mapping[name])) return;
    this.#put(id, { ...mapping, [name]: merged });
  }

  #put(id: string, credentialMapping: PulledRecord['credentialMapping']): void {
    const lastUpdatedTime = new Date(this.#clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const record: PulledRecord = { lastUpdatedTime, imageRef: id, credentialMapping };
    this.#records.set(id, record);
    this.#unreadable.delete(digest(id));
    this.#write(this.#pulled, id, { kind: 'ImagePulledRecord', apiVersion, ...record });
  }

  #file(directory: string, name: string): string {
    return `${directory}/sha256-${digest(name)}`;
  }
  #write(directory: string, name: string, content: object): void {
    const file = this.#file(directory, name);
    this.#enqueue(async () => {
      await this.#machine.write(`${file}.tmp`, JSON.stringify(content), 0o600);
      await this.#machine.rename(`${file}.tmp`, file);
    });
  }
  #remove(directory: string, name: string): void {
    this.#enqueue(() => this.#machine.remove(this.#file(directory, name)));
  }
  /** In order, so that the file says what was said last. */
  #enqueue(work: () => Promise<void>): void {
    this.#writing = this.#writing
      .then(work)
      .catch((error: unknown) => this.#logger.warn('an image pull record was not kept', { error: messageOf(error) }));
  }

  async #readAll<T>(
    directory: string,
    parse: (value: Readonly<Record<string, unknown>>) => T | undefined,
  ): Promise<readonly T[]> {
    const found: T[] = [];
    for (const name of await this.#machine.list(directory)) {
      if (!name.startsWith('sha256-') || name.endsWith('.tmp')) continue;
      try {
        const value: unknown = JSON.parse((await this.#machine.readText(`${directory}/${name}`)) ?? '');
        const parsed = isRecord(value) ? parse(value) : undefined;
        if (parsed === undefined) throw new Error('it has another form');
        found.push(parsed);
      } catch (error) {
        this.#unreadable.add(name.slice('sha256-'.length));
        this.#logger.warn(
          'an image pull record cannot be read: the image is verified with the registry at its next use',
          {
            file: `${directory}/${name}`,
            error: messageOf(error),
          },
        );
      }
    }
    return found;
  }
}
