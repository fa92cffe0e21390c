// All containers of a Pod with the paths at which clients are told of them, init containers first.
import type { Container, EphemeralContainer, PodSpec } from '../generated/types.ts';

export interface PlacedContainer {
  readonly path: string;
  readonly container: Container | EphemeralContainer;
}

export function placedContainers(path: string, spec: PodSpec): PlacedContainer[] {
  const result: PlacedContainer[] = [];
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const)
    for (const [index, container] of (spec[list] ?? []).entries())
      result.push({ path: `${path}.${list}[${index}]`, container });
  return result;
}
