// A kind as the differential test sees it: its row, its paths, and valid objects of it from objects/*.yaml. Objects that exist at
// the same time are told apart by a slot, a short word that becomes part of the name.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KindRow } from '#api/kind.ts';
import { apiVersionOf, kindTable } from '#api/kinds.ts';
import { typeFacts } from '#api/schema/type-table.ts';
import type { Json } from '#kit/start-api-server.ts';
import { customKinds } from './custom-kinds.ts';
import type { FieldType } from './mutations.ts';

export interface KindUnderTest {
  /** Such as `apps.v1.deployments`; names the file of its facts. */
  readonly id: string;
  readonly row: KindRow;
  /** What mutations change. */
  readonly fields: readonly FieldType[];
  /** Of custom resources: made before anything else. */
  readonly definition?: Json;
  /** '' for kinds of the cluster. */
  readonly namespace: string;
  readonly collection: string;
  /** Selects the objects of this test where others are in the same list. */
  readonly selector: string;
  nameOf(slot: string): string;
  pathOf(slot: string): string;
  small(slot: string): Json;
  rich(slot: string): Json;
}

/** Reviews are questions: nobody may name or label them. */
const withoutMetadata = (object: Json, namespace: string): Json => {
  object.metadata = namespace === '' ? {} : { namespace };
  return object;
};

type Templates = ReadonlyMap<string, readonly string[]>;

function readTemplates(): Templates {
  const folder = path.join(import.meta.dirname, 'objects');
  const templates = new Map<string, string[]>();
  for (const file of readdirSync(folder).toSorted())
    for (const document of parseAllDocuments(readFileSync(path.join(folder, file), 'utf8'))) {
      const object = document.toJS() as Json;
      const key = `${object.apiVersion} ${object.kind}`;
      templates.set(key, [...(templates.get(key) ?? []), JSON.stringify(object)]);
    }
  return templates;
}

/** A number from a slot, for kinds whose names are numbers. */
const indexOf = (slot: string): number => {
  let sum = 0;
  for (const char of slot) sum = (sum * 31 + char.charCodeAt(0)) % 199;
  return sum + 40;
};

/** Names that a kind's own content must agree with. */
const placements: Readonly<Record<string, (object: Json, slot: string) => void>> = {
  IPAddress(object, slot) {
    object.metadata.name = object.metadata.name.includes(':')
      ? `2001:db8::${indexOf(slot)}`
      : `192.0.2.${indexOf(slot)}`;
  },
  CustomResourceDefinition(object, slot) {
    object.spec.group = `${slot}.differential.example.com`;
    object.metadata.name = `${object.spec.names.plural}.${object.spec.group}`;
  },
  APIService(object, slot) {
    object.spec.group = `${slot}.services.differential.example.com`;
    object.metadata.name = `${object.spec.version}.${object.spec.group}`;
  },
  StorageVersion(object, slot) {
    object.metadata.name = `diff-${slot}.example.com.things`;
  },
  Namespace(object, slot) {
    object.metadata.name = `diff-slot-${slot}`;
  },
};

/** Of this version; else of the stable one, where they are alike. */
const textsOf = (templates: Templates, row: KindRow): readonly string[] | undefined =>
  templates.get(`${apiVersionOf(row)} ${row.kind}`) ??
  templates
    .get(`${row.group}/v1 ${row.kind}`)
    ?.map((text) => text.replace(`"apiVersion":"${row.group}/v1"`, `"apiVersion":"${apiVersionOf(row)}"`));

/** `unfinished`: instead of the versions that are served by default, those that are not. */
export function kindsUnderTest(unfinished = false): KindUnderTest[] {
  const templates = readTemplates();
  const seen = new Set<string>();
  const builtIn = kindTable.rows
    .filter((row) => row.servedByDefault !== unfinished && textsOf(templates, row) !== undefined)
    .map((row) => ({ row, fields: typeFacts(row.typeName).fields, definition: undefined as Json }));
  return [...builtIn, ...(unfinished ? [] : customKinds())].map(({ row, fields, definition }) => {
    const texts = textsOf(templates, row)!;
    const own = seen.has(row.resource) ? `-${row.group.split('.')[0]}${row.version}` : '';
    seen.add(row.resource);
    const namespace = row.namespaced ? `diff-${row.resource}${own}` : '';
    const label = `${row.resource}${own}`;
    const prefix = row.group === '' ? `/api/${row.version}` : `/apis/${row.group}/${row.version}`;
    const collection = `${prefix}${row.namespaced ? `/namespaces/${namespace}` : ''}/${row.resource}`;
    const make = (text: string, slot: string): Json => {
      const object = JSON.parse(text.replaceAll('"NAMESPACE"', JSON.stringify(namespace))) as Json;
      if (row.storage === undefined && row.resource !== 'bindings') return withoutMetadata(object, namespace);
      object.metadata = { name: `diff-${slot}${unfinished ? `-${row.version}` : ''}`, ...object.metadata };
      if (row.namespaced) object.metadata.namespace = namespace;
      object.metadata.labels = { differential: label, ...object.metadata.labels };
      placements[row.kind]?.(object, slot);
      return object;
    };
    const nameOf = (slot: string): string => make(texts[0]!, slot).metadata.name as string;
    return {
      id: `${row.group === '' ? 'core' : row.group}.${row.version}.${row.resource}`,
      row,
      fields,
      definition,
      namespace,
      collection,
      selector: `differential=${label}`,
      nameOf,
      pathOf: (slot: string) => `${collection}/${nameOf(slot)}`,
      small: (slot: string) => make(texts[0]!, slot),
      rich: (slot: string) => make(texts.at(-1)!, slot),
    };
  });
}
