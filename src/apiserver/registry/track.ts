// Field ownership of a write, in the version of the request: where that is not the stored one, the objects are looked at as the
// request shows them.
import { trackUpdate, type TrackOptions } from '#api/managed-fields/track-update.ts';
import type { KindRow, KubernetesObject, Mutable } from '#api/kind.ts';
import { conversionOf, storageRow } from '../content/conversion.ts';

/** `previous` and `next` are in the stored version; `next` gets its managedFields. */
export function track(
  row: KindRow,
  previous: KubernetesObject | undefined,
  next: Mutable<KubernetesObject>,
  options: TrackOptions,
): void {
  const conversion = conversionOf(row);
  if (conversion === undefined) return trackUpdate(row, previous, next, options);
  const shown = structuredClone(conversion.fromStorage(next)) as Mutable<KubernetesObject>;
  trackUpdate(row, previous && conversion.fromStorage(previous), shown, {
    ...options,
    otherVersion: { row: storageRow(row), convert: (object) => conversion.toStorage(object) },
  });
  if (shown.metadata.managedFields === undefined) delete next.metadata.managedFields;
  else next.metadata.managedFields = shown.metadata.managedFields;
}
