// Which resources an object reference may mean: as the server says now, built-in kinds and custom ones alike.
import type { CrossVersionObjectReference } from '#api/generated/types.ts';
import { ApiError } from '#api/status.ts';
import type { Client } from '#client/client.ts';

export interface NamedResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

export class NoSuchKindError extends Error {}
/** The apiVersion of a reference is none. */
export class GroupVersionError extends Error {}

export function groupVersionOf(apiVersion: string | undefined): { readonly group: string; readonly version: string } {
  const parts = (apiVersion ?? '').split('/');
  if (parts.length > 2) throw new GroupVersionError(`unexpected GroupVersion string: ${apiVersion}`);
  return parts.length === 2 ? { group: parts[0]!, version: parts[1]! } : { group: '', version: parts[0]! };
}

/** The one in the version that is named comes first; then those of the group's other versions. */
export async function resourcesOf(
  client: Client,
  { apiVersion, kind }: Pick<CrossVersionObjectReference, 'apiVersion' | 'kind'>,
): Promise<readonly NamedResource[]> {
  const { group, version } = groupVersionOf(apiVersion);
  const versions = group === '' ? ['v1'] : await versionsOf(client, group);
  const ordered = versions.toSorted((a, b) => Number(b === version) - Number(a === version));
  const found: NamedResource[] = [];
  for (const one of ordered)
    for (const resource of await client.discover(group, one))
      if (resource.kind === kind && !resource.name.includes('/'))
        found.push({ group, version: one, resource: resource.name });
  if (found.length === 0)
    throw new NoSuchKindError(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
  return found;
}

async function versionsOf(client: Client, group: string): Promise<readonly string[]> {
  try {
    const { versions = [] } = (await client.read(`/apis/${encodeURIComponent(group)}`)) as {
      readonly versions?: readonly { readonly version?: string }[];
    };
    return versions.flatMap((one) => (one.version === undefined ? [] : [one.version]));
  } catch (error) {
    if (error instanceof ApiError && error.code === 404) return [];
    throw error;
  }
}
