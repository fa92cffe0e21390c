// Patches of a kustomization: strategic merge and JSON (RFC 6902), by file or inline, for one object or for all that a
// selector finds.
import { applyJsonPatch } from '#api/patch/json-patch.ts';
import { isJsonObject, type MutableJson } from '#api/patch/json-values.ts';
import { parseYaml } from '#wire/yaml.ts';
import type { PatchEntry } from './kustomization.ts';
import { KustomizeError, within } from './kustomize-error.ts';
import { strategicMerge } from './merge.ts';
import { readPatches } from './read-resources.ts';
import type { ResourceList } from './resource-list.ts';
import { idText, type Resource } from './resource.ts';
import { select } from './select.ts';

type LoadText = (file: string) => Promise<string>;
type Operations = readonly unknown[];

export async function applyPatch(list: ResourceList, entry: PatchEntry, load: LoadText): Promise<void> {
  const { text, source } = await patchText(entry, load);
  const { merges, operations } = await parsePatch(text, source);
  const { target } = entry;
  if (merges.length === 0) {
    if (target === undefined) throw new KustomizeError(`must specify a target for JSON patch ${source}`);
    for (const resource of within('target', () => select(list.items, target))) {
      resource.rememberId();
      applyOperations(resource, operations);
    }
    return;
  }
  for (const patch of merges) {
    patch.allowNameChange = entry.options?.allowNameChange === true;
    patch.allowKindChange = entry.options?.allowKindChange === true;
  }
  if (target === undefined) return applyMerges(list, merges);
  if (merges.length > 1)
    throw new KustomizeError(
      `Multiple Strategic-Merge Patches in one \`patches\` entry is not allowed to set \`patches.target\` field: ${source}`,
    );
  for (const resource of within('target', () => select(list.items, target))) {
    const patch = merges[0]!.copy();
    patch.object!['apiVersion'] = resource.apiVersion;
    makeTexts(patch.metadata());
    applyMerge(resource, patch);
  }
}

/** Numbers and truth values of labels and annotations. Null stays, and removes: kubectl makes the text null of it, here only. */
function makeTexts(metadata: MutableJson): void {
  for (const field of ['labels', 'annotations']) {
    const texts = metadata[field];
    if (!isJsonObject(texts)) continue;
    metadata[field] = Object.fromEntries(
      Object.entries(texts).map(([key, value]) => [
        key,
        typeof value === 'number' || typeof value === 'boolean' ? String(value) : value,
      ]),
    );
  }
}

/** Entries of patchesStrategicMerge: a text that reads as objects is one, else it is a file. */
export async function applyStrategicPatch(list: ResourceList, entry: string, load: LoadText): Promise<void> {
  let patches: readonly Resource[];
  try {
    patches = await readPatches(entry);
  } catch {
    patches = await readPatches(await load(entry));
  }
  if (patches.length === 0) throw new KustomizeError(`patch appears to be empty; file ${entry}`);
  applyMerges(list, patches);
}

/** Entries of patchesJson6902. */
export async function applyJsonPatchEntry(list: ResourceList, entry: PatchEntry, load: LoadText): Promise<void> {
  const { target } = entry;
  if (!target?.name) throw new KustomizeError('must specify the target name');
  const { text, source } = await patchText(entry, load);
  const operations = await operationsOf(text);
  if (operations === undefined || operations.length === 0)
    throw new KustomizeError(`patch appears to be empty; ${source}`);
  for (const resource of select(list.items, target)) applyOperations(resource, operations);
}

async function patchText(entry: PatchEntry, load: LoadText) {
  const { path } = entry;
  const inline = (entry.patch ?? '').trim();
  if (inline === '' && !path) throw new KustomizeError('must specify one of patch and path');
  if (inline !== '' && path) throw new KustomizeError("patch and path can't be set at the same time");
  const start = inline.length > 60 ? `${inline.slice(0, 60)}...` : inline;
  return path
    ? { text: await load(path), source: `[path: "${path}"]` }
    : { text: inline, source: `[patch: ${JSON.stringify(start)}]` };
}

async function parsePatch(text: string, source: string) {
  let merges: readonly Resource[] = [];
  let reason = '';
  try {
    merges = await readPatches(text);
  } catch (error) {
    if (!(error instanceof KustomizeError)) throw error;
    reason = error.message;
  }
  if (merges.length > 0) return { merges, operations: [] };
  const operations = await operationsOf(text).catch(() => undefined);
  if (operations === undefined)
    throw new KustomizeError(`unable to parse SM or JSON patch from ${source}${reason === '' ? '' : `: ${reason}`}`);
  return { merges, operations };
}

async function operationsOf(text: string): Promise<Operations | undefined> {
  const { value } = await parseYaml(text);
  return Array.isArray(value) && value.every((one) => isJsonObject(one) && typeof one['op'] === 'string')
    ? value
    : undefined;
}

function applyMerges(list: ResourceList, patches: readonly Resource[]): void {
  for (const patch of patches) applyMerge(list.find(patch.originalId), patch);
}

function applyMerge(resource: Resource, patch: Resource): void {
  const { name, namespace, kind, object } = resource;
  if (object === undefined) return;
  if (patch.allowNameChange || patch.allowKindChange) resource.rememberId();
  resource.object = within(`patch of ${idText(resource.id)}`, () => strategicMerge(object, patch.object ?? {}));
  if (resource.object === undefined) return;
  if (!patch.allowKindChange) resource.object['kind'] = kind;
  if (!patch.allowNameChange) resource.name = name;
  resource.namespace = namespace;
}

function applyOperations(resource: Resource, operations: Operations): void {
  operations.forEach((operation, index) => {
    try {
      resource.object = applyJsonPatch(resource.object, [operation]) as MutableJson;
    } catch (error) {
      const { op, path } = operation as { readonly op: string; readonly path?: unknown };
      throw new KustomizeError(
        `JSON patch operation ${index} (${op} ${String(path)}) does not apply to ${idText(resource.id)}: what it names is not there, or not as it says`,
        { cause: error },
      );
    }
  });
}
