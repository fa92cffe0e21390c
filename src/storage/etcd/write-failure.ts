// What etcd's answer to a write means to whoever wrote.
import { messageOf } from '#base/errors.ts';
import { StoreFullError, StoreRefusedError, StoreUnavailableError } from '../store.ts';
import { wasNeverSent } from './client.ts';

export function writeFailure(error: unknown): Error {
  const text = messageOf(error);
  if (text.includes('mvcc: database space exceeded')) return new StoreFullError();
  // Upstream's answer, too. The limit is etcd's --max-request-bytes.
  if (text.includes('request is too large') || text.includes('received message larger than max'))
    return new StoreRefusedError('etcdserver: request is too large');
  const isOutcomeUnknown = !wasNeverSent(error);
  return new StoreUnavailableError(
    isOutcomeUnknown ? `etcd has not said whether the write was done: ${text}` : `etcd does not take writes: ${text}`,
    { cause: error, isOutcomeUnknown },
  );
}
