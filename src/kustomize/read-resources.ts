// Objects out of the text of a file: one a document, lists taken apart.
import { isJsonObject, type MutableJson } from '#api/patch/json-values.ts';
import { YamlSyntaxError } from '#wire/yaml.ts';
import { parseYamlDocuments } from '#wire/yaml-documents.ts';
import { KustomizeError } from './kustomize-error.ts';
import { Resource } from './resource.ts';

/** Throws KustomizeError for what is no YAML, and for objects without kind or name. */
export const readResources = (text: Uint8Array | string): Promise<Resource[]> => read(text, false);
/** Objects that are patches: null in them removes. */
export const readPatches = (text: Uint8Array | string): Promise<Resource[]> => read(text, true);

async function read(text: Uint8Array | string, nulls: boolean): Promise<Resource[]> {
  let documents: unknown[];
  try {
    documents = await parseYamlDocuments(text, { nulls });
  } catch (error) {
    if (error instanceof YamlSyntaxError)
      throw new KustomizeError(`MalformedYAMLError: ${error.message}`, { cause: error });
    throw error;
  }
  const result: Resource[] = [];
  const queue = documents.map(checked);
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const items = next['items'];
    if (!String(next['kind']).endsWith('List') || items === undefined) {
      result.push(new Resource(next));
      continue;
    }
    if (items === null) continue;
    if (!Array.isArray(items)) throw new KustomizeError(`expected array in ${String(next['kind'])}/items`);
    queue.push(...items.map(checked));
  }
  return result;
}

function checked(value: unknown): MutableJson {
  if (!isJsonObject(value)) throw new KustomizeError(`expected an object, found ${shown(value)}`);
  const { apiVersion, kind, metadata } = value;
  if (typeof kind !== 'string' || kind === '') throw new KustomizeError(`missing kind in object ${shown(value)}`);
  if (apiVersion !== undefined && typeof apiVersion !== 'string')
    throw new KustomizeError(`apiVersion of ${kind} is no text: ${shown(apiVersion)}`);
  const name = isJsonObject(metadata) ? metadata['name'] : undefined;
  if (!kind.endsWith('List') && (name === undefined || name === null || name === ''))
    throw new KustomizeError(`missing metadata.name in object ${shown({ apiVersion, kind, metadata })}`);
  return value;
}

const shownCharactersMax = 200;
/** Without data: it could be a Secret. */
function shown(value: unknown): string {
  const text =
    JSON.stringify(value, (key, one: unknown) => (key === 'data' || key === 'stringData' ? '...' : one)) ?? '';
  return text.length > shownCharactersMax ? `${text.slice(0, shownCharactersMax)}...` : text;
}
