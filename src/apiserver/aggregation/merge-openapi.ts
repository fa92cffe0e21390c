// Several OpenAPI v2 documents as one, as upstream's aggregator merges them: the paths of each that are its own, definitions of the
// same name once where they say the same, and under another name where they do not. Pure.

export type OpenApi = Readonly<Record<string, unknown>>;
type Definitions = Readonly<Record<string, unknown>>;

const referencePrefix = '#/definitions/';
const gvk = 'x-kubernetes-group-version-kind';

export const isObject = (value: unknown): value is OpenApi =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const objectAt = (document: OpenApi, key: string): OpenApi => {
  const value = document[key];
  return isObject(value) ? value : {};
};

/** Every name that is referred to, in any depth. */
function collectReferences(value: unknown, found: Set<string>): void {
  if (Array.isArray(value)) for (const one of value) collectReferences(one, found);
  else if (isObject(value))
    for (const [key, inner] of Object.entries(value))
      if (key === '$ref' && typeof inner === 'string' && inner.startsWith(referencePrefix))
        found.add(inner.slice(referencePrefix.length));
      else collectReferences(inner, found);
}

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((one) => renamed(one, names));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (key !== '$ref' || typeof inner !== 'string' || !inner.startsWith(referencePrefix))
        return [key, renamed(inner, names)];
      const name = inner.slice(referencePrefix.length);
      return [key, `${referencePrefix}${names.get(name) ?? name}`];
    }),
  );
}

/** The paths below the prefixes, with the definitions that they need. */
export function onlyPaths(
  document: OpenApi,
  prefixes: readonly string[],
): { paths: OpenApi; definitions: Definitions } {
  const paths = Object.fromEntries(
    Object.entries(objectAt(document, 'paths')).filter(([path]) => prefixes.some((prefix) => path.startsWith(prefix))),
  );
  const all = objectAt(document, 'definitions');
  const needed = new Set<string>();
  let open = new Set<string>();
  collectReferences(paths, open);
  while (open.size > 0) {
    const next = new Set<string>();
    for (const name of open) {
      if (needed.has(name)) continue;
      needed.add(name);
      collectReferences(all[name], next);
    }
    open = next;
  }
  const definitions = Object.fromEntries([...needed].flatMap((name) => (name in all ? [[name, all[name]]] : [])));
  return { paths, definitions };
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

/** The base keeps its names and paths. */
export function mergeOpenApi(base: OpenApi, others: readonly { paths: OpenApi; definitions: Definitions }[]): OpenApi {
  const paths: Record<string, unknown> = { ...objectAt(base, 'paths') };
  const definitions: Record<string, unknown> = { ...objectAt(base, 'definitions') };
  for (const other of others) {
    const names = new Map<string, string>();
    for (const [name, definition] of Object.entries(other.definitions)) {
      if (!Object.hasOwn(definitions, name) || text(definitions[name]) === text(definition)) continue;
      let number = 2;
      while (Object.hasOwn(definitions, `${name}_v${number}`) || Object.hasOwn(other.definitions, `${name}_v${number}`))
        number++;
      names.set(name, `${name}_v${number}`);
    }
    const own = renamed(other, names) as typeof other;
    for (const [name, definition] of Object.entries(own.definitions)) {
      const finalName = names.get(name) ?? name;
      if (!Object.hasOwn(definitions, finalName)) definitions[finalName] = definition;
    }
    for (const [path, item] of Object.entries(own.paths)) if (!Object.hasOwn(paths, path)) paths[path] = item;
  }
  return { ...base, paths, definitions };
}
