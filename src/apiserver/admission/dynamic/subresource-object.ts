// Objects of subresources with types of their own (Scale, Binding, options of connections), made from what a webhook or a
// policy gave.
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import { decodeType } from '#api/schema/decode.ts';
import { applyDefaults } from '#api/schema/defaults.ts';
import { typeFacts, typeNames } from '#api/schema/type-table.ts';
import type { GroupVersionKind } from '../../context.ts';

/** Undefined: options of connections, which are in no table. */
export const typeNameOf = (kind: GroupVersionKind): string | undefined =>
  typeNames().find((one) =>
    typeFacts(one).groupVersionKinds.some(
      ([group, version, own]) => group === kind.group && version === kind.version && own === kind.kind,
    ),
  );

/** Throws an ApiError. */
export function decodedSubresource(
  kind: GroupVersionKind,
  document: unknown,
  fieldValidation: 'Ignore' | 'Strict' = 'Ignore',
): Mutable<KubernetesObject> {
  const name = typeNameOf(kind);
  // A few texts and flags.
  if (name === undefined) return document as Mutable<KubernetesObject>;
  const { object } = decodeType(name, document, { fieldValidation });
  applyDefaults(name, object);
  return object as unknown as Mutable<KubernetesObject>;
}
