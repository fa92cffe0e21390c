// How large a volume in memory may get: never more than the Pod may use, nor than all Pods of the node (upstream's SizeMemoryBackedVolumes).
import type { EmptyDirVolumeSource, Pod } from '#api/generated/types.ts';
import { quantityToNumber } from '#api/quantity.ts';
import { podCgroupResources } from '../pod/cgroups.ts';

/** In bytes; undefined: nobody says, and the kernel's own bound holds. */
export function memoryVolumeBytes(
  pod: Pod,
  { sizeLimit }: Pick<EmptyDirVolumeSource, 'sizeLimit'>,
  allocatableBytes: number | undefined,
): number | undefined {
  const asked = sizeLimit === undefined ? 0 : Math.ceil(quantityToNumber(String(sizeLimit)));
  const bounds = [allocatableBytes, podCgroupResources(pod).memoryLimitBytes, asked].filter(
    (one): one is number => one !== undefined && one > 0,
  );
  return bounds.length === 0 ? undefined : Math.min(...bounds);
}
