// In which order groups and their versions are shown: by the priorities of their APIServices, as upstream's aggregator. Pure.
import { compareVersions } from '#api/custom/versions.ts';
import type { APIService } from '#api/generated/types.ts';
import { APIServices } from '#api/generated/kind-references.ts';
import type { GroupRow } from '#api/kinds.ts';

/** Of groups of custom resources. */
export const customPriority = { group: 1000, version: 100 };

interface Entry {
  readonly version: string;
  readonly groupPriority: number;
  readonly priority: number;
}

/**
 * The served groups and those that only an APIService names. An APIService that is not there yet (a first start) counts with the
 * priorities that it will have.
 */
export function orderGroups(
  served: readonly GroupRow[],
  isServed: (group: string, version: string) => boolean,
  apiServices: Iterable<APIService>,
): readonly GroupRow[] {
  const byGroup = new Map<string, Map<string, Entry>>();
  const add = (group: string, entry: Entry): void => {
    const versions = byGroup.get(group);
    if (versions === undefined) byGroup.set(group, new Map([[entry.version, entry]]));
    else versions.set(entry.version, entry);
  };
  for (const { name, priority, versions } of served)
    for (const one of versions)
      if (isServed(name, one.version))
        add(name, {
          version: one.version,
          groupPriority: name === APIServices.group ? Infinity : (priority ?? customPriority.group),
          priority: one.priority ?? customPriority.version,
        });
  for (const { spec } of apiServices) {
    if (spec === undefined) continue;
    const { group = '', version = '', groupPriorityMinimum, versionPriority, service } = spec;
    if (group === APIServices.group) continue;
    // What is named as this server's own and is not served has nothing to show.
    if ((service ?? undefined) === undefined && byGroup.get(group)?.has(version) !== true) continue;
    add(group, { version, groupPriority: groupPriorityMinimum, priority: versionPriority });
  }
  return [...byGroup]
    .map(([name, entries]) => ({
      name,
      priority: Math.max(...[...entries.values()].map((one) => one.groupPriority)),
      versions: [...entries.values()]
        .toSorted((a, b) => b.priority - a.priority || compareVersions(b.version, a.version))
        .map(({ version, priority }) => ({ version, servedByDefault: true, priority })),
    }))
    .map((group) => ({ ...group, preferredVersion: group.versions[0]?.version }))
    .toSorted((a, b) => (a.priority === b.priority ? (a.name < b.name ? -1 : 1) : a.priority < b.priority ? 1 : -1));
}
