// Names that one of several servers takes for a short time, so that two do not give away the same thing at the same moment. Not etcd's
// leases: a name is given back when its work is done, and one whose server has died is free again after a minute.
import type { Clock } from '#base/clock.ts';
import type { EtcdClient, KeyValue } from './client.ts';
import { claimRoot } from './own-keys.ts';

const claimMs = 60_000;

const endsAt = (value: Uint8Array): number => Number(Buffer.from(value).toString());

/** Gives the revision of the claim; undefined: somebody else has it. */
export async function takeClaim(client: EtcdClient, clock: Clock, key: string): Promise<number | undefined> {
  const value = Buffer.from(String(clock.now() + claimMs));
  const first = await client.write(key, 0, value);
  if (first.succeeded) return first.revision;
  const there = await client.get(key);
  if (there !== undefined && endsAt(there.value) > clock.now()) return undefined;
  const second = await client.write(key, there?.modRevision ?? 0, value);
  return second.succeeded ? second.revision : undefined;
}

/** Those of servers that have died. */
export async function removeOldClaims(client: EtcdClient, clock: Clock, items: readonly KeyValue[]): Promise<void> {
  for (const { key, value, modRevision } of items)
    if (key.startsWith(claimRoot) && endsAt(value) <= clock.now()) await client.write(key, modRevision, undefined);
}
