// Messages of events about other resources for a Pod: what its containers are to have, as upstream tells it. Pure.
import type { Container, Pod } from '#api/generated/types.ts';

/** As upstream's events say it. */
export function resizeText(what: string, pod: Pod, generation: number, error?: string): string {
  const parts = (list: readonly Container[] | undefined) =>
    (list ?? []).map(({ name, resources }) => ({
      name,
      resources: {
        ...(resources?.limits === undefined ? {} : { limits: sorted(resources.limits) }),
        ...(resources?.requests === undefined ? {} : { requests: sorted(resources.requests) }),
      },
    }));
  const initContainers = parts(pod.spec.initContainers);
  return `${what}: ${JSON.stringify({
    ...(initContainers.length === 0 ? {} : { initContainers }),
    containers: parts(pod.spec.containers),
    generation,
    ...(error === undefined || error === '' ? {} : { error }),
  })}`;
}

const sorted = (list: Readonly<Record<string, string | number>>): object =>
  Object.fromEntries(Object.entries(list).toSorted(([a], [b]) => (a < b ? -1 : 1)));
