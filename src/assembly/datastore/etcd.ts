// Opens the store on an etcd cluster, and waits while that cannot be used: it has no quorum, is not reached, asks for other
// certificates, or holds what this server cannot read. `microshift status` and the log say which; the process never ends for it.
import { createHash } from 'node:crypto';
import { type Clock, sleep } from '#base/clock.ts';
import { messageOf, OperatorError } from '#base/errors.ts';
import { etcdRetryMs } from '#base/limits.ts';
import type { Logger } from '#base/log.ts';
import type { Files } from '#host/files.ts';
import type { EtcdClientOptions } from '#storage/etcd/client.ts';
import type { EtcdConfiguration } from '../config/configuration.ts';

/** Reads the files that the configuration names. Throws OperatorError. */
export async function etcdOptions({ members, tls }: EtcdConfiguration, files: Files): Promise<EtcdClientOptions> {
  if (tls === undefined) return { members };
  const read = async (key: string, file: string): Promise<string> => {
    const remedy = `Put the PEM file there, readable for MicroShift, or set ${key} to another one.`;
    let text: string | undefined;
    try {
      text = await files.readText(file);
    } catch (error) {
      throw new OperatorError(`${key}: ${file} cannot be read: ${messageOf(error)}`, remedy, { cause: error });
    }
    if (text === undefined) throw new OperatorError(`${key}: there is no file ${file}`, remedy);
    return text;
  };
  const authorities = await read('datastore.authorityFile', tls.authorityFile);
  if (tls.certificateFile === '') return { members, tls: { authorities } };
  const [certificate, key] = await Promise.all([
    read('datastore.certificateFile', tls.certificateFile),
    read('datastore.keyFile', tls.keyFile),
  ]);
  return { members, tls: { authorities, certificate, key } };
}

/** All that is signed with this key is of one cluster. */
export const clusterOf = (serviceAccountPublicKeyPem: string): string =>
  createHash('sha256').update(serviceAccountPublicKeyPem).digest('base64url');

export interface WaitingOptions<T> {
  readonly open: () => Promise<T>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
  /** What is wrong at the moment; empty: nothing. */
  readonly show: (problems: readonly string[]) => void;
}

/** Stays pending when the process is told to stop before it is open. Rejects with what is no OperatorError. */
export async function openWhenPossible<T>({ open, clock, logger, stopping, show }: WaitingOptions<T>): Promise<T> {
  for (let shown: string | undefined; ;) {
    try {
      const opened = await open();
      if (shown !== undefined) logger.info('the etcd cluster can be used now');
      show([]);
      return opened;
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      const problem = `${error.message}. Nothing is served until then; containers go on. ${error.remedy}`;
      if (problem !== shown) logger.error(problem);
      shown = problem;
      show([problem]);
    }
    try {
      await sleep(clock, etcdRetryMs, stopping);
    } catch {
      return new Promise(() => {});
    }
  }
}
