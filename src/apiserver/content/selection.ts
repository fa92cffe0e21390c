// The selectors of a list or watch, parsed once, as one question about a stored object.
import type { KindRow, KubernetesObject } from '#api/kind.ts';
import { kindTable } from '#api/kinds.ts';
import { parseFieldSelector } from '#api/meta/field-selector.ts';
import { parseLabelSelector } from '#api/meta/label-selector.ts';
import type { StoredObject } from '#storage/store.ts';
import { factsOf, factsTest, type Fact } from './facts.ts';
import { objectOf } from './present.ts';

export interface Selection {
  /** Selects everything: nothing needs to be decoded. */
  readonly empty: boolean;
  matches(stored: StoredObject): boolean;
  /** What the bytes of all that match hold. */
  readonly facts: readonly Fact[];
  /** False: it does not match, and was not decoded to tell. Says so of objects that nobody holds decoded: of others it costs less to look. */
  mayMatch(stored: StoredObject): boolean;
  /** The only name that can match. */
  readonly name: string | undefined;
}

const fieldsOf = (row: KindRow, object: KubernetesObject): Readonly<Record<string, string>> => ({
  'metadata.name': object.metadata.name ?? '',
  'metadata.namespace': object.metadata.namespace ?? '',
  ...kindTable.behaviour(row).selectableFields?.(object),
});

const everything: Selection = {
  empty: true,
  facts: [],
  mayMatch: () => true,
  matches: () => true,
  name: undefined,
};

/** `name` restricts to one object: a watch of a named path. Throws an ApiError (400) for what cannot be understood. */
export function selectionOf(row: KindRow, labelSelector: string, fieldSelector: string, name = ''): Selection {
  const labels = parseLabelSelector(labelSelector);
  const fields = parseFieldSelector(fieldSelector, row.fieldSelectors);
  const onlyName = name === '' ? fields.exactValue('metadata.name') : name;
  if (labels.empty && fields.empty && name === '') return everything;
  const facts = factsOf(row, fields.terms, labels.requirements);
  const holdsFacts = factsTest(facts);
  return {
    empty: false,
    facts,
    mayMatch: (stored) => stored.isDecoded || holdsFacts(stored),
    name: onlyName,
    matches(stored) {
      if (onlyName !== undefined && !stored.key.endsWith(`/${onlyName}`)) return false; // before anything is decoded
      const object = objectOf(row, stored);
      return labels.matches(object.metadata.labels) && (fields.empty || fields.matches(fieldsOf(row, object)));
    },
  };
}

export const visibleOnly = (
  selection: Selection,
  visible: ((stored: StoredObject) => boolean) | undefined,
): Selection =>
  visible === undefined
    ? selection
    : { ...selection, empty: false, matches: (stored) => visible(stored) && selection.matches(stored) };
