// Which Pods use more local disk than they said they would: emptyDir size limits and ephemeral-storage limits. Only Pods that
// have such a limit are measured. They are evicted, as upstream's eviction manager does.
import { amountOf, effectiveLimits } from '#rules/effective-requests.ts';
import { formatQuantity } from '#api/quantity.ts';
import type { Pod } from '#api/generated/types.ts';
import { isCriticalPod } from './pod/critical.ts';

export interface LocalStorageUse {
  /** Bytes by volume name, of emptyDirs on disk and files made for the Pod. */
  readonly volumes: ReadonlyMap<string, number>;
  /** Writable layer and logs, by container name. */
  readonly containers: ReadonlyMap<string, number>;
}

const storage = 'ephemeral-storage';
const limitOf = (text: string | number | undefined): number | undefined => {
  const value = text === undefined ? 0 : amountOf(storage, text);
  return value > 0 ? value : undefined;
};

export function hasStorageLimit({ spec }: Pod): boolean {
  return (
    (spec.volumes ?? []).some((one) => one.emptyDir !== undefined && limitOf(one.emptyDir.sizeLimit) !== undefined) ||
    spec.containers.some((one) => limitOf(one.resources?.limits?.[storage]) !== undefined)
  );
}

/** Why the Pod must go; undefined: it may stay. The texts end in a space, as upstream's do. */
export function storageEviction(pod: Pod, use: LocalStorageUse): string | undefined {
  if (isCriticalPod(pod)) return undefined;
  for (const { name, emptyDir } of pod.spec.volumes ?? []) {
    const limit = limitOf(emptyDir?.sizeLimit);
    if (limit !== undefined && (use.volumes.get(name) ?? 0) > limit)
      return `Usage of EmptyDir volume ${JSON.stringify(name)} exceeds the limit ${JSON.stringify(String(emptyDir?.sizeLimit))}. `;
  }
  const limits = pod.spec.containers.map((one) => limitOf(one.resources?.limits?.[storage]));
  const used = [...use.volumes.values(), ...use.containers.values()].reduce((sum, one) => sum + one, 0);
  // As upstream: the sum is a limit of the Pod even where some containers have none.
  const total = effectiveLimits(pod)[storage] ?? 0;
  if (total > 0 && used > total) {
    const shown = formatQuantity({ value: BigInt(total), scale: 0, format: 'BinarySI' });
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${shown}. `;
  }
  for (const [index, { name, resources }] of pod.spec.containers.entries()) {
    const limit = limits[index];
    if (limit !== undefined && (use.containers.get(name) ?? 0) > limit)
      return `Container ${name} exceeded its local ephemeral storage limit ${JSON.stringify(String(resources?.limits?.[storage]))}. `;
  }
  return undefined;
}
