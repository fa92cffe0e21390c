// A whole cluster into an etcd, and out of it. Revisions go on above those that it had before: etcd's cannot be set, so the difference
// is noted in it, and added by all who read. Marks in etcd keep servers from using what is half a cluster, or an old one.
import { OperatorError } from '#base/errors.ts';
import { etcdWritesInFlightMax } from '#base/limits.ts';
import type { Logger } from '#base/log.ts';
import type { Sealing } from '../sealing/sealing.ts';
import type { Revision, StoredObject } from '../store.ts';
import { checkBelonging } from './belonging.ts';
import { EtcdClient, type EtcdClientOptions } from './client.ts';
import { copyingKey, isOwn, movedKey, offsetKey, root } from './own-keys.ts';
import { readAll } from './read-all.ts';
import { toStoredForm } from './stored-form.ts';

/** Before anything else is asked of an etcd that holds a cluster. Throws OperatorError when it does not, or half of one. */
export async function prepare(client: EtcdClient): Promise<void> {
  const [offset, copying, moved] = await Promise.all([offsetKey, copyingKey, movedKey].map((key) => client.get(key)));
  if (copying !== undefined)
    throw new OperatorError(
      'a cluster is being copied into this etcd, or the copy was interrupted',
      'Wait until `microshift datastore copy` has ended; if it was interrupted, give the command again.',
    );
  if (moved !== undefined)
    throw new OperatorError(
      `the cluster of this etcd was copied to ${textOf(moved.value)} and goes on there`,
      'Remove datastore.endpoint there, and start MicroShift there. To come back to etcd, give `microshift datastore copy --to` there.',
    );
  client.revisionOffset = offset === undefined ? 0 : Number(textOf(offset.value));
}

const textOf = (value: Uint8Array): string => Buffer.from(value).toString();

export interface ClusterContents {
  readonly items: readonly StoredObject[];
  /** The highest that anybody has seen. */
  readonly revision: Revision;
}

export interface TransferOptions {
  readonly etcd: EtcdClientOptions;
  readonly sealing: Sealing;
  readonly cluster: string;
  readonly logger: Logger;
  /** Everything is there, and no server may use it yet. */
  readonly beforeEnd: () => Promise<void>;
}

/** Gives the revision with which the cluster goes on. Throws OperatorError when another cluster is there. */
export async function copyIntoEtcd({ items, revision }: ClusterContents, options: TransferOptions): Promise<Revision> {
  const client = new EtcdClient(options.etcd);
  try {
    await clear(client, options.logger);
    await put(client, copyingKey, '');
    // Above everything that anybody has seen, whatever this etcd counts.
    const offset = Math.max(0, revision + 1 - (await client.revision()));
    await put(client, offsetKey, String(offset));
    client.revisionOffset = offset;
    await checkBelonging(client, options);
    await inParallel(items, async ({ key, bytes, versionOffset, expiresAt }) => {
      const value = toStoredForm(options.sealing, key, { bytes, versionOffset }, expiresAt);
      const { succeeded } = await client.write(key, 0, value);
      if (!succeeded) throw new OperatorError(`somebody else has written ${key} to this etcd`, anotherRemedy);
    });
    await options.beforeEnd();
    const copying = await client.get(copyingKey);
    const ended = await client.write(copyingKey, copying!.modRevision, undefined);
    return ended.revision;
  } finally {
    await client.close();
  }
}

/** A copy into it has begun and not ended. */
export async function isCopying(etcd: EtcdClientOptions): Promise<boolean> {
  const client = new EtcdClient(etcd);
  try {
    return (await client.get(copyingKey)) !== undefined;
  } finally {
    await client.close();
  }
}

/** From now on no server uses what is in this etcd. */
export async function markMoved(etcd: EtcdClientOptions, to: string): Promise<void> {
  const client = new EtcdClient(etcd);
  try {
    await put(client, movedKey, to);
  } finally {
    await client.close();
  }
}

const anotherRemedy = 'Name an etcd that holds no cluster, or remove what it holds: etcdctl del --prefix /registry/.';

/** What an interrupted copy has left, or a cluster that has moved on. Throws when it is neither. */
async function clear(client: EtcdClient, logger: Logger): Promise<void> {
  const [copying, moved] = await Promise.all([copyingKey, movedKey].map((key) => client.get(key)));
  const { items } = await readAll(client, root, logger);
  if (copying === undefined && moved === undefined && items.some(({ key }) => !isOwn(key)))
    throw new OperatorError('there is a cluster in this etcd', anotherRemedy);
  // The marks last: until then it is no cluster.
  const marks = new Set([copyingKey, movedKey]);
  if (copying === undefined) await put(client, copyingKey, '');
  await inParallel(
    items.filter(({ key }) => !marks.has(key)),
    ({ key, modRevision }) => client.write(key, modRevision, undefined),
  );
  if (moved !== undefined) await client.write(movedKey, moved.modRevision, undefined);
}

async function put(client: EtcdClient, key: string, text: string): Promise<void> {
  const there = await client.get(key);
  const { succeeded } = await client.write(key, there?.modRevision ?? 0, Buffer.from(text));
  if (!succeeded) throw new OperatorError(`somebody else has written ${key} to this etcd`, anotherRemedy);
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(items.length, etcdWritesInFlightMax) }, worker));
}
