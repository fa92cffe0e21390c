// The keys that Secrets are encrypted with at rest: one is made at the first start, others by rotation. They are in a file of
// their own outside the folder of the database, so that a copy of the database alone gives no Secret away.
import { Secrets } from '#api/generated/kind-references.ts';
import { storagePrefix } from '#api/kinds.ts';
import type { Clock } from '#base/clock.ts';
import { OperatorError } from '#base/errors.ts';
import type { Random } from '#base/random.ts';
import type { Files } from '#host/files.ts';
import { createSealing, type Sealing, type SealingKey } from './sealing.ts';

const remedy =
  'Restore this file from the backup that the data belongs to. Without it the encrypted objects cannot be read by anybody.';
const secretBytes = 32;
const idMax = 100;
/** What is below these is sealed. */
export const sealedPrefixes: readonly string[] = [storagePrefix(Secrets)];

interface KeptKey extends SealingKey {
  /** RFC 3339; undefined: of a version that did not note it. */
  readonly madeAt: string | undefined;
}

/** What may be told of a key. */
export interface KeyFacts {
  readonly id: number;
  readonly madeAt: string | undefined;
}

/** One key a line, the newest first: its number, its secret in base64, when it was made. */
function parseKeys(file: string, text: string): KeptKey[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [number = '', encoded = '', madeAt, ...more] = line.trim().split(/\s+/);
      const secret = Buffer.from(encoded, 'base64');
      const id = Number(number);
      const isTime = madeAt === undefined || !Number.isNaN(Date.parse(madeAt));
      if (more.length > 0 || !isTime || !Number.isInteger(id) || id < 1 || id > idMax || secret.length !== secretBytes)
        throw new OperatorError(`the encryption key file ${file} is damaged`, remedy);
      return { id, secret, madeAt };
    });
}

const textOf = (keys: readonly KeptKey[]): string =>
  keys
    .map(({ id, secret, madeAt = '' }) => `${`${id} ${Buffer.from(secret).toString('base64')} ${madeAt}`.trimEnd()}\n`)
    .join('');

/** For a process that only tells of them. Undefined: there is no such file. */
export async function readKeyFacts(file: string, files: Files): Promise<readonly KeyFacts[] | undefined> {
  const text = await files.readText(file);
  return text === undefined ? undefined : parseKeys(file, text).map(({ id, madeAt }) => ({ id, madeAt }));
}

interface KeyFileOptions {
  readonly file: string;
  readonly files: Files;
  readonly random: Random;
  readonly clock: Clock;
}

/** Throws OperatorError when the file cannot be understood. */
export async function openSealing(options: KeyFileOptions): Promise<KeyRing> {
  const { file, files } = options;
  const text = await files.readText(file);
  if (text === undefined) return new KeyRing(options, undefined);
  const keys = parseKeys(file, text);
  if (keys.length === 0) throw new OperatorError(`the encryption key file ${file} is empty`, remedy);
  return new KeyRing(options, keys);
}

/** The keys in use. What they are called here is what the file holds: it is written first, and on disk before anything is sealed. */
export class KeyRing implements Sealing {
  readonly #options: KeyFileOptions;
  #keys: readonly KeptKey[];
  #sealing: Sealing;
  #isKept: boolean;

  constructor(options: KeyFileOptions, keys: readonly KeptKey[] | undefined) {
    this.#options = options;
    this.#isKept = keys !== undefined;
    this.#keys = keys ?? [this.#newKey(1)];
    this.#sealing = this.#sealingWith(this.#keys);
  }
  seal(key: string, bytes: Uint8Array): Uint8Array {
    return this.#sealing.seal(key, bytes);
  }
  open(key: string, sealed: Uint8Array): Uint8Array {
    // What is there was sealed with a key that is lost; the new one would only say that it does not fit.
    if (!this.#isKept && sealed[0] !== 0x7b)
      throw new Error(`the value of ${key} is encrypted, and the key file ${this.#options.file} is missing`);
    return this.#sealing.open(key, sealed);
  }
  /** The newest, which seals, first. More than one: something may be sealed by an older one. */
  facts(): readonly KeyFacts[] {
    return this.#keys.map(({ id, madeAt }) => ({ id, madeAt }));
  }
  /** After the data was read, before anything is written: a new key is kept only when nothing needs another one. */
  async keep(): Promise<void> {
    if (this.#isKept) return;
    await this.#write(this.#keys);
    this.#isKept = true;
  }
  /** A new key, which seals from now on. */
  async add(): Promise<void> {
    const used = new Set(this.#keys.map(({ id }) => id));
    let id = (this.#keys[0]!.id % idMax) + 1;
    while (used.has(id)) id = (id % idMax) + 1;
    await this.#write([this.#newKey(id), ...this.#keys]);
  }
  /** For when nothing is sealed by any but the newest. */
  async dropOlder(): Promise<void> {
    if (this.#keys.length > 1) await this.#write(this.#keys.slice(0, 1));
  }
  async #write(keys: readonly KeptKey[]): Promise<void> {
    const { file, files } = this.#options;
    await files.writeAtomic(file, textOf(keys), 0o600);
    this.#keys = keys;
    this.#sealing = this.#sealingWith(keys);
  }
  #newKey(id: number): KeptKey {
    const { random, clock } = this.#options;
    return { id, secret: random.bytes(secretBytes), madeAt: new Date(clock.now()).toISOString() };
  }
  #sealingWith(keys: readonly SealingKey[]): Sealing {
    return createSealing({ prefixes: sealedPrefixes, keys, random: this.#options.random });
  }
}
