// The object of a request in the version that a webhook or a policy wants to see, and back.
import type { KindRow, KubernetesObject, Mutable } from '#api/kind.ts';
import { apiVersionOf } from '#api/kinds.ts';
import { conversionOf } from '../../content/conversion.ts';
import type { AdmissionAttributes, Server } from '../../context.ts';
import { shownAs } from '../../custom-resources/conversion.ts';
import type { Matched } from './request-matcher.ts';

export interface VersionedObjects {
  /** Null where the request has none. */
  readonly object: KubernetesObject | null;
  readonly old: KubernetesObject | null;
}

/** Shared with the request where nothing changes: not to be changed. */
export async function versionedObjects(
  attributes: AdmissionAttributes,
  matched: Matched,
  server: Server,
): Promise<VersionedObjects> {
  const shown = async (object: KubernetesObject | undefined): Promise<KubernetesObject | null> =>
    object === undefined ? null : withHeader(matched, await inVersion(attributes, matched.row, object, server));
  return { object: await shown(attributes.object), old: await shown(attributes.old) };
}

async function inVersion(
  { row, subresourceKind }: AdmissionAttributes,
  target: KindRow,
  object: KubernetesObject,
  server: Server,
): Promise<KubernetesObject> {
  if (subresourceKind !== undefined || target === row) return object;
  if (target.custom !== undefined) return shownAs(server, target, object);
  return conversionOf(target)?.fromStorage(object) ?? object;
}

const withHeader = ({ kind }: Matched, object: KubernetesObject): KubernetesObject => {
  const apiVersion = apiVersionOf(kind);
  return object.kind === kind.kind && object.apiVersion === apiVersion
    ? object
    : { ...object, kind: kind.kind, apiVersion };
};

/** The request's own object becomes `changed`, an object of the matched version. */
export async function takeVersioned(
  attributes: AdmissionAttributes,
  matched: Matched,
  changed: Mutable<KubernetesObject>,
  server: Server,
): Promise<void> {
  const { row, subresourceKind } = attributes;
  let own: KubernetesObject = changed;
  if (subresourceKind === undefined && matched.row !== row)
    own =
      row.custom === undefined
        ? (conversionOf(matched.row)?.toStorage(changed) ?? changed)
        : await shownAs(server, row, changed);
  const target = attributes.object as Record<string, unknown>;
  for (const name of Object.keys(target)) delete target[name];
  Object.assign(target, own);
}
