// The annotations of `buildMetadata`: where an object comes from, what changed it, and what manages it.
import path from 'node:path';
import { originAnnotation, type ResourceList } from './resource-list.ts';
import type { Resource } from './resource.ts';

const transformationsAnnotation = 'alpha.config.kubernetes.io/transformations';
const managedByLabel = 'app.kubernetes.io/managed-by';
/** Of the kustomize in kubectl 1.36, whose results these are. */
const managedBy = 'kustomize-v5.8.1';

export const fileOrigin = (base: string, file: string): string => `path: ${path.relative(base, file)}\n`;

export const builtinOrigin = (base: string, file: string, plugin: string): string =>
  `configuredIn: ${path.relative(base, file)}\nconfiguredBy:\n  apiVersion: builtin\n  kind: ${plugin}\n`;

export function addOrigin(resource: Resource, origin: string): void {
  const { annotations } = resource;
  if (annotations[originAnnotation] === undefined)
    resource.annotations = { ...annotations, [originAnnotation]: origin };
}

export function addTransformation(resource: Resource, origin: string): void {
  const { annotations } = resource;
  const item = origin
    .trimEnd()
    .split('\n')
    .map((line, index) => `${index === 0 ? '- ' : '  '}${line}\n`)
    .join('');
  const key = annotations[originAnnotation] === undefined ? originAnnotation : transformationsAnnotation;
  const value = key === originAnnotation ? origin : `${annotations[key] ?? ''}${item}`;
  resource.annotations = { ...annotations, [key]: value };
}

/** Takes out what was not asked for; annotations are texts. */
export function cleanAnnotations(list: ResourceList, wanted: readonly string[]): void {
  for (const resource of list.items) {
    const annotations = resource.annotations;
    if (!wanted.includes('originAnnotations')) delete annotations[originAnnotation];
    if (!wanted.includes('transformerAnnotations')) delete annotations[transformationsAnnotation];
    resource.annotations = annotations;
    if (wanted.includes('managedByLabel')) resource.labels = { ...resource.labels, [managedByLabel]: managedBy };
  }
}
