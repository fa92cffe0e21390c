// Labels, annotations, images and replica counts.
import { isJsonObject, setMember, type MutableJson } from '#api/patch/json-values.ts';
import {
  annotationSpecs,
  commonLabelSpecs,
  imageSpecs,
  replicaSpecs,
  templateLabelSpecs,
  type FieldSpec,
} from './field-specs.ts';
import { memberPlace, visitField, type Place } from './field-walk.ts';
import type { ImageEntry, LabelEntry } from './kustomization.ts';
import { KustomizeError } from './kustomize-error.ts';
import type { ResourceList } from './resource-list.ts';
import { isSelectedKind, kindText } from './resource.ts';

type Texts = Readonly<Record<string, string>>;

export function transformLabels(list: ResourceList, entries: readonly LabelEntry[], common: Texts): void {
  for (const entry of entries) putTexts(list, entry.pairs ?? {}, specsOf(entry));
  putTexts(list, common, commonLabelSpecs);
}

export const transformAnnotations = (list: ResourceList, annotations: Texts): void =>
  putTexts(list, annotations, annotationSpecs);

function specsOf(entry: LabelEntry): readonly FieldSpec[] {
  const specs = [...(entry.fields ?? [])];
  const add = (spec: FieldSpec) => {
    const same = specs.find(
      (one) => one.path === spec.path && isSelectedKind({ group: '', version: '', kind: '', ...one }, spec),
    );
    if (same === undefined) specs.push(spec);
    else if ((same.create ?? false) !== (spec.create ?? false))
      throw new KustomizeError(`failed to merge labels: conflicting fieldspecs for ${spec.path}`);
  };
  if (entry.includeSelectors === true) commonLabelSpecs.forEach(add);
  else {
    if (entry.includeTemplates === true) templateLabelSpecs.forEach(add);
    add({ path: 'metadata/labels', create: true });
  }
  return specs;
}

function putTexts(list: ResourceList, texts: Texts, specs: readonly FieldSpec[]): void {
  const keys = Object.keys(texts).toSorted();
  if (keys.length === 0) return;
  for (const resource of list.items)
    for (const spec of specs)
      visitField(resource, spec, 'map', ({ value }) => {
        if (value === null || value === undefined) return;
        if (!isJsonObject(value)) throw new KustomizeError('wrong Node Kind: expected a map');
        for (const key of keys) setMember(value as MutableJson, key, texts[key]);
      });
}

export function transformReplicas(list: ResourceList, name: string, count: number): void {
  let isFound = false;
  for (const spec of replicaSpecs)
    for (const resource of list.withAnyId((id) => id.name === name && isSelectedKind(id, spec))) {
      isFound = true;
      visitField(resource, spec, '', (place) => place.set(count));
    }
  if (!isFound)
    throw new KustomizeError(
      `replicas: resource with name ${name} does not match a config with the following GVK [${replicaSpecs.map(kindText).join(' ')}]`,
    );
}

/** In all lists named containers or initContainers wherever they are, and where the table says. */
export function transformImages(list: ResourceList, entry: ImageEntry): void {
  const pattern = imagePattern(entry.name ?? '');
  const update = (place: Place): void => {
    if (place.value === null || place.value === undefined) return;
    if (typeof place.value === 'object') throw new KustomizeError('images: an image must be a text');
    const image = String(place.value as string);
    if (pattern.test(image)) place.set(changedImage(image, entry));
  };
  for (const resource of list.items) {
    if (resource.object === undefined || resource.kind === 'CustomResourceDefinition') continue;
    visitContainers(resource.object, update);
    for (const spec of imageSpecs) visitField(resource, spec, undefined, update);
  }
}

function imagePattern(name: string): RegExp {
  try {
    return new RegExp(`^${name}(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?$`);
  } catch (cause) {
    throw new KustomizeError(`images: "${name}" is no name of an image`, { cause });
  }
}

function visitContainers(value: unknown, update: (place: Place) => void): void {
  if (Array.isArray(value)) value.forEach((one) => visitContainers(one, update));
  if (!isJsonObject(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    visitContainers(inner, update);
    if ((key !== 'containers' && key !== 'initContainers') || !Array.isArray(inner)) continue;
    for (const container of inner as unknown[])
      if (isJsonObject(container)) update(memberPlace(container as MutableJson, 'image'));
  }
}

/** A new tag or digest takes the place of both. */
function changedImage(image: string, { newName, newTag, digest, tagSuffix }: ImageEntry): string {
  const parts = splitImage(image);
  let { tag, digest: reference } = parts;
  if (newTag || digest) {
    tag = newTag ?? '';
    reference = digest ?? '';
  } else if (tagSuffix) {
    tag += tagSuffix;
    reference = '';
  }
  return `${newName || parts.name}${tag === '' ? '' : `:${tag}`}${reference === '' ? '' : `@${reference}`}`;
}

function splitImage(image: string): { readonly name: string; readonly tag: string; readonly digest: string } {
  const slash = Math.max(image.indexOf('/'), 0);
  const at = image.indexOf('@', slash);
  const colon = image.indexOf(':', slash);
  const rest = at < 0 ? image : image.slice(0, at);
  const digest = at < 0 ? '' : image.slice(at + 1);
  const hasTag = colon >= 0 && (at < 0 || colon < at);
  return { name: hasTag ? rest.slice(0, colon) : rest, tag: hasTag ? rest.slice(colon + 1) : '', digest };
}
