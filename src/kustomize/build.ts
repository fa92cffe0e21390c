// From a directory with a kustomization to its objects, as `kubectl kustomize` gives them. Reads nothing but the file tree:
// no network, no plugins, no commands.
import path from 'node:path';
import { parseYamlDocuments } from '#wire/yaml-documents.ts';
import type { JsonObject } from '#api/patch/json-values.ts';
import { contentHash } from './content-hash.ts';
import { isWithin, type FileTree } from './file-tree.ts';
import { fixReferences } from './fix-references.ts';
import { generate } from './generate.ts';
import { parseKustomization, parseReplacements, type Kustomization, type Variable } from './kustomization.ts';
import { KustomizeError, withinAsync } from './kustomize-error.ts';
import { kustomizationNames } from './names.ts';
import { addOrigin, addTransformation, builtinOrigin, cleanAnnotations, fileOrigin } from './origins.ts';
import { applyJsonPatchEntry, applyPatch, applyStrategicPatch } from './patches.ts';
import { readResources } from './read-resources.ts';
import { applyReplacement } from './replacements.ts';
import { ResourceList } from './resource-list.ts';
import { legacyOrder } from './sort.ts';
import { transformAnnotations, transformImages, transformLabels, transformReplicas } from './transform-fields.ts';
import { transformNamespace, transformPrefix, transformSuffix } from './transform-names.ts';
import { noteVariables, resolveVariables } from './variables.ts';

const localConfigAnnotation = 'config.kubernetes.io/local-config';

/** Throws KustomizeError. */
export async function buildKustomization(tree: FileTree, directory: string): Promise<JsonObject[]> {
  const entry = await tree.find(path.resolve(directory));
  if (entry?.type !== 'directory') throw new KustomizeError(`${directory}: no such directory`);
  const root = await loadTarget(tree, entry.path, []);
  return withinAsync(root.file, async () => {
    const state: State = {
      variables: new Map(),
      origins: root.kustomization.buildMetadata.length > 0,
      base: entry.path,
    };
    const list = await accumulate(root, new ResourceList(), state);
    for (const resource of list.items)
      if (resource.needsHash) {
        const hash = contentHash(resource);
        resource.rememberId();
        resource.name += `-${hash}`;
      }
    fixReferences(list.items);
    resolveVariables(list, state.variables);
    list.keep((one) => (one.annotations[localConfigAnnotation] ?? 'false') === 'false');
    sort(list, root.kustomization);
    cleanAnnotations(list, root.kustomization.buildMetadata);
    return list.items.map((one) => one.object!);
  });
}

function sort(list: ResourceList, { sortOptions }: Kustomization): void {
  const { order, legacySortOptions } = sortOptions ?? { order: 'legacy' };
  if (order !== 'fifo' && order !== 'legacy')
    throw new KustomizeError("the field 'sortOptions.order' must be one of [fifo, legacy]");
  if (order === 'legacy') {
    list.sort(
      legacySortOptions === undefined
        ? legacyOrder()
        : legacyOrder(legacySortOptions.orderFirst ?? [], legacySortOptions.orderLast ?? []),
    );
  } else if (legacySortOptions !== undefined)
    throw new KustomizeError(
      "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'",
    );
}

interface State {
  readonly variables: Map<string, Variable>;
  readonly origins: boolean;
  /** The directory that is built: origins are relative to it. */
  readonly base: string;
}

/** One kustomization file and what it may read. */
interface Target {
  readonly tree: FileTree;
  readonly root: string;
  readonly file: string;
  readonly kustomization: Kustomization;
  /** Directories of the kustomizations that led here. */
  readonly visited: readonly string[];
}

async function loadTarget(tree: FileTree, root: string, visited: readonly string[]): Promise<Target> {
  const files: string[] = [];
  for (const name of kustomizationNames) {
    const entry = await tree.find(path.join(root, name));
    if (entry?.type === 'file') files.push(path.join(root, name));
  }
  const [file] = files;
  if (file === undefined)
    throw new KustomizeError(
      `unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '${root}'`,
    );
  if (files.length > 1) throw new KustomizeError(`Found multiple kustomization files under: ${root}`);
  const kustomization = await withinAsync(file, async () => parseKustomization(await tree.read(file)));
  return { tree, root, file, kustomization, visited: [...visited, root] };
}

const isRemote = (reference: string): boolean =>
  /^(?:[a-z][a-z0-9+.-]*:\/\/|git@|git::|[\w.-]+@[\w.-]+:|github\.com\/)/i.test(reference);
const remoteError = (reference: string) =>
  new KustomizeError(`'${reference}' is remote: nothing is fetched from other machines; put a copy into the directory`);

/** Files must be in or below the directory of the kustomization that names them, links included. */
async function load({ tree, root }: Target, file: string): Promise<Uint8Array> {
  const entry = await tree.find(path.resolve(root, file));
  if (entry === undefined && isRemote(file)) throw remoteError(file);
  if (entry === undefined) throw new KustomizeError(`'${file}': no such file or directory`);
  if (entry.type !== 'file') throw new KustomizeError(`'${file}' must resolve to a file`);
  if (!isWithin(root, entry.path))
    throw new KustomizeError(`security; file '${entry.path}' is not in or below '${root}'`);
  return tree.read(entry.path);
}

const loadText = (target: Target) => async (file: string) => Buffer.from(await load(target, file)).toString('utf8');

async function loadBase(target: Target, reference: string): Promise<Target> {
  const { tree, root, visited } = target;
  if (reference === '') throw new KustomizeError('new root cannot be empty');
  const entry = await tree.find(path.resolve(root, reference));
  if (entry === undefined && isRemote(reference)) throw remoteError(reference);
  if (path.isAbsolute(reference)) throw new KustomizeError(`new root '${reference}' cannot be absolute`);
  if (entry?.type !== 'directory') throw new KustomizeError(`'${reference}': no such file or directory`);
  for (const one of visited)
    if (isWithin(entry.path, one))
      throw new KustomizeError(`cycle detected: candidate root '${entry.path}' contains visited root '${one}'`);
  return loadTarget(tree, entry.path, visited);
}

/** What `target` makes of `list`, which is empty but for components. */
async function accumulate(target: Target, list: ResourceList, state: State): Promise<ResourceList> {
  const { kustomization } = target;
  for (const reference of kustomization.resources)
    await withinAsync(`accumulating resources from '${reference}'`, () => addResource(target, reference, list, state));
  await runGenerators(target, list, state);
  for (const reference of kustomization.components)
    await withinAsync(`accumulating components from '${reference}'`, async () => {
      const component = await loadBase(target, reference);
      if (component.kustomization.kind !== 'Component')
        throw new KustomizeError(
          `expected kind 'Component' for path '${component.root}' but got '${component.kustomization.kind}'`,
        );
      await withinAsync(component.file, () => accumulate(component, list, state));
    });
  await runTransformers(target, list, state);
  noteVariables(list, kustomization.vars, state.variables);
  return list;
}

async function addResource(target: Target, reference: string, list: ResourceList, state: State): Promise<void> {
  const entry = await target.tree.find(path.resolve(target.root, reference));
  if (entry?.type !== 'directory') {
    const resources = await readResources(await load(target, reference));
    if (state.origins)
      for (const one of resources) addOrigin(one, fileOrigin(state.base, path.resolve(target.root, reference)));
    list.appendAll(resources);
    return;
  }
  const base = await loadBase(target, reference);
  if (base.kustomization.kind === 'Component')
    throw new KustomizeError(`expected kind != 'Component' for path '${base.root}'`);
  const accumulated = await withinAsync(base.file, () => accumulate(base, new ResourceList(), state));
  list.appendAll(accumulated.items);
}

async function runGenerators(target: Target, list: ResourceList, state: State): Promise<void> {
  const { configMapGenerator, secretGenerator, generatorOptions } = target.kustomization;
  const rows = [
    ['ConfigMap', 'configMapGenerator', configMapGenerator],
    ['Secret', 'secretGenerator', secretGenerator],
  ] as const;
  for (const [kind, field, entries] of rows)
    for (const [index, entry] of entries.entries())
      await withinAsync(`${field}[${index}]`, async () => {
        const resource = await generate(kind, entry, generatorOptions, (file) => load(target, file));
        if (state.origins) addOrigin(resource, builtinOrigin(state.base, target.file, `${kind}Generator`));
        list.absorb(resource);
      });
}

type Step = readonly [name: string, field: string, run: () => Promise<void> | void];

/** THE order of transformations. */
function transformers(target: Target, list: ResourceList): readonly Step[] {
  const k = target.kustomization;
  const text = loadText(target);
  const each = <T>(
    name: string,
    field: string,
    entries: readonly T[],
    run: (entry: T) => Promise<void> | void,
  ): Step[] => entries.map((entry, index): Step => [name, `${field}[${index}]`, () => run(entry)]);
  const once = (isThere: boolean, name: string, field: string, run: () => Promise<void> | void): Step[] =>
    isThere ? [[name, field, run]] : [];
  return [
    ...once(k.patchesStrategicMerge.length > 0, 'PatchStrategicMergeTransformer', 'patchesStrategicMerge', async () => {
      for (const entry of k.patchesStrategicMerge) await applyStrategicPatch(list, entry, text);
    }),
    ...each('PatchTransformer', 'patches', k.patches, (entry) => applyPatch(list, entry, text)),
    ...once(k.namespace !== '', 'NamespaceTransformer', 'namespace', () => transformNamespace(list, k.namespace)),
    ...once(k.namePrefix !== '', 'PrefixTransformer', 'namePrefix', () => transformPrefix(list, k.namePrefix)),
    ...once(k.nameSuffix !== '', 'SuffixTransformer', 'nameSuffix', () => transformSuffix(list, k.nameSuffix)),
    ...each('LabelTransformer', 'labels', k.labels, (entry) => transformLabels(list, [entry], {})),
    ...once(k.labels.length > 0 || Object.keys(k.commonLabels).length > 0, 'LabelTransformer', 'commonLabels', () =>
      transformLabels(list, [], k.commonLabels),
    ),
    ...once(Object.keys(k.commonAnnotations).length > 0, 'AnnotationsTransformer', 'commonAnnotations', () =>
      transformAnnotations(list, k.commonAnnotations),
    ),
    ...each('PatchJson6902Transformer', 'patchesJson6902', k.patchesJson6902, (entry) =>
      applyJsonPatchEntry(list, entry, text),
    ),
    ...each('ReplicaCountTransformer', 'replicas', k.replicas, ({ name = '', count = 0 }) =>
      transformReplicas(list, name, count),
    ),
    ...each('ImageTagTransformer', 'images', k.images, (entry) => transformImages(list, entry)),
    ...once(k.replacements.length > 0, 'ReplacementTransformer', 'replacements', () => runReplacements(target, list)),
  ];
}

async function runTransformers(target: Target, list: ResourceList, state: State): Promise<void> {
  for (const [name, field, run] of transformers(target, list)) {
    await withinAsync(field, async () => run());
    list.dropDeleted();
    if (state.origins)
      for (const one of list.items) addTransformation(one, builtinOrigin(state.base, target.file, name));
  }
}

async function runReplacements(target: Target, list: ResourceList): Promise<void> {
  for (const entry of target.kustomization.replacements) {
    if (!entry.path) {
      applyReplacement(list.items, entry);
      continue;
    }
    if (entry.source !== undefined || entry.targets !== undefined)
      throw new KustomizeError('cannot specify both path and inline replacement');
    const [value] = await parseYamlDocuments(await load(target, entry.path));
    for (const one of parseReplacements(value, entry.path)) applyReplacement(list.items, one);
  }
}
