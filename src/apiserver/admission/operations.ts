// Small questions that several plugins ask about a request.
import type { AdmissionAttributes, AdmissionPlugin } from '../context.ts';

export const isResource = (attributes: AdmissionAttributes, group: string, resource: string): boolean =>
  attributes.row.group === group && attributes.row.resource === resource;

/** What a plugin concerns that looks at these alone: `pods`, `ingresses.networking.k8s.io`. */
export function only(...resources: readonly string[]): NonNullable<AdmissionPlugin['concerns']> {
  const names = new Set(resources);
  return ({ group, resource }) => names.has(group === '' ? resource : `${resource}.${group}`);
}

export const isCreate = (attributes: AdmissionAttributes, group: string, resource: string): boolean =>
  attributes.operation === 'CREATE' && attributes.subresource === '' && isResource(attributes, group, resource);
