// Who may write status: cleared on create, kept on update of the main resource, and the only thing that an update of the
// status subresource changes. What differs for one kind is in its behaviour.
import type { KindRow, KubernetesObject, Mutable } from '#api/kind.ts';
import { canonicalize } from '#api/schema/canonical.ts';
import { typeFacts } from '#api/schema/type-table.ts';

type Fields = Record<string, unknown>;

/** The status that Go's zero value prints, such as `{"loadBalancer":{}}` for Services. */
function emptyStatus(row: KindRow): unknown {
  if (row.custom !== undefined) return undefined;
  const field = typeFacts(row.typeName).byName.get('status');
  return field?.type.kind === 'struct' && !field.pointer ? canonicalize(field.type, {}) : undefined;
}

export function dropStatus(row: KindRow, object: Mutable<KubernetesObject>): void {
  if (row.strategy.keepsStatusOnCreate) return;
  delete (object as unknown as Fields)['status'];
}

/** After preparation, which may have set a first status. */
export function statusOnCreate(row: KindRow, object: Mutable<KubernetesObject>): void {
  const fields = object as unknown as Fields;
  if (!row.strategy.resetsStatus || fields['status'] !== undefined) return;
  const status = emptyStatus(row);
  if (status !== undefined) fields['status'] = status;
}

export function keepStatus(object: Mutable<KubernetesObject>, previous: KubernetesObject): void {
  const fields = object as unknown as Fields;
  const old = (previous as unknown as Fields)['status'];
  if (old === undefined) delete fields['status'];
  else fields['status'] = old;
}

const valueAt = (object: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((at, part) => (at as Fields | undefined)?.[part], object);

/** What a writer of status cannot change where the whole metadata is reset. */
const metadataOfUsers = ['labels', 'annotations', 'finalizers', 'ownerReferences', 'deletionTimestamp', 'selfLink'];

/** Of a status update: everything but metadata and status stays, and what the row's table says besides. */
export function keepAllButStatus(row: KindRow, object: Mutable<KubernetesObject>, previous: KubernetesObject): void {
  const fields = object as unknown as Fields;
  const old = previous as unknown as Fields;
  for (const key of Object.keys(fields))
    if (key !== 'metadata' && key !== 'status' && key !== 'kind' && key !== 'apiVersion') delete fields[key];
  for (const key of Object.keys(old)) if (key !== 'metadata' && key !== 'status') fields[key] = old[key];
  const reset = row.strategy.resetFields['status'] ?? [];
  const all = reset.includes('metadata') ? metadataOfUsers.map((name) => `metadata.${name}`) : [];
  for (const path of [...reset, ...all]) {
    const parts = path.split('.');
    if (parts[0] !== 'metadata' || parts.length !== 2) continue;
    const value = valueAt(previous, parts);
    const metadata = fields['metadata'] as Fields;
    if (value === undefined) delete metadata[parts[1]!];
    else metadata[parts[1]!] = value;
  }
}
