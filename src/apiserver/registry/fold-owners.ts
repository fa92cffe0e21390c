// An owner that is named twice is kept once, and the client is told.
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import { semanticEqual } from '#api/validation/fields.ts';

/** `isPatched`: upstream's server looks at what became of a patch only later, and says so. */
export function foldOwners(object: Mutable<KubernetesObject>, warnings: string[], isPatched = false): void {
  const owners = object.metadata.ownerReferences;
  if (owners === undefined || owners.length < 2) return;
  const kept: typeof owners = [];
  const again: string[] = [];
  const keptOf = new Map<string, typeof owners>();
  for (const one of owners) {
    const same = keptOf.get(one.uid) ?? [];
    if (same.some((other) => semanticEqual(other, one))) again.push(one.uid);
    else {
      keptOf.set(one.uid, [...same, one]);
      kept.push(one);
    }
  }
  if (again.length === 0) return;
  object.metadata.ownerReferences = kept;
  const text = `.metadata.ownerReferences contains duplicate entries${isPatched ? ' after mutating admission happens' : ''}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${again.join(', ')}`;
  // A patch is tried again after a conflict.
  if (!warnings.includes(text)) warnings.push(text);
}
