// What a refusal of admission calls the object: a name that is yet to be made is its prefix; one of many that one request
// deletes has none.
import type { KubernetesObject } from '#api/kind.ts';

export const refusedName = (name: string, object?: KubernetesObject): string =>
  name || object?.metadata?.name || object?.metadata?.generateName || 'Unknown';
