// Which directories hold manifests: those of the configuration's patterns that have a kustomization file, and the
// directories named `delete` beside them.
import path from 'node:path';
import { kustomizationNames } from '#kustomize/names.ts';

export interface Location {
  readonly directory: string;
  readonly action: 'apply' | 'delete';
}

export interface LocationSource {
  /** Directories that a pattern stands for, sorted. */
  matching(pattern: string): Promise<readonly string[]>;
  isFile(file: string): Promise<boolean>;
}

/** `DIR/*` has its deletions in `DIR/delete/*`, `DIR` in `DIR/delete`. */
export function deletePattern(pattern: string): string {
  const directory = path.dirname(pattern);
  const name = path.basename(pattern);
  return name === '*' ? path.join(directory, 'delete', name) : path.join(pattern, 'delete');
}

/** What is deleted comes first; else in the order of the patterns. */
export async function findLocations(patterns: readonly string[], source: LocationSource): Promise<Location[]> {
  const found = new Map<string, Location>();
  const add = async (pattern: string, action: Location['action']) => {
    for (const directory of await source.matching(pattern)) {
      const files = await Promise.all(kustomizationNames.map((name) => source.isFile(path.join(directory, name))));
      if (files.includes(true) && !found.has(directory)) found.set(directory, { directory, action });
    }
  };
  for (const pattern of patterns) await add(deletePattern(pattern), 'delete');
  for (const pattern of patterns) await add(pattern, 'apply');
  return [...found.values()];
}

/** What must be watched to hear of new directories: up to the part with the first wildcard. */
export function watchedRoots(patterns: readonly string[]): string[] {
  return patterns
    .flatMap((pattern) => [pattern, deletePattern(pattern)])
    .map((pattern) => {
      const parts = pattern.split('/');
      const wild = parts.findIndex((part) => /[*?[]/.test(part));
      return wild < 0 ? pattern : parts.slice(0, wild).join('/') || '/';
    });
}
