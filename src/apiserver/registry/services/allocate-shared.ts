// Cluster IPs and node ports where several API servers are on one store: what this one has chosen it claims for itself, then looks
// whether another was there before, and holds the claim until its Service is written.
import type { Service } from '#api/generated/types.ts';
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import { sleep } from '#base/clock.ts';
import { type Store, StoreUnavailableError } from '#storage/store.ts';
import type { Server } from '../../context.ts';
import { type Allocation, allocateService } from './allocate-service.ts';

const attemptsMax = 10;
/** For a claim of another server to become a Service or to end. */
const waitMs = 50;

/** Throws an ApiError (422) for what cannot be had. */
export async function allocateShared(
  server: Server,
  object: Mutable<KubernetesObject>,
  previous: KubernetesObject | undefined,
): Promise<Disposable> {
  const service = object as Mutable<Service>;
  const asked = structuredClone(service.spec);
  for (let attempt = 1; ; attempt++) {
    const held = await tryOnce(server, object, previous);
    if (held !== undefined) return held;
    if (attempt >= attemptsMax)
      throw new StoreUnavailableError('another API server gives away the same addresses or ports at this moment');
    if (asked !== undefined) service.spec = structuredClone(asked);
    await sleep(server.options.clock, waitMs);
  }
}

/** Undefined: another server was faster; nothing is held. */
async function tryOnce(
  server: Server,
  object: Mutable<KubernetesObject>,
  previous: KubernetesObject | undefined,
): Promise<Disposable | undefined> {
  using held = new DisposableStack();
  const allocation = held.use(allocateService(server, object, previous));
  const isOurs = (await claimAll(server.options.store, allocation, held)) && !allocation.isTakenByOthers();
  return isOurs ? held.move() : undefined;
}

/** False: another server has one of them. In order, so that of two servers that want the same one goes on. */
async function claimAll(store: Store, { keys }: Allocation, held: DisposableStack): Promise<boolean> {
  for (const key of [...keys].toSorted()) {
    const claim = await store.claim?.(key);
    if (claim === undefined) return false;
    held.use(claim);
  }
  return true;
}
