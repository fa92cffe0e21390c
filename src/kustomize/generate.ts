// ConfigMaps and Secrets out of literals, files and environment files.
import path from 'node:path';
import { isUtf8 } from 'node:buffer';
import type { MutableJson } from '#api/patch/json-values.ts';
import type { GeneratorArguments, GeneratorOptions } from './kustomization.ts';
import { KustomizeError, withinAsync } from './kustomize-error.ts';
import { Resource, type Behavior } from './resource.ts';

type Load = (file: string) => Promise<Uint8Array>;
type Pair = readonly [key: string, value: Uint8Array];

const behaviors: readonly string[] = ['create', 'replace', 'merge'];

export async function generate(
  kind: 'ConfigMap' | 'Secret',
  given: GeneratorArguments,
  global: GeneratorOptions | undefined,
  load: Load,
): Promise<Resource> {
  const { name = '', namespace, behavior = '' } = given;
  if (name === '') throw new KustomizeError('a configmap must have a name');
  const options = mergedOptions(given.options, global);
  const object: MutableJson = {
    apiVersion: 'v1',
    kind,
    metadata: { name, ...(namespace ? { namespace } : {}) },
    ...(kind === 'Secret' ? { type: given.type || 'Opaque' } : {}),
  };
  const resource = new Resource(object);
  putData(object, kind, await pairsOf(given, load), name);
  if (Object.keys(options.labels ?? {}).length > 0) resource.labels = options.labels!;
  if (Object.keys(options.annotations ?? {}).length > 0) resource.annotations = options.annotations!;
  if (options.immutable === true) object['immutable'] = true;
  resource.needsHash = options.disableNameSuffixHash !== true;
  resource.behavior = behaviors.includes(behavior) ? (behavior as Behavior) : 'unspecified';
  return resource;
}

/** What the generator says of itself wins; the switches of either count. */
function mergedOptions(own: GeneratorOptions = {}, global: GeneratorOptions = {}): GeneratorOptions {
  return {
    labels: { ...global.labels, ...own.labels },
    annotations: { ...global.annotations, ...own.annotations },
    disableNameSuffixHash: own.disableNameSuffixHash === true || global.disableNameSuffixHash === true,
    immutable: own.immutable === true || global.immutable === true,
  };
}

function putData(object: MutableJson, kind: 'ConfigMap' | 'Secret', pairs: readonly Pair[], name: string): void {
  const maps: Record<string, Record<string, string>> = kind === 'Secret' ? { data: {} } : {};
  const seen = new Set<string>();
  for (const [key, value] of pairs.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (seen.has(key)) throw new KustomizeError(`configmap ${name} illegally repeats the key \`${key}\``);
    seen.add(key);
    const isText = kind === 'ConfigMap' && isUtf8(value);
    const field = kind === 'ConfigMap' && !isText ? 'binaryData' : 'data';
    (maps[field] ??= {})[key] = isText ? Buffer.from(value).toString('utf8') : brokenBase64(value);
  }
  Object.assign(object, maps);
}

const base64LineCharacters = 70;
/** kustomize breaks long values into lines; the name's hash is made of them. */
function brokenBase64(value: Uint8Array): string {
  const encoded = Buffer.from(value).toString('base64');
  if (encoded.length < base64LineCharacters) return encoded;
  return encoded.replace(new RegExp(`.{1,${base64LineCharacters}}`, 'g'), '$&\n');
}

async function pairsOf({ envs = [], env, literals = [], files = [] }: GeneratorArguments, load: Load): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (const file of env ? [...envs, env] : envs)
    pairs.push(...(await withinAsync(`env source files: ${file}`, async () => environmentPairs(await load(file)))));
  for (const literal of literals) pairs.push(literalPair(literal));
  for (const source of files)
    pairs.push(
      await withinAsync(`file sources: ${source}`, async (): Promise<Pair> => {
        const [key, file] = fileSource(source);
        return [key, await load(file)];
      }),
    );
  return pairs;
}

function literalPair(source: string): Pair {
  const equals = source.indexOf('=');
  if (equals <= 0) throw new KustomizeError('literal sources: invalid literal source, expected key=value');
  const value = source.slice(equals + 1);
  const isQuoted = value.length >= 2 && value[0] === value.at(-1) && (value[0] === '"' || value[0] === "'");
  return [source.slice(0, equals), Buffer.from(isQuoted ? value.slice(1, -1) : value)];
}

/** `[KEY=]PATH`. */
function fileSource(source: string): readonly [key: string, file: string] {
  const parts = source.split('=');
  if (parts.length === 1) return [path.posix.basename(source), source];
  const [key = '', file = ''] = parts;
  if (parts.length > 2) throw new KustomizeError(`source "${source}" key name or file path contains '='`);
  if (key === '') throw new KustomizeError(`missing key name for file path "${file}" in source "${source}"`);
  if (file === '') throw new KustomizeError(`missing file path for key name "${key}" in source "${source}"`);
  return [key, file];
}

/** A pair a line; empty lines and comments are passed over. */
function environmentPairs(content: Uint8Array): Pair[] {
  if (!isUtf8(content)) throw new KustomizeError('the file is not in UTF-8');
  const text = Buffer.from(content)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
  return text.split('\n').flatMap((given): Pair[] => {
    const line = given.replace(/\r$/, '').trimStart();
    if (line === '' || line.startsWith('#')) return [];
    const equals = line.indexOf('=');
    return equals < 0 ? [[line, Buffer.alloc(0)]] : [[line.slice(0, equals), Buffer.from(line.slice(equals + 1))]];
  });
}
