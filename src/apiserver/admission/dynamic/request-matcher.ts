// Which requests a webhook or a policy is about: its rules, also by another version of the same resource (matchPolicy
// Equivalent), its selectors of namespaces and objects. Compiled once a configuration; CEL conditions come after it.
import { Namespaces } from '#api/generated/kind-references.ts';
import type { LabelSelector } from '#api/generated/types.ts';
import type { KindRow, KubernetesObject } from '#api/kind.ts';
import { storageKey } from '#api/kinds.ts';
import { labelSelectorMatcher, type LabelMatcher, type Labels } from '#api/meta/label-selector.ts';
import { ApiError, internalError, notFoundError } from '#api/status.ts';
import type { AdmissionAttributes, GroupVersionKind, Server } from '../../context.ts';
import { compileRule, type CompiledRule, type ResourceRule, type RuledRequest } from './resource-rules.ts';

export interface MatchCriteria {
  /** Absent or empty: of webhooks nothing, of policies (`matchesWithoutRules`) everything. */
  readonly rules: readonly ResourceRule[];
  readonly excludeRules?: readonly ResourceRule[] | undefined;
  readonly matchesWithoutRules?: boolean | undefined;
  readonly matchPolicy?: string | undefined;
  readonly namespaceSelector?: LabelSelector | undefined;
  readonly objectSelector?: LabelSelector | undefined;
}

/** How the request is told to who asked for it: the version and resource that its rule names. */
export interface Matched {
  readonly row: KindRow;
  readonly subresource: string;
  /** Of the object in that version. */
  readonly kind: GroupVersionKind;
}

export interface RequestMatcher {
  /** Undefined: it is not about this request. Throws an ApiError when that cannot be told. */
  match(attributes: AdmissionAttributes, server: Server): Matched | undefined;
}

const noSelection: LabelMatcher = labelSelectorMatcher({});

export function compileMatcher(criteria: MatchCriteria): RequestMatcher {
  const rules = criteria.rules.map(compileRule);
  const excluded = (criteria.excludeRules ?? []).map(compileRule);
  const isEquivalent = criteria.matchPolicy === undefined || criteria.matchPolicy === 'Equivalent';
  const matchesAll = criteria.matchesWithoutRules === true && rules.length === 0;
  const namespaces = compileSelector(criteria.namespaceSelector);
  const objects = compileSelector(criteria.objectSelector);
  return {
    match(attributes, server) {
      // Who is not meant must not fail for what only those who are meant need to know.
      const byNamespace = namespaceMatches(namespaces, attributes, server);
      if (byNamespace === false || !objectMatches(objects, attributes)) return undefined;
      if (excluded.length > 0 && byRules(excluded, isEquivalent, attributes, server) !== undefined) return undefined;
      const matched = matchesAll
        ? matchedAs(attributes, attributes.requested)
        : byRules(rules, isEquivalent, attributes, server);
      if (matched === undefined) return undefined;
      if (byNamespace instanceof ApiError) throw byNamespace;
      return matched;
    },
  };
}

/** A selector that cannot be read (validation refuses it) is an error of every request that it might be about. */
function compileSelector(selector: LabelSelector | undefined): LabelMatcher | ApiError {
  try {
    return selector === undefined ? noSelection : labelSelectorMatcher(selector);
  } catch (error) {
    return internalError((error as Error).message);
  }
}

export const isNamespaceObject = ({ requested }: Pick<AdmissionAttributes, 'requested'>): boolean =>
  requested.group === '' && requested.resource === 'namespaces';

/** As upstream's attributes have it: a Namespace is in itself. */
export const namespaceOf = (attributes: AdmissionAttributes): string =>
  isNamespaceObject(attributes) ? attributes.name : attributes.namespace;

/** Of the Namespace that the request is in. Undefined: it is in none. Throws an ApiError (404). */
export function namespaceObject(attributes: AdmissionAttributes, server: Server): KubernetesObject | undefined {
  const name = namespaceOf(attributes);
  if (name === '') return undefined;
  const stored = server.options.store.get(storageKey(Namespaces, undefined, name));
  if (stored === undefined) throw notFoundError({ group: '', resource: 'namespaces' }, name);
  return stored.object();
}

function namespaceMatches(
  selector: LabelMatcher | ApiError,
  attributes: AdmissionAttributes,
  server: Server,
): boolean | ApiError {
  if (namespaceOf(attributes) === '' && attributes.requested.resource !== 'namespaces') return true;
  if (selector instanceof ApiError) return selector;
  if (selector.empty) return true;
  const isWritten = attributes.operation === 'CREATE' || attributes.operation === 'UPDATE';
  if (attributes.requested.resource === 'namespaces' && attributes.subresource === '' && isWritten)
    return selector.matches(attributes.object?.metadata.labels);
  try {
    return selector.matches(namespaceObject(attributes, server)?.metadata.labels);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

const labelsOf = (object: KubernetesObject | undefined): Labels | undefined =>
  (object?.metadata as KubernetesObject['metadata'] | undefined)?.labels;

function objectMatches(selector: LabelMatcher | ApiError, { object, old }: AdmissionAttributes): boolean {
  if (selector instanceof ApiError) throw selector;
  if (selector.empty) return true;
  const has = (one: KubernetesObject | undefined): boolean =>
    // Options of a connection have no metadata.
    one?.metadata !== undefined && selector.matches(labelsOf(one));
  return has(object) || has(old);
}

function byRules(
  rules: readonly CompiledRule[],
  isEquivalent: boolean,
  attributes: AdmissionAttributes,
  server: Server,
): Matched | undefined {
  const { requested } = attributes;
  const asked = ruledRequest(attributes, requested);
  if (rules.some((rule) => rule(asked))) return matchedAs(attributes, requested);
  if (!isEquivalent) return undefined;
  const others = equivalentRows(server, requested).filter((one) => one !== requested);
  for (const rule of rules) {
    const found = others.find((other) => rule(ruledRequest(attributes, other)));
    if (found !== undefined) return matchedAs(attributes, found);
  }
  return undefined;
}

const ruledRequest = (attributes: AdmissionAttributes, row: KindRow): RuledRequest => ({
  operation: attributes.operation,
  group: row.group,
  version: row.version,
  resource: row.resource,
  subresource: attributes.subresource,
  name: attributes.name,
  isNamespaced: row.namespaced,
});

export const matchedAs = (attributes: AdmissionAttributes, row: KindRow): Matched => ({
  row,
  subresource: attributes.subresource,
  kind: attributes.subresourceKind ?? { group: row.group, version: row.version, kind: row.kind },
});

const equivalents = new WeakMap<readonly KindRow[], Map<string, readonly KindRow[]>>();

/** All served versions and groups of what the row stores, the row itself too. */
export function equivalentRows(server: Server, row: KindRow): readonly KindRow[] {
  const { rows } = server.kinds;
  let known = equivalents.get(rows);
  if (known === undefined) equivalents.set(rows, (known = new Map()));
  const key = identityOf(row);
  let found = known.get(key);
  if (found === undefined) known.set(key, (found = rows.filter((one) => identityOf(one) === key)));
  return found;
}

/** Versions of a custom resource are each stored as themselves here. */
const identityOf = (row: KindRow): string =>
  row.custom !== undefined || row.storage === undefined
    ? `${row.group}/${row.resource}`
    : `${row.storage.group}/${row.storage.kind}`;
