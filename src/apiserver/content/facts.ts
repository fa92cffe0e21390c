// What a selector lets one say about the bytes of every object that it selects: members with their text. So most objects that it
// does not select are told by their bytes, without decoding them. Never the other way round: who has them may still not match.
import type { KindRow } from '#api/kind.ts';
import type { FieldTerm } from '#api/meta/field-selector.ts';
import type { Requirement } from '#api/meta/label-selector.ts';
import type { StoredObject } from '#storage/store.ts';
import { conversionOf } from './conversion.ts';

export interface Fact {
  /** As in the bytes: the member's name, and the quote that its text begins with. */
  readonly opening: string;
  /** Undefined: whatever it is. */
  readonly value: string | undefined;
}

const openingOf = (member: string): string => `${JSON.stringify(member)}:"`;

/**
 * Fields whose value stands in the stored object as a text under the last word of the path. Fields that are made of others, or have a
 * value where the object says none, are not among them.
 */
const textFields: Readonly<Record<string, readonly string[]>> = {
  pods: ['spec.nodeName', 'spec.schedulerName', 'spec.serviceAccountName', 'spec.restartPolicy', 'status.phase'],
  events: [
    'involvedObject.uid',
    'involvedObject.name',
    'involvedObject.namespace',
    'involvedObject.kind',
    'involvedObject.fieldPath',
    'reason',
    'type',
  ],
  secrets: ['type'],
  namespaces: ['status.phase'],
  services: ['spec.clusterIP', 'spec.type'],
  'certificatesigningrequests.certificates.k8s.io': ['spec.signerName'],
};
const fieldsOfRow = ({ group, resource, custom }: KindRow): readonly string[] =>
  (custom === undefined ? textFields[group === '' ? resource : `${resource}.${group}`] : undefined) ?? [];

const factOfField = ({ field, value }: FieldTerm): Fact => ({
  opening: openingOf(field.slice(field.lastIndexOf('.') + 1)),
  value,
});
const factOfLabel = ({ key, values }: Requirement): Fact => ({
  opening: openingOf(key),
  value: values.length === 1 ? values[0] : undefined,
});

/** The most telling first: fields, then labels. */
export function factsOf(row: KindRow, fields: readonly FieldTerm[], labels: readonly Requirement[]): readonly Fact[] {
  // What is shown may differ from the stored bytes.
  if (row.custom === undefined ? conversionOf(row) !== undefined : row.custom.conversion !== undefined) return [];
  const texts = fieldsOfRow(row);
  return [
    ...fields.filter((term) => term.equal && term.value !== '' && texts.includes(term.field)).map(factOfField),
    ...labels
      .filter(({ operator }) => operator === '=' || operator === '==' || operator === 'in' || operator === 'exists')
      .map(factOfLabel),
  ];
}

/** Whether bytes hold all of the facts. */
export function factsTest(facts: readonly Fact[]): (stored: StoredObject) => boolean {
  const needles = facts.map(({ opening, value }) =>
    // The opening has the quote of the text.
    Buffer.from(value === undefined ? opening : opening.slice(0, -1) + JSON.stringify(value)),
  );
  return ({ bytes }) => {
    // Stored bytes are Buffers as a rule; a view costs less than a search byte by byte.
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return needles.every((needle) => buffer.includes(needle));
  };
}
