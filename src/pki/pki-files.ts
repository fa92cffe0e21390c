// The files of certificates, bundles and kubeconfigs: what is unreadable or stale is said and put right, never an end.
import path from 'node:path';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Files } from '#host/files.ts';
import type { KeyPair } from './certificate.ts';

export interface FileWrite {
  readonly file: string;
  readonly content: string;
  readonly mode: number;
}

/** Undefined: nothing there that could be a certificate with its key. `base`: without `.crt` and `.key`. */
export async function readPair(files: Files, base: string, logger: Logger): Promise<KeyPair | undefined> {
  const read = async (file: string): Promise<string | undefined> => {
    try {
      return await files.readText(file);
    } catch (error) {
      logger.warn('a file of a certificate cannot be read', { file, error: messageOf(error) });
      return undefined;
    }
  };
  const [certificatePem, keyPem] = await Promise.all([read(`${base}.crt`), read(`${base}.key`)]);
  if (certificatePem !== undefined && keyPem !== undefined) return { certificatePem, keyPem };
  if (certificatePem !== undefined)
    logger.warn('a certificate has lost its key and is made new', { file: `${base}.key` });
  if (keyPem !== undefined)
    logger.warn('a key has lost its certificate and both are made new', { file: `${base}.crt` });
  return undefined;
}

/** Adds to `writes` what differs from what is there. */
export async function writeDifferent(
  files: Files,
  wanted: readonly (readonly [file: string, content: string])[],
  writes: FileWrite[],
): Promise<void> {
  await Promise.all(
    wanted.map(async ([file, content]) => {
      if ((await files.readText(file).catch(() => undefined)) !== content) writes.push({ file, content, mode: 0o600 });
    }),
  );
}

/** A name that is no longer the machine's must not be found in use: its folder goes. What else lies there is not ours. */
export async function removeStaleKubeconfigs(
  files: Files,
  directory: string,
  wanted: readonly string[],
  logger: Logger,
): Promise<void> {
  try {
    for (const name of await files.list(directory)) {
      if (name === 'kubeconfig' || wanted.includes(name)) continue;
      const held = await files.list(path.join(directory, name)).catch(() => []);
      if (held.length !== 1 || held[0] !== 'kubeconfig') continue;
      await files.remove(path.join(directory, name));
      logger.info('the kubeconfig of a name that this machine no longer has is removed', { name });
    }
  } catch (error) {
    logger.warn('kubeconfigs of names that this machine no longer has could not be removed', {
      error: messageOf(error),
    });
  }
}
