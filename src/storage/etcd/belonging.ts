// Whether this server belongs to the cluster that etcd holds: whether it has its keys. Asked before anything is written, because a
// Secret that was sealed with another key stops all other servers, and tokens signed with another key are taken by none of them.
import { OperatorError } from '#base/errors.ts';
import type { Sealing } from '../sealing/sealing.ts';
import type { EtcdClient } from './client.ts';
import { clusterKey, sealedKey } from './own-keys.ts';

export interface Belonging {
  readonly sealing: Sealing;
  /** A text that is the same on all servers of the cluster, and on no other; absent: not compared. */
  readonly cluster?: string | undefined;
  /** Keeps the key for good; called before the first value is there that only it opens. */
  readonly keepKey?: (() => Promise<void>) | undefined;
}

/** Something small that only the right key opens, as if it were a Secret of this name. */
const sealedAs = '/registry/secrets/.encryption';
const sealedText = Buffer.from('{"kind":"EncryptionCheck"}');

const remedy =
  'Stop it, copy the directories certs and resources and the file secrets.key from the data directory of a server of that cluster, and start it again: docs/how-to/etcd.md. Or name another etcd in datastore.endpoint.';

/** Throws OperatorError when it does not. */
export async function checkBelonging(client: EtcdClient, { sealing, cluster, keepKey }: Belonging): Promise<void> {
  if (cluster !== undefined) {
    const there = await readOrCreate(client, clusterKey, Buffer.from(cluster), keepKey);
    if (Buffer.from(there.value).toString() !== cluster)
      throw new OperatorError('etcd holds a cluster with other keys than those of this server', remedy);
  }
  const sealed = sealing.seal(sealedAs, sealedText);
  const there = await readOrCreate(client, sealedKey, sealed, keepKey);
  try {
    sealing.open(sealedAs, there.value);
  } catch (error) {
    throw new OperatorError('what etcd holds was encrypted with another key than that of this server', remedy, {
      cause: error,
    });
  }
  // The first byte is the number of the key: an older one will be given up some day.
  if (there.value[0] !== sealed[0]) await client.write(sealedKey, there.modRevision, sealed);
}

async function readOrCreate(
  client: EtcdClient,
  key: string,
  value: Uint8Array,
  keepKey: Belonging['keepKey'],
): Promise<{ readonly value: Uint8Array; readonly modRevision: number }> {
  for (;;) {
    const there = await client.get(key);
    if (there !== undefined) return there;
    await keepKey?.();
    const { succeeded, revision } = await client.write(key, 0, value);
    if (succeeded) return { value, modRevision: revision };
  }
}
