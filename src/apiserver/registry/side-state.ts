// State that goes with an object but is not in it alone: cluster IPs and node ports of Services, chosen on the way to the
// store. What was chosen is held until the result is disposed, after the write.
import type { KindRow, KubernetesObject, Mutable } from '#api/kind.ts';
import type { Server } from '../context.ts';
import { allocateService } from './services/allocate-service.ts';
import { allocateShared } from './services/allocate-shared.ts';

/** A promise only where other API servers choose too. */
export function allocateSideState(
  server: Server,
  row: KindRow,
  object: Mutable<KubernetesObject>,
  previous: KubernetesObject | undefined,
  dryRun: boolean,
): Disposable | undefined | Promise<Disposable> {
  if (row.group !== '' || row.resource !== 'services') return undefined;
  return dryRun || server.options.store.claim === undefined
    ? allocateService(server, object, previous)
    : allocateShared(server, object, previous);
}
