// Several OpenAPI v2 documents as one, as upstream's aggregator merges them: the paths of each that are its own, definitions and
// parameters of the same name once where they say the same, and under another name where they do not. Pure.

export type OpenApi = Readonly<Record<string, unknown>>;
type Definitions = Readonly<Record<string, unknown>>;

const definitionPrefix = '#/definitions/';
const parameterPrefix = '#/parameters/';

/** What of a document is one group version's. */
export interface OpenApiPart {
  readonly paths: OpenApi;
  readonly definitions: Definitions;
  readonly parameters: Definitions;
}

const gvk = 'x-kubernetes-group-version-kind';

export const isObject = (value: unknown): value is OpenApi =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const objectAt = (document: OpenApi, key: string): OpenApi => {
  const value = document[key];
  return isObject(value) ? value : {};
};

/** Every name behind the prefix that is referred to, in any depth. */
function collectReferences(value: unknown, prefix: string, found: Set<string>): void {
  if (Array.isArray(value)) for (const one of value) collectReferences(one, prefix, found);
  else if (isObject(value))
    for (const [key, inner] of Object.entries(value))
      if (key === '$ref' && typeof inner === 'string') {
        if (inner.startsWith(prefix)) found.add(inner.slice(prefix.length));
      } else collectReferences(inner, prefix, found);
}

/** With other references; `names` has whole ones. */
function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((one) => renamed(one, names));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      key === '$ref' && typeof inner === 'string' ? [key, names.get(inner) ?? inner] : [key, renamed(inner, names)],
    ),
  );
}

const picked = (all: Definitions, names: Iterable<string>): Definitions =>
  Object.fromEntries([...names].flatMap((name) => (Object.hasOwn(all, name) ? [[name, all[name]]] : [])));

/** The paths below the prefixes, with the definitions and parameters that they need. */
export function onlyPaths(document: OpenApi, prefixes: readonly string[]): OpenApiPart {
  const paths = Object.fromEntries(
    Object.entries(objectAt(document, 'paths')).filter(([path]) => prefixes.some((prefix) => path.startsWith(prefix))),
  );
  const used = new Set<string>();
  collectReferences(paths, parameterPrefix, used);
  const parameters = picked(objectAt(document, 'parameters'), used);
  const all = objectAt(document, 'definitions');
  const needed = new Set<string>();
  let open = new Set<string>();
  collectReferences([paths, parameters], definitionPrefix, open);
  while (open.size > 0) {
    const next = new Set<string>();
    for (const name of open) {
      if (needed.has(name)) continue;
      needed.add(name);
      collectReferences(all[name], definitionPrefix, next);
    }
    open = next;
  }
  return { paths, definitions: picked(all, needed), parameters };
}

/** What it says, whatever kinds it says it of. */
const text = (definition: unknown): string =>
  JSON.stringify(definition, (key, value: unknown) =>
    key === gvk
      ? undefined
      : isObject(value)
        ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
        : value,
  );

/** Adds to `names` what must be called otherwise, since the target has another of that name. */
function addNames(target: Definitions, others: Definitions, prefix: string, names: Map<string, string>): void {
  for (const [name, one] of Object.entries(others)) {
    if (!Object.hasOwn(target, name) || text(target[name]) === text(one)) continue;
    let number = 2;
    while (Object.hasOwn(target, `${name}_v${number}`) || Object.hasOwn(others, `${name}_v${number}`)) number++;
    names.set(`${prefix}${name}`, `${prefix}${name}_v${number}`);
  }
}

function addAll(
  target: Record<string, unknown>,
  others: Definitions,
  prefix: string,
  names: ReadonlyMap<string, string>,
) {
  for (const [name, one] of Object.entries(others)) {
    const finalName = names.get(`${prefix}${name}`)?.slice(prefix.length) ?? name;
    if (!Object.hasOwn(target, finalName)) target[finalName] = one;
  }
}

/** The base keeps its names and paths. */
export function mergeOpenApi(base: OpenApi, others: readonly OpenApiPart[]): OpenApi {
  const paths: Record<string, unknown> = { ...objectAt(base, 'paths') };
  const definitions: Record<string, unknown> = { ...objectAt(base, 'definitions') };
  const parameters: Record<string, unknown> = { ...objectAt(base, 'parameters') };
  for (const other of others) {
    const names = new Map<string, string>();
    addNames(definitions, other.definitions, definitionPrefix, names);
    addNames(parameters, other.parameters, parameterPrefix, names);
    const own = renamed(other, names) as OpenApiPart;
    addAll(definitions, own.definitions, definitionPrefix, names);
    addAll(parameters, own.parameters, parameterPrefix, names);
    for (const [path, item] of Object.entries(own.paths)) if (!Object.hasOwn(paths, path)) paths[path] = item;
  }
  return { ...base, paths, definitions, ...(Object.keys(parameters).length === 0 ? {} : { parameters }) };
}
