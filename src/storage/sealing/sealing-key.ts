// The key that Secrets are encrypted with at rest: made at the first start, kept in a file of its own outside the folder of
// the database, so that a copy of the database alone gives no Secret away.
import { Secrets } from '#api/generated/kind-references.ts';
import { storagePrefix } from '#api/kinds.ts';
import { OperatorError } from '#base/errors.ts';
import type { Random } from '#base/random.ts';
import type { Files } from '#host/files.ts';
import { createSealing, type Sealing, type SealingKey } from './sealing.ts';

const remedy =
  'Restore this file from the backup that the data belongs to. Without it the encrypted objects cannot be read by anybody.';
const secretBytes = 32;

/** One key a line, the newest first: its number and its secret in base64. */
function parseKeys(file: string, text: string): SealingKey[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [number = '', encoded = '', ...more] = line.trim().split(/\s+/);
      const secret = Buffer.from(encoded, 'base64');
      const id = Number(number);
      if (more.length > 0 || !Number.isInteger(id) || id < 1 || id > 100 || secret.length !== secretBytes)
        throw new OperatorError(`the encryption key file ${file} is damaged`, remedy);
      return { id, secret };
    });
}

export interface OpenedSealing {
  readonly sealing: Sealing;
  /** After the data was read, before anything is written: a new key is kept only when nothing needs another one. */
  readonly keep: () => Promise<void>;
}

/** Throws OperatorError when the file cannot be understood. */
export async function openSealing(options: {
  readonly file: string;
  readonly files: Files;
  readonly random: Random;
}): Promise<OpenedSealing> {
  const { file, files, random } = options;
  const prefixes = [storagePrefix(Secrets)];
  const text = await files.readText(file);
  if (text !== undefined) {
    const keys = parseKeys(file, text);
    if (keys.length === 0) throw new OperatorError(`the encryption key file ${file} is empty`, remedy);
    return { sealing: createSealing({ prefixes, keys, random }), keep: async () => {} };
  }
  const secret = random.bytes(secretBytes);
  const sealing = createSealing({ prefixes, keys: [{ id: 1, secret }], random });
  let isKept = false;
  return {
    sealing: {
      seal: (key, bytes) => sealing.seal(key, bytes),
      open(key, sealed) {
        // What is there was sealed with a key that is lost; the new one would only say that it does not fit.
        if (!isKept && sealed[0] !== 0x7b)
          throw new Error(`the value of ${key} is encrypted, and the key file ${file} is missing`);
        return sealing.open(key, sealed);
      },
    },
    async keep() {
      await files.writeAtomic(file, `1 ${Buffer.from(secret).toString('base64')}\n`, 0o600);
      isKept = true;
    },
  };
}
