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
  for (const key in left) if (!sameValue(left[key], memberOf(right, key))) return false;
  for (const key in right) if (right[key] !== undefined && memberOf(left, key) === undefined) return false;
  return true;
}

/** Own members only: a label may be called `constructor`. */
const memberOf = (of: Members, key: string): unknown => (Object.hasOwn(of, key) ? of[key] : undefined);

export const sameObject = (object: KubernetesObject, previous: KubernetesObject): boolean =>
  sameMembers(object, previous, sameMetadataOr);

type Members = Readonly<Record<string, unknown>>;
type Compare = (one: unknown, other: unknown, key: string) => boolean;

const sameMetadataOr: Compare = (one, other, key) =>
  key === 'metadata' ? sameMembers(one, other, sameOfMetadata) : sameValue(one, other);

const sameOfMetadata: Compare = (one, other, key) => {
  if (key === 'resourceVersion' || one === other) return true;
  if (key !== 'managedFields' || !Array.isArray(one) || !Array.isArray(other)) return sameValue(one, other);
  return one.length === other.length && one.every((entry, index) => sameMembers(entry, other[index], sameButTime));
};

const sameButTime: Compare = (one, other, key) => key === 'time' || sameValue(one, other);

/** Of two objects; what is no object is the same only as itself. */
function sameMembers(one: unknown, other: unknown, same: Compare): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return one === other;
  const [left, right] = [one as Members, other as Members];
  for (const key in left) if (!same(left[key], memberOf(right, key), key)) return false;
  for (const key in right)
    if (right[key] !== undefined && memberOf(left, key) === undefined && !same(undefined, right[key], key))
      return false;
  return true;
}
