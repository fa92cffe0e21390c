// State that goes with an object but is not in it alone: cluster IPs and node ports of Services, chosen on the way to the
// store. What was chosen is held until the result is disposed, after the write.
import type { KindRow, KubernetesObject, Mutable } from '#api/kind.ts';
import type { Server } from '../context.ts';
import { allocateService } from './services/allocate-service.ts';

export function allocateSideState(
  server: Server,
  row: KindRow,
  object: Mutable<KubernetesObject>,
  previous: KubernetesObject | undefined,
): Disposable | undefined {
  return row.group === '' && row.resource === 'services' ? allocateService(server, object, previous) : undefined;
}
