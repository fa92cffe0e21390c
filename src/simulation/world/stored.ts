// What the store holds, by kind: for who looks at the world from outside.
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { storagePrefix } from '#api/kinds.ts';
import type { Store } from '#storage/store.ts';

/** In the order of their keys; frozen. */
export const stored = <T extends KubernetesObject>(
  store: Store,
  kind: KindReference<T>,
  namespace?: string,
): readonly T[] => store.list(storagePrefix(kind, namespace)).items.map((one) => one.object() as T);

/** `namespace/name`, for messages. */
export const nameOf = ({ metadata }: KubernetesObject): string =>
  metadata.namespace === undefined ? (metadata.name ?? '') : `${metadata.namespace}/${metadata.name ?? ''}`;
