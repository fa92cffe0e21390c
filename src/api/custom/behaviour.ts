// The rules of a version of a custom resource: who writes what of it, when its generation grows, what is valid.
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '../generated/types.ts';
import { invalid, type FieldError } from '../field-error.ts';
import type { KindBehaviour, KubernetesObject, Mutable } from '../kind.ts';
import { qualifiedName } from '../meta/names.ts';
import { equalJson, isJsonObject } from '../patch/json-values.ts';
import { validateEmbedded } from './embedded.ts';
import { parseJsonPath } from './json-path.ts';
import { validateLists } from './list-types.ts';
import { loadRegularExpressions } from './regular-expressions.ts';
import { hasRules } from './rules/has-rules.ts';
import { loadRules, rulesModule, type Rules } from './rules/rules.ts';
import { partsOfPath, propertyOf, type Schema } from './schema.ts';
import { validateValue } from './validate-value.ts';

type Fields = Record<string, unknown>;

export const selectableName = (path: string): string => path.replace(/^\./, '');

const blocking: ReadonlySet<FieldError['reason']> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const int32Max = 2147483647;

export function behaviourOf(
  definition: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  schema: Schema,
): KindBehaviour {
  const { kind } = definition.status?.acceptedNames ?? definition.spec.names;
  const scale = version.subresources?.scale;
  const selectable = (version.selectableFields ?? []).map((one) => ({
    name: selectableName(one.jsonPath),
    path: parseJsonPath(one.jsonPath),
  }));

  const isRuled = hasRules(schema);
  let compiled: Rules | undefined;
  /** After all others: rules are about objects that are what the schema says. */
  const withRules = (errors: FieldError[], object: KubernetesObject, previous?: KubernetesObject): FieldError[] => {
    if (!isRuled) return errors;
    // A name that is missing is told by the checks of metadata, and counts here.
    if ((object.metadata.name ?? '') === '' || errors.some((one) => blocking.has(one.reason)))
      return [
        ...errors,
        invalid(
          '<nil>',
          null,
          'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
        ),
      ];
    compiled ??= rulesModule().rulesOf(schema);
    return [...errors, ...compiled.validate(object, previous === undefined ? undefined : { value: previous })];
  };
  const kindErrors = (object: KubernetesObject): FieldError[] =>
    object.kind === kind ? [] : [invalid('kind', object.kind, `must be ${kind}`)];
  const scaleSpec = (object: KubernetesObject) =>
    scale === undefined ? [] : countErrors(object, scale.specReplicasPath);
  const scaleStatus = (object: KubernetesObject): FieldError[] =>
    scale === undefined
      ? []
      : [
          ...countErrors(object, scale.statusReplicasPath),
          ...(scale.labelSelectorPath === undefined ? [] : textErrors(object, scale.labelSelectorPath)),
        ];

  return {
    anyFinalizer: true,
    async load() {
      await loadRegularExpressions();
      if (isRuled) await loadRules();
    },
    prepareForUpdate(object, previous, { subresource }) {
      if (subresource === 'status') keepAllButStatus(object, previous);
      else if (!equalJson(withoutMetadata(object), withoutMetadata(previous)))
        object.metadata.generation = (previous.metadata.generation ?? 0) + 1;
    },
    validate: (object) => {
      const wrongKind = kindErrors(object);
      if (wrongKind.length > 0) return wrongKind;
      return withRules(
        [
          ...validateValue(schema, object),
          ...scaleSpec(object),
          ...scaleStatus(object),
          ...validateEmbedded(schema, object),
          ...validateLists(schema, object),
        ],
        object,
      );
    },
    validateUpdate(object, previous, subresource) {
      const wrongKind = kindErrors(object);
      if (wrongKind.length > 0) return wrongKind;
      const lists = validateLists(schema, object);
      const listErrors = lists.length > 0 && validateLists(schema, previous).length > 0 ? [] : lists;
      if (subresource !== 'status')
        return withRules(
          [
            ...validateValue(schema, object, { value: previous }),
            ...scaleSpec(object),
            ...scaleStatus(object),
            ...validateEmbedded(schema, object),
            ...listErrors,
          ],
          object,
          previous,
        );
      const { status } = withoutMetadata(object);
      const { status: oldStatus } = withoutMetadata(previous);
      const statusSchema = propertyOf(schema, 'status');
      return withRules(
        [
          ...(status === undefined || statusSchema === undefined
            ? []
            : validateValue(
                statusSchema,
                status,
                oldStatus === undefined ? undefined : { value: oldStatus },
                'status',
              )),
          ...scaleStatus(object),
          ...listErrors,
        ],
        object,
        previous,
      );
    },
    warnings(object, previous) {
      const added = (object.metadata.finalizers ?? []).filter(
        (one) => previous?.metadata.finalizers?.includes(one) !== true,
      );
      return [...new Set(added)].toSorted().flatMap(finalizerWarnings);
    },
    ...(selectable.length === 0
      ? {}
      : {
          selectableFields: (object) =>
            Object.fromEntries(selectable.map(({ name, path }) => [name, textOf(path?.(object)[0])])),
        }),
  };
}

const textOf = (value: unknown): string =>
  value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);

function withoutMetadata(object: KubernetesObject): Fields {
  const { metadata: _, ...rest } = object as KubernetesObject & Fields;
  return rest;
}

/** Of a status update nothing else counts, also not of the metadata. */
function keepAllButStatus(object: Mutable<KubernetesObject>, previous: KubernetesObject): void {
  const { managedFields, resourceVersion } = object.metadata;
  const { managedFields: _, ...kept } = previous.metadata;
  object.metadata = { ...kept, resourceVersion } as Mutable<KubernetesObject>['metadata'];
  if (managedFields !== undefined) object.metadata.managedFields = managedFields;
}

function nested(object: object, path: string): { readonly value: unknown } | { readonly error: string } | undefined {
  let at: unknown = object;
  const parts = partsOfPath(path);
  for (const [index, part] of parts.entries()) {
    if (!isJsonObject(at))
      return {
        error: `${path} accessor error: ${goText(at)} is of the type ${goType(at)}, expected map[string]interface{}`,
      };
    if (!Object.hasOwn(at, part)) return undefined;
    at = at[part];
    if (index < parts.length - 1 && (at === null || at === undefined)) return undefined;
  }
  return { value: at };
}

const goType = (value: unknown): string => {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'number':
      return Number.isInteger(value) ? 'int64' : 'float64';
    default:
      return 'map[string]interface {}';
  }
};
const goText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null));

function countErrors(object: object, path: string): FieldError[] {
  const found = nested(object, path);
  if (found === undefined) return [];
  if ('error' in found) return [invalid(path, 0, found.error)];
  const { value } = found;
  if (typeof value !== 'number' || !Number.isInteger(value))
    return [
      invalid(path, 0, `${path} accessor error: ${goText(value)} is of the type ${goType(value)}, expected int64`),
    ];
  if (value < 0) return [invalid(path, value, 'should be a non-negative integer')];
  return value > int32Max ? [invalid(path, value, `should be less than or equal to ${int32Max}`)] : [];
}

function textErrors(object: object, path: string): FieldError[] {
  const found = nested(object, path);
  if (found === undefined) return [];
  if ('error' in found) return [invalid(path, '', found.error)];
  return typeof found.value === 'string'
    ? []
    : [
        invalid(
          path,
          '',
          `${path} accessor error: ${goText(found.value)} is of the type ${goType(found.value)}, expected string`,
        ),
      ];
}

const standardFinalizers = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

function finalizerWarnings(name: string): string[] {
  const quoted = `metadata.finalizers: ${JSON.stringify(name)}: `;
  const wrong = qualifiedName(name).map((text) => quoted + text);
  if (name.includes('/') || standardFinalizers.has(name)) return wrong;
  const path = name.includes('.') ? ' including a path (/)' : '';
  return [
    ...wrong,
    `${quoted}prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`,
  ];
}
