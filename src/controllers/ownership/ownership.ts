// Adoption and release: the one behaviour that all workload controllers share.
import type { OwnerReference } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { controllerOf, controllerReference } from '#api/meta/owner.ts';
import type { InformerIndex } from '#client/client.ts';
import { patch, type Action } from '../runtime/action.ts';

const orphanPrefix = 'orphan:';
/** By uid of the controlling owner; objects without one by their namespace (see orphansOf). */
export const controllerIndex: InformerIndex<KubernetesObject> = {
  name: 'controller-uid',
  keysOf: (object) => [controllerOf(object)?.uid ?? `${orphanPrefix}${object.metadata.namespace ?? ''}`],
};
export const orphansOf = (namespace: string | undefined): string => `${orphanPrefix}${namespace ?? ''}`;

export interface Claim<T> {
  /** Owned and still matching, with those adopted by the actions. */
  readonly claimed: readonly T[];
  readonly actions: readonly Action[];
}

/** Upstream's ControllerRefManager: matching orphans are adopted, owned ones that match no longer are released. */
export function claim<T extends KubernetesObject>(options: {
  readonly ownerKind: KindReference;
  readonly owner: KubernetesObject;
  readonly kind: KindReference<T>;
  readonly candidates: readonly T[];
  /** What it owns carries this finalizer. */
  readonly finalizer?: string | undefined;
  matches(object: T): boolean;
}): Claim<T> {
  const { ownerKind, owner, kind, finalizer } = options;
  const claimed: T[] = [];
  const actions: Action[] = [];
  const ending = owner.metadata.deletionTimestamp !== undefined;
  for (const object of options.candidates) {
    const controller = controllerOf(object);
    const matches = options.matches(object);
    if (controller !== undefined) {
      if (controller.uid !== owner.metadata.uid) continue;
      if (matches) claimed.push(object);
      else if (!ending) actions.push(release(kind, object, owner, finalizer));
    } else if (matches && !ending && object.metadata.deletionTimestamp === undefined) {
      actions.push(adopt(kind, object, controllerReference(ownerKind, owner), finalizer));
      claimed.push(object);
    }
  }
  return { claimed, actions };
}

const adopt = <T extends KubernetesObject>(
  kind: KindReference<T>,
  object: T,
  reference: OwnerReference,
  finalizer: string | undefined,
): Action =>
  patch(kind, object, {
    type: 'strategic',
    value: {
      metadata: {
        ownerReferences: [reference],
        uid: object.metadata.uid,
        ...(finalizer === undefined ? {} : { finalizers: [finalizer] }),
      },
    },
  });

const release = <T extends KubernetesObject>(
  kind: KindReference<T>,
  object: T,
  owner: KubernetesObject,
  finalizer: string | undefined,
): Action =>
  patch(
    kind,
    object,
    {
      type: 'strategic',
      value: {
        metadata: {
          ownerReferences: [{ $patch: 'delete', uid: owner.metadata.uid }],
          uid: object.metadata.uid,
          ...(finalizer === undefined ? {} : { '$deleteFromPrimitiveList/finalizers': [finalizer] }),
        },
      },
    },
    // Invalid: the reference is gone already (upstream ignores it too).
    { accept: ['NotFound', 'Invalid'] },
  );
