// The containers of a Pod's spec, of all three lists.
import type { Container, Pod } from '#api/generated/types.ts';

export const allContainers = ({ spec }: Pod): readonly Container[] => [
  ...spec.containers,
  ...(spec.initContainers ?? []),
  ...(spec.ephemeralContainers ?? []),
];

/** The list of the spec in which the container is. */
export function containerList(
  { spec }: Pod,
  { name }: Container,
): 'containers' | 'initContainers' | 'ephemeralContainers' {
  const has = (list: readonly { readonly name: string }[] | undefined) =>
    list?.some((one) => one.name === name) === true;
  if (has(spec.initContainers)) return 'initContainers';
  return has(spec.ephemeralContainers) ? 'ephemeralContainers' : 'containers';
}

/** How events name the container. */
export const fieldPath = (pod: Pod, container: Container): string =>
  `spec.${containerList(pod, container)}{${container.name}}`;
