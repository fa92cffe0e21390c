// One object of the graph of owners: does it go because its owners went, and may it go although dependents are left?
import type { OwnerReference } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { apiVersionOf } from '#api/kinds.ts';
import {
  nothing,
  patch,
  remove,
  type Action,
  type Decision,
  type EventRequest,
  type Guard,
} from '../runtime/action.ts';

export interface OwnedObject {
  readonly kind: KindReference;
  readonly object: KubernetesObject;
}
export interface OwnerState {
  readonly reference: OwnerReference;
  /** Undefined: of no kind known here, so nothing can be said. */
  readonly kind: KindReference | undefined;
  readonly namespace: string | undefined;
  /** Undefined: not seen. */
  readonly object: KubernetesObject | undefined;
  /** The object with this uid is in another namespace, where no owner can be. */
  readonly isElsewhere?: boolean | undefined;
}
export interface GarbageSnapshot extends OwnedObject {
  readonly owners: readonly OwnerState[];
  dependents(): readonly OwnedObject[];
}

export const orphanFinalizer = 'orphan';
export const foregroundFinalizer = 'foregroundDeletion';
const has = (object: KubernetesObject, finalizer: string) => object.metadata.finalizers?.includes(finalizer) === true;
export const deletesDependents = (object: KubernetesObject): boolean =>
  object.metadata.deletionTimestamp !== undefined && has(object, foregroundFinalizer);

export function decide(snapshot: GarbageSnapshot): Decision {
  const { kind, object } = snapshot;
  if (object.metadata.deletionTimestamp === undefined) {
    const misplaced = snapshot.owners.filter((one) => one.isElsewhere === true);
    const decision = collect(snapshot);
    return misplaced.length === 0
      ? decision
      : { ...decision, events: misplaced.map((one) => invalidNamespace(snapshot, one)) };
  }
  if (has(object, orphanFinalizer))
    return {
      actions: [
        ...snapshot.dependents().map((one) => dropOwners(one, new Set([object.metadata.uid!]))),
        dropFinalizer(kind, object, orphanFinalizer),
      ],
    };
  if (has(object, foregroundFinalizer)) {
    const blocking = snapshot
      .dependents()
      .some((one) =>
        one.object.metadata.ownerReferences?.some(
          (reference) => reference.uid === object.metadata.uid && reference.blockOwnerDeletion === true,
        ),
      );
    return blocking ? nothing : { actions: [dropFinalizer(kind, object, foregroundFinalizer)] };
  }
  return nothing;
}

function invalidNamespace({ kind, object }: GarbageSnapshot, { reference }: OwnerState): EventRequest {
  const namespace = object.metadata.namespace ?? '';
  const { apiVersion, kind: ownerKind, name, uid } = reference;
  return {
    about: { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind },
    type: 'Warning',
    reason: 'OwnerRefInvalidNamespace',
    message: `ownerRef [${apiVersion}/${ownerKind}, namespace: ${namespace}, name: ${name}, uid: ${uid}] does not exist in namespace ${JSON.stringify(namespace)}`,
  };
}

function collect(snapshot: GarbageSnapshot): Decision {
  const { kind, object, owners } = snapshot;
  if (owners.length === 0) return nothing;
  const dangling = owners.filter(
    (one) => one.kind !== undefined && (one.object === undefined || one.object.metadata.uid !== one.reference.uid),
  );
  const waiting = owners.filter(
    (one) => !dangling.includes(one) && one.object !== undefined && deletesDependents(one.object),
  );
  const solid = owners.filter((one) => !dangling.includes(one) && !waiting.includes(one));
  // Informers may lag: an owner counts as gone only when the API server says so.
  const guard: Guard | undefined =
    dangling.length === 0
      ? undefined
      : {
          type: 'absent',
          objects: dangling.map((one) => ({
            kind: one.kind!,
            ...(one.namespace === undefined ? {} : { namespace: one.namespace }),
            name: one.reference.name,
            uid: one.reference.uid,
          })),
        };
  if (solid.length > 0) {
    const drop = [...dangling, ...waiting].map((one) => one.reference.uid);
    return drop.length === 0 ? nothing : { actions: [dropOwners(snapshot, new Set(drop), guard)] };
  }
  const preconditions = { resourceVersion: object.metadata.resourceVersion };
  const dependents = waiting.length > 0 ? snapshot.dependents() : [];
  if (dependents.length > 0) {
    const circle = dependents.some((one) => deletesDependents(one.object));
    // In a circle of waiting owners nobody would ever go: this one stops blocking.
    if (circle && object.metadata.ownerReferences!.some((one) => one.blockOwnerDeletion === true))
      return {
        actions: [
          patchOwners(
            snapshot,
            object.metadata.ownerReferences!.map((one) => ({ ...one, blockOwnerDeletion: false })),
            guard,
          ),
        ],
      };
    return { actions: [remove(kind, object, { propagationPolicy: 'Foreground', preconditions }, { guard })] };
  }
  const propagationPolicy = has(object, orphanFinalizer)
    ? 'Orphan'
    : has(object, foregroundFinalizer)
      ? 'Foreground'
      : 'Background';
  return { actions: [remove(kind, object, { propagationPolicy, preconditions }, { guard })] };
}

const dropOwners = (owned: OwnedObject, uids: ReadonlySet<string>, guard?: Guard): Action =>
  patchOwners(
    owned,
    owned.object.metadata.ownerReferences!.filter((one) => !uids.has(one.uid)),
    guard,
  );

const patchOwners = (
  { kind, object }: OwnedObject,
  ownerReferences: readonly OwnerReference[],
  guard?: Guard,
): Action =>
  patch(
    kind,
    object,
    {
      type: 'merge',
      value: {
        metadata: { uid: object.metadata.uid, resourceVersion: object.metadata.resourceVersion, ownerReferences },
      },
    },
    { guard, accept: ['NotFound'] },
  );

const dropFinalizer = (kind: KindReference, object: KubernetesObject, finalizer: string): Action =>
  patch(
    kind,
    object,
    {
      type: 'merge',
      value: {
        metadata: {
          uid: object.metadata.uid,
          resourceVersion: object.metadata.resourceVersion,
          finalizers: object.metadata.finalizers!.filter((one) => one !== finalizer),
        },
      },
    },
    { accept: ['NotFound'] },
  );
