// Where other servers write too (etcd), memory may be behind them. A write finds that out; what is answered without one, an error as
// well as "nothing to change", holds only if it was decided on the newest state. Upstream's storage does the same behind its cache.
import { ApiError } from '#api/status.ts';
import type { StoredObject } from '#storage/store.ts';
import type { RequestContext } from '../context.ts';

/** Whether the key still is at what was read of it before, as far as anybody had written when this was asked. */
export async function isNewest(
  { server, request }: RequestContext,
  key: string,
  read: StoredObject | undefined,
): Promise<boolean> {
  const { store } = server.options;
  const pending = store.consistent(request);
  if (pending === undefined) return true;
  await pending;
  return store.get(key)?.revision === read?.revision;
}

/** Undefined, as for whoever lost a race: an answer that an older state had given. */
export async function onNewest<T>(
  context: RequestContext,
  key: string,
  decide: (read: StoredObject | undefined) => Promise<T | undefined>,
): Promise<T | undefined> {
  const read = context.server.options.store.get(key);
  try {
    return await decide(read);
  } catch (error) {
    if (error instanceof ApiError && !(await isNewest(context, key, read))) return undefined;
    throw error;
  }
}
