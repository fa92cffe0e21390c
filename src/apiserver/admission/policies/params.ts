// Parameters of a policy that a binding refers to: objects of any kind that this server has, as they are now.
import type { ParamKind, ParamRef } from '#api/generated/types.ts';
import type { KindRow, KubernetesObject } from '#api/kind.ts';
import { storageKey, storagePrefix } from '#api/kinds.ts';
import { labelSelectorMatcher } from '#api/meta/label-selector.ts';
import { parseGroupVersion } from '#api/policies/bindings.ts';
import type { StoredObject } from '#storage/store.ts';
import { objectOf } from '../../content/present.ts';
import type { Server } from '../../context.ts';

/** The policy or the binding cannot be used: its failurePolicy decides. */
export class PolicyConfigurationError extends Error {}

/** Undefined: no kind is meant. Throws PolicyConfigurationError. */
export function paramRowOf(server: Server, kind: ParamKind | undefined): KindRow | undefined {
  if (kind === undefined) return undefined;
  const { group, version } = parseGroupVersion(kind.apiVersion ?? '') ?? { group: '', version: '' };
  const row = server.kinds.rows.find(
    (one) => one.kind === kind.kind && one.group === group && one.version === version && one.storage !== undefined,
  );
  if (row === undefined)
    throw new PolicyConfigurationError(
      `failed to find resource referenced by paramKind: '${group}/${version}, Kind=${kind.kind}'`,
    );
  return row;
}

/** `[undefined]`: once, without parameters; empty: not at all. Throws PolicyConfigurationError. */
export function collectParams(
  server: Server,
  row: KindRow | undefined,
  reference: ParamRef | undefined,
  requestNamespace: string,
): readonly (KubernetesObject | undefined)[] {
  if (row === undefined || reference === undefined) return [undefined];
  const { name = '', selector, parameterNotFoundAction } = reference;
  const given = reference.namespace ?? '';
  if (given !== '' && !row.namespaced)
    throw new PolicyConfigurationError('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  const namespace = row.namespaced ? (given === '' ? requestNamespace : given) : undefined;
  if (namespace === '')
    throw new PolicyConfigurationError(
      'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources',
    );
  const found = name === '' ? selected(server, row, namespace, selector) : named(server, row, namespace, name);
  if (found.length === 0 && parameterNotFoundAction === 'Deny')
    throw new PolicyConfigurationError('no params found for policy binding with `Deny` parameterNotFoundAction');
  const apiVersion = row.group === '' ? row.version : `${row.group}/${row.version}`;
  return found.map((stored) => ({ ...objectOf(row, stored), apiVersion, kind: row.kind }));
}

function named(server: Server, row: KindRow, namespace: string | undefined, name: string): readonly StoredObject[] {
  const stored = server.options.store.get(storageKey(row, namespace, name));
  return stored === undefined ? [] : [stored];
}

function selected(
  server: Server,
  row: KindRow,
  namespace: string | undefined,
  selector: ParamRef['selector'],
): readonly StoredObject[] {
  const matcher = labelSelectorMatcher(selector);
  return server.options.store
    .list(storagePrefix(row, namespace))
    .items.filter((stored) => matcher.matches(stored.object().metadata.labels));
}
