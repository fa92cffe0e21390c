// Whether a write would change anything: upstream skips writes that do not, also when only times in managedFields differ.
import type { KubernetesObject } from '#api/kind.ts';

/** Deep equality of JSON values; absent, undefined members are equal. */
export function sameValue(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one)) {
    if (!Array.isArray(other) || one.length !== other.length) return false;
    return one.every((item, index) => sameValue(item, other[index]));
  }
  if (Array.isArray(other)) return false;
  const left = one as Record<string, unknown>;
  const right = other as Record<string, unknown>;
  // Own members only: a label may be called `constructor`.
  const member = (of: Record<string, unknown>, key: string): unknown => (Object.hasOwn(of, key) ? of[key] : undefined);
  for (const key in left) if (!sameValue(left[key], member(right, key))) return false;
  for (const key in right) if (right[key] !== undefined && member(left, key) === undefined) return false;
  return true;
}

export function sameObject(object: KubernetesObject, previous: KubernetesObject): boolean {
  const { metadata, ...rest } = object;
  const { metadata: previousMetadata, ...previousRest } = previous;
  if (!sameValue(rest, previousRest)) return false;
  const strip = (one: KubernetesObject['metadata']) => ({
    ...one,
    resourceVersion: undefined,
    managedFields: one.managedFields?.map((entry) => ({ ...entry, time: undefined })),
  });
  return sameValue(strip(metadata), strip(previousMetadata));
}
