// Encryption at rest of what is below some prefixes (Secrets): AES-256-GCM, bound to the object's key, so that a sealed value
// cannot be moved to another object. Guards copies of the data file; who can read the key file too reads everything.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { assert } from '#base/errors.ts';
import type { Random } from '#base/random.ts';

export interface Sealing {
  /** The bytes to put into the file. */
  seal(key: string, bytes: Uint8Array): Uint8Array;
  /** Throws when no key fits, or the value was changed. */
  open(key: string, sealed: Uint8Array): Uint8Array;
}

export interface SealingKey {
  /** 1 to 100; stands before each value that it seals. */
  readonly id: number;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + nonceBytes + tagBytes;
/** How every plain value begins: `{`. No key has this id. */
const plainMark = 0x7b;

const isPlain = (value: Uint8Array): boolean => value[0] === plainMark;

/** The first key seals; the others open what they sealed before. Plain values are opened too, and sealed at their next write. */
export function createSealing(options: {
  readonly prefixes: readonly string[];
  readonly keys: readonly SealingKey[];
  readonly random: Random;
}): Sealing {
  const { prefixes, keys, random } = options;
  const [newest] = keys;
  assert(newest !== undefined, 'sealing without a key');
  for (const { id, secret } of keys) assert(id >= 1 && id <= 100 && secret.length === 32, 'not a sealing key');
  return {
    seal(key, bytes) {
      if (!prefixes.some((prefix) => key.startsWith(prefix))) return bytes;
      const nonce = random.bytes(nonceBytes);
      const cipher = createCipheriv(algorithm, newest.secret, nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(key));
      const text = Buffer.concat([cipher.update(bytes), cipher.final()]);
      return Buffer.concat([Uint8Array.of(newest.id), nonce, cipher.getAuthTag(), text]);
    },
    open(key, sealed) {
      if (isPlain(sealed)) return sealed;
      const fitting = keys.find(({ id }) => id === sealed[0]);
      if (sealed.length < headBytes) throw new Error(`the value of ${key} is cut short`);
      if (fitting === undefined) {
        const ids = keys.map(({ id }) => id).join(', ');
        throw new Error(`the value of ${key} is encrypted with key ${sealed[0]}, and the key file holds key ${ids}`);
      }
      const nonce = sealed.subarray(1, 1 + nonceBytes);
      const decipher = createDecipheriv(algorithm, fitting.secret, nonce, { authTagLength: tagBytes });
      decipher.setAAD(Buffer.from(key));
      decipher.setAuthTag(sealed.subarray(1 + nonceBytes, headBytes));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(headBytes)), decipher.final()]);
      } catch (error) {
        throw new Error(`the value of ${key} was sealed with another key, or was changed`, { cause: error });
      }
    },
  };
}

/** For a store without keys: a sealed value is a mistake that must be seen. */
export const noSealing: Sealing = {
  seal: (_, bytes) => bytes,
  open(key, sealed) {
    if (!isPlain(sealed)) throw new Error(`the value of ${key} is encrypted, and no key was given`);
    return sealed;
  },
};
