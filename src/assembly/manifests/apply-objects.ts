// Applies and deletes objects of any kind that the cluster knows: server-side, with what others set in the same fields
// overwritten. Objects are independent of each other: one that fails leaves the others alone.
import { CustomResourceDefinitions } from '#api/generated/kind-references.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { kindTable } from '#api/kinds.ts';
import { isNotFound } from '#api/status.ts';
import { messageOf } from '#base/errors.ts';
import type { Client } from '#client/client.ts';

export const manifestsFieldManager = 'microshift-manifests';

export interface Manifest extends KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
}

export interface Failure {
  readonly object: Manifest;
  readonly reason: string;
}

/** `Deployment shop/web`. */
export const describe = ({ kind, metadata }: Manifest): string =>
  `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name ?? ''}`;

/** Others live in them, or are of kinds that they define. */
const firstKinds: ReadonlySet<string> = new Set(['Namespace', 'CustomResourceDefinition']);

/** In the order in which they are applied. */
export const inApplyOrder = (objects: readonly Manifest[]): Manifest[] => [
  ...objects.filter((one) => firstKinds.has(one.kind)),
  ...objects.filter((one) => !firstKinds.has(one.kind)),
];

const groupVersionOf = (apiVersion: string): readonly [group: string, version: string] => {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
};

/** Undefined: no such kind is served. */
async function kindOf(client: Client, { apiVersion, kind }: Manifest): Promise<KindReference | undefined> {
  const [group, version] = groupVersionOf(apiVersion);
  const row = kindTable.findKind(group, version, kind);
  if (row !== undefined) return row;
  if (group === '') return undefined;
  const { items } = await client.resource(CustomResourceDefinitions).list();
  const definition = items.find(({ spec }) => spec.group === group && spec.names.kind === kind);
  if (definition?.spec.versions?.some((one) => one.name === version && one.served) !== true) return undefined;
  const { names, scope } = definition.spec;
  return { group, version, kind, resource: names.plural, namespaced: scope === 'Namespaced' };
}

const keyOf = ({ namespaced }: KindReference, { metadata }: Manifest) => ({
  name: metadata.name ?? '',
  ...(namespaced ? { namespace: metadata.namespace ?? 'default' } : {}),
});

/** Those that could not be applied, in the given order. */
export async function applyObjects(
  client: Client,
  objects: readonly Manifest[],
  signal: AbortSignal,
): Promise<Failure[]> {
  return eachObject(objects, signal, async (object) => {
    const kind = await kindOf(client, object);
    if (kind === undefined) throw new Error(`no matches for kind "${object.kind}" in version "${object.apiVersion}"`);
    const key = keyOf(kind, object);
    const value = { ...object, metadata: { ...object.metadata, ...key } };
    await client
      .resource(kind)
      .patch(key, { type: 'apply', value, force: true }, { fieldManager: manifestsFieldManager });
  });
}

/** The last one first. Those that could not be deleted; what is not there is deleted. */
export async function deleteObjects(
  client: Client,
  objects: readonly Manifest[],
  signal: AbortSignal,
): Promise<Failure[]> {
  return eachObject(objects.toReversed(), signal, async (object) => {
    const kind = await kindOf(client, object);
    if (kind === undefined) return;
    try {
      await client.resource(kind).delete(keyOf(kind, object), { propagationPolicy: 'Background' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  });
}

async function eachObject(
  objects: readonly Manifest[],
  signal: AbortSignal,
  act: (object: Manifest) => Promise<void>,
): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (const object of objects) {
    signal.throwIfAborted();
    try {
      await act(object);
    } catch (error) {
      failures.push({ object, reason: messageOf(error) });
    }
  }
  return failures;
}
