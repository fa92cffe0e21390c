// Small questions that several plugins ask about a request.
import type { AdmissionAttributes } from '../context.ts';

export const isResource = (attributes: AdmissionAttributes, group: string, resource: string): boolean =>
  attributes.row.group === group && attributes.row.resource === resource;

export const isCreate = (attributes: AdmissionAttributes, group: string, resource: string): boolean =>
  attributes.operation === 'CREATE' && attributes.subresource === '' && isResource(attributes, group, resource);
