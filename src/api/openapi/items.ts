// Which requests there are, by the document of OpenAPI v3 that tells of them: `apis/apps/v1`, `apis/apps`, `version`.
import type { KindRow } from '../kind.ts';
import { customItemsOf } from './custom-operations.ts';
import { groupItem, groupVersionItem, serverItems } from './discovery-operations.ts';
import { pathPrefix, type PathItem } from './operation.ts';
import { pathItemsOf } from './operations.ts';

/** What a document is made of. */
export interface DocumentSource {
  /** Of a group version. */
  readonly rows: readonly KindRow[];
  items(): readonly PathItem[];
}

export const sourcePlace = (group: string, version: string): string => pathPrefix(group, version).slice(1);

/** In alphabetical order. */
export function documentSources(rows: readonly KindRow[]): ReadonlyMap<string, DocumentSource> {
  const sources = new Map<string, DocumentSource>();
  for (const [place, item] of Object.entries(serverItems)) sources.set(place, { rows: [], items: () => [item] });
  for (const [place, own] of Map.groupBy(rows, ({ group, version }) => sourcePlace(group, version))) {
    const [{ group, version } = { group: '', version: '' }] = own;
    const isBuiltIn = own.some(({ custom }) => custom === undefined);
    if (isBuiltIn && group !== '') sources.set(`apis/${group}`, { rows: [], items: () => [groupItem(group)] });
    sources.set(place, {
      rows: own,
      items: () => [
        ...(isBuiltIn ? [groupVersionItem(pathPrefix(group, version), group, version)] : []),
        ...own.flatMap((row) => (row.custom === undefined ? pathItemsOf(row) : customItemsOf(row))),
      ],
    });
  }
  return new Map([...sources].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

export const byPath = (a: PathItem, b: PathItem): number => (a.path < b.path ? -1 : 1);

/** Every type that the operations name. */
export function rootsOf(items: readonly PathItem[]): Set<string> {
  const roots = new Set<string>();
  for (const { operations } of items)
    for (const { body, answers } of operations) {
      if (body !== undefined) roots.add(body.type);
      for (const type of Object.values(answers)) if (type !== '') roots.add(type);
    }
  return roots;
}
