// Huge pages: their names as resources and in the runtime's words, what containers and Pods may have of them, and of which size a
// volume of them is. Pure.
import type { Container, Pod, ResourceRequirements } from '#api/generated/types.ts';
import { formatQuantity, quantityToNumber } from '#api/quantity.ts';

const prefix = 'hugepages-';
export const isHugePages = (resource: string): boolean => resource.startsWith(prefix);

export const sizeText = (sizeBytes: number): string =>
  formatQuantity({ value: BigInt(sizeBytes), scale: 0, format: 'BinarySI' });
export const hugePagesName = (sizeBytes: number): string => `${prefix}${sizeText(sizeBytes)}`;

/** As cgroups name them: 64KB, 2MB, 1GB. */
export function cgroupSizeName(sizeBytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
  let [size, unit] = [sizeBytes, 0];
  while (size >= 1024 && unit < units.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${size}${units[unit]}`;
}

export interface HugePageLimit {
  readonly pageSize: string;
  readonly limit: number;
}

function limitsOf(level: ResourceRequirements | undefined, sizes: readonly number[]): Readonly<Record<string, number>> {
  const limits: Record<string, number> = {};
  for (const size of sizes) {
    const amount = level?.limits?.[hugePagesName(size)];
    if (amount !== undefined) limits[cgroupSizeName(size)] = quantityToNumber(String(amount));
  }
  return limits;
}

/** Of every size that the machine has: what is not asked for is none. The container's own counts before the Pod's. */
export function hugePageLimits(pod: Pod, container: Container, sizes: readonly number[]): readonly HugePageLimit[] {
  const limits = { ...limitsOf(pod.spec.resources, sizes), ...limitsOf(container.resources, sizes) };
  return sizes.map((size) => ({ pageSize: cgroupSizeName(size), limit: limits[cgroupSizeName(size)] ?? 0 }));
}

/** The size of the pages of an emptyDir of this medium; throws in upstream's words. */
export function mediumPageSize(pod: Pod, medium: string): string {
  const wanted = medium === 'HugePages' ? undefined : medium.slice('HugePages-'.length);
  const lists = [pod.spec.resources, ...pod.spec.containers.map((one) => one.resources)];
  lists.push(...(pod.spec.initContainers ?? []).map((one) => one.resources));
  const sizes = new Set(
    lists
      .flatMap((one) => Object.keys(one?.requests ?? {}).filter(isHugePages))
      .map((name) => name.slice(prefix.length)),
  );
  const bytes = (text: string): number => quantityToNumber(text);
  const distinct = [...new Set([...sizes].map(bytes))].filter((size) => wanted === undefined || size === bytes(wanted));
  if (distinct.length > 1)
    throw new Error(`medium: ${medium} can't be used if container requests multiple huge page sizes`);
  const [size] = distinct;
  if (size === undefined)
    throw new Error(`medium ${medium}: hugePages storage requested, but there is no resource request for huge pages`);
  return sizeText(size);
}
