// Wire numbers of types and type names of kinds, as decoding and encoding look them up.
import numbersTable from '../generated/protobuf-numbers.json' with { type: 'json' };
import type { StructType, ValueType } from '../schema/type-table.ts';

/** What stands before every object: `k8s` and a zero byte. */
export const envelopeMagic: readonly number[] = [0x6b, 0x38, 0x73, 0x00];

/** By field of the type; 0: not on the wire; a list: through inlined messages. */
export function fieldNumbers(struct: StructType): readonly (number | readonly number[])[] {
  const texts: Readonly<Record<string, string>> = numbersTable.numbers;
  return JSON.parse(texts[struct.name] ?? '[]') as readonly (number | readonly number[])[];
}

const metaTypes = 'io.k8s.apimachinery.pkg.apis.meta.v1';
/** Of any group version: options and watch events come and go under the version of the resource. */
const everywhere = new Map([
  ['DeleteOptions', `${metaTypes}.DeleteOptions`],
  ['Status', `${metaTypes}.Status`],
]);
/** Kinds of groups that serve no resource, and so are in no table of kinds. */
const apart = new Map([
  ['meta.k8s.io/v1/PartialObjectMetadata', `${metaTypes}.PartialObjectMetadata`],
  ['meta.k8s.io/v1beta1/PartialObjectMetadata', `${metaTypes}.PartialObjectMetadata`],
  ['meta.k8s.io/v1/PartialObjectMetadataList', `${metaTypes}.PartialObjectMetadataList`],
  [
    'meta.k8s.io/v1beta1/PartialObjectMetadataList',
    'io.k8s.apimachinery.pkg.apis.meta.v1beta1.PartialObjectMetadataList',
  ],
  ['apidiscovery.k8s.io/v2/APIGroupDiscoveryList', 'io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList'],
  ['apidiscovery.k8s.io/v2beta1/APIGroupDiscoveryList', 'io.k8s.api.apidiscovery.v2beta1.APIGroupDiscoveryList'],
]);

/** Undefined: it has no protobuf form here. */
export function protobufTypeName(apiVersion: string, kind: string): string | undefined {
  const kinds: Readonly<Record<string, string>> = numbersTable.kinds;
  const key = `${apiVersion}/${kind}`;
  return everywhere.get(kind) ?? (Object.hasOwn(kinds, key) ? kinds[key] : apart.get(key));
}

const sliceNames = new Set(['ValidationRules']);
/** Named slices of structs repeat; `Verbs`, `ExtraValue`, `OptionalNames` are messages with `items`. */
export const isListMessage = (goExpression: string): boolean =>
  goExpression !== '' && !goExpression.startsWith('[]') && !sliceNames.has(goExpression);

/** How a value of this type stands on the wire. */
export function wireTypeOf(type: ValueType): number {
  if (type.kind !== 'scalar') return 2;
  switch (type.scalar) {
    case 'int32':
    case 'int64':
    case 'uint32':
    case 'boolean':
      return 0;
    case 'number':
      return 1;
    default:
      return 2;
  }
}
