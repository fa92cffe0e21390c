// Who owns an object, and how an owner is named.
import type { ObjectMeta, OwnerReference } from '../generated/types.ts';
import type { KindReference, KubernetesObject } from '../kind.ts';
import { assert } from '#base/errors.ts';

/** The one reference that manages the object. */
export const controllerOf = (object: { readonly metadata: ObjectMeta }): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find((one) => one.controller === true);

export const isControlledBy = (
  object: { readonly metadata: ObjectMeta },
  owner: { readonly metadata: ObjectMeta },
): boolean => controllerOf(object)?.uid === owner.metadata.uid && owner.metadata.uid !== undefined;

/** A reference that makes `owner` the controller and blocks its foreground deletion. */
export function controllerReference(kind: KindReference, owner: KubernetesObject): OwnerReference {
  const { name, uid } = owner.metadata;
  assert(name !== undefined && uid !== undefined, `an owner without name or uid: ${kind.kind}`);
  return {
    apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`,
    kind: kind.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}
