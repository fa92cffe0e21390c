// The containers of a Pod's spec, of all three lists.
import type { Container, Pod } from '#api/generated/types.ts';

export const allContainers = ({ spec }: Pod): readonly Container[] => [
  ...spec.containers,
  ...(spec.initContainers ?? []),
  ...(spec.ephemeralContainers ?? []),
];

/** How events name the container. */
export function fieldPath({ spec }: Pod, { name }: Container): string {
  const has = (list: readonly { readonly name: string }[] | undefined) =>
    list?.some((one) => one.name === name) === true;
  const field = has(spec.initContainers)
    ? 'initContainers'
    : has(spec.ephemeralContainers)
      ? 'ephemeralContainers'
      : 'containers';
  return `spec.${field}{${name}}`;
}
