// The rules of a custom resource definition. Texts and paths of upstream's apis/apiextensions/validation; where those speak of
// the internal version's fields (webhookClientConfig), so do these.
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
} from '../generated/types.ts';
import { invalid, notSupported, required, type FieldError } from '../field-error.ts';
import { dns1035Label, dns1123Subdomain } from '../meta/names.ts';
import { equalJson } from '../patch/json-values.ts';
import { apiApproval, approvalAnnotation } from './api-approval.ts';
import { conversionErrors } from './conversion-rules.ts';
import { isKnownFormat } from './formats.ts';
import { loadRegularExpressions } from './regular-expressions.ts';
import { hasRules } from './rules/has-rules.ts';
import { loadRules } from './rules/rules.ts';
import { someSchema } from './schema.ts';
import { hasStructuralSchema } from './schema-rules.ts';
import { alikeErrors, alikeParts, schemaOf, versionErrors, versionsAsPrinted } from './version-rules.ts';

/** What the rules need of libraries. */
export async function loadFor({ spec }: CustomResourceDefinition): Promise<void> {
  await loadRegularExpressions();
  if (spec.versions?.some((version) => hasRules(schemaOf(version) ?? {})) === true) await loadRules();
}

interface Rules {
  readonly requireStructural: boolean;
  readonly requireSchema: boolean;
  readonly oldVersions: readonly CustomResourceDefinitionVersion[];
}

const isEstablished = ({ status }: CustomResourceDefinition): boolean =>
  status?.conditions?.some((one) => one.type === 'Established' && one.status === 'True') ?? false;

export function validateDefinition(object: CustomResourceDefinition): FieldError[] {
  const { spec, metadata } = object;
  const name = `${spec.names?.plural ?? ''}.${spec.group ?? ''}`;
  return [
    ...(['generateName', 'name'] as const).flatMap((field) =>
      (metadata[field] ?? '') === '' || metadata[field] === name
        ? []
        : [invalid(`metadata.${field}`, metadata[field], 'must be spec.names.plural+"."+spec.group')],
    ),
    ...specErrors(spec, { requireStructural: true, requireSchema: true, oldVersions: [] }),
    ...statusErrors(object),
    ...storedVersionErrors(object),
    ...approvalErrors(object, undefined),
    ...preserveErrors(object, undefined),
  ];
}

export function validateDefinitionUpdate(
  object: CustomResourceDefinition,
  previous: CustomResourceDefinition,
  subresource: string,
): FieldError[] {
  if (subresource === 'status') return statusErrors(object);
  const { spec } = object;
  const { spec: old } = previous;
  const oldSchemas = old.versions.map(schemaOf);
  const immutable = (path: string, value: unknown, before: unknown): FieldError[] =>
    equalJson(value, before) ? [] : [invalid(path, value, 'field is immutable')];
  return [
    ...specErrors(spec, {
      requireStructural: oldSchemas.every(hasStructuralSchema),
      requireSchema: oldSchemas.every((one) => one !== undefined),
      oldVersions: old.versions,
    }),
    ...(isEstablished(previous)
      ? [
          ...immutable('spec.scope', spec.scope, old.scope),
          ...immutable('spec.names.kind', spec.names.kind, old.names.kind),
        ]
      : []),
    ...immutable('spec.group', spec.group, old.group),
    ...immutable('spec.names.plural', spec.names.plural, old.names.plural),
    ...statusErrors(object),
    ...storedVersionErrors(object),
    ...approvalErrors(object, previous),
    ...preserveErrors(object, previous),
  ];
}

const statusErrors = ({ status }: CustomResourceDefinition): FieldError[] =>
  status?.acceptedNames === undefined ? [] : nameErrors(status.acceptedNames, 'status.acceptedNames');

function specErrors(spec: CustomResourceDefinitionSpec, rules: Rules): FieldError[] {
  const errors: FieldError[] = [];
  const { group = '', scope = '', names } = spec as Partial<typeof spec>;
  if (group === '') errors.push(required('spec.group'));
  else {
    const texts = dns1123Subdomain(group);
    if (texts.length > 0) errors.push(invalid('spec.group', group, texts.join(',')));
    else if (!group.includes('.'))
      errors.push(invalid('spec.group', group, 'should be a domain with at least one dot'));
  }
  if (scope === '') errors.push(required('spec.scope'));
  else if (scope !== 'Cluster' && scope !== 'Namespaced')
    errors.push(notSupported('spec.scope', scope, ['Cluster', 'Namespaced']));

  const versions = spec.versions ?? [];
  versions.forEach((version, index) => {
    if (schemaOf(version) !== undefined) return;
    const path = `spec.versions[${index}].schema.openAPIV3Schema`;
    if (rules.requireSchema) errors.push(required(path));
    else if (version.served && spec.preserveUnknownFields !== true)
      errors.push(required(path, 'because otherwise all fields are pruned'));
  });
  if (
    spec.preserveUnknownFields === true &&
    versions.some((version) => someSchema(schemaOf(version), (one) => one.default !== undefined))
  )
    errors.push(invalid('spec.preserveUnknownFields', true, 'must be false in order to use defaults in the schema'));
  const versionRules = {
    requireStructural: rules.requireStructural || spec.preserveUnknownFields !== true,
    oldVersions: rules.oldVersions,
  };
  const alike = alikeParts(versions);
  versions.forEach((version, index) => {
    const path = `spec.versions[${index}]`;
    const texts = dns1035Label(version.name ?? '');
    if (texts.length > 0) errors.push(invalid(`${path}.name`, version.name, texts.join(',')));
    errors.push(...versionErrors(version, path, alike, versionRules));
  });
  if (new Set(versions.map((one) => one.name)).size !== versions.length)
    errors.push(invalid('spec.versions', versionsAsPrinted(versions, alike), 'must contain unique version names'));
  if (versions.filter((one) => one.storage).length !== 1)
    errors.push(
      invalid(
        'spec.versions',
        versionsAsPrinted(versions, alike),
        'must have exactly one version marked as storage version',
      ),
    );
  const [first] = versions;
  const firstName = dns1035Label(first?.name ?? '');
  if ((first?.name ?? '') !== '' && firstName.length > 0)
    errors.push(invalid('spec.version', first!.name, firstName.join(',')));
  for (const part of ['plural', 'singular', 'kind', 'listKind'] as const)
    if ((names?.[part] ?? '') === '') errors.push(required(`spec.names.${part}`));
  if (names !== undefined) errors.push(...nameErrors(names, 'spec.names'));
  errors.push(...alikeErrors(versions, alike, versionRules));
  errors.push(...conversionErrors(spec));
  return errors;
}

function nameErrors(names: CustomResourceDefinitionNames, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const check = (name: string | undefined, at: string, mixedCase = false): void => {
    if (name === undefined || name === '') return;
    const texts = dns1035Label(mixedCase ? name.toLowerCase() : name);
    if (texts.length > 0)
      errors.push(
        invalid(at, name, `${mixedCase ? 'may have mixed case, but should otherwise match: ' : ''}${texts.join(',')}`),
      );
  };
  check(names.plural, `${path}.plural`);
  check(names.singular, `${path}.singular`);
  check(names.kind, `${path}.kind`, true);
  check(names.listKind, `${path}.listKind`, true);
  names.shortNames?.forEach((name, index) => check(name, `${path}.shortNames[${index}]`));
  if ((names.kind ?? '') !== '' && names.kind === names.listKind)
    errors.push(invalid(`${path}.listKind`, names.listKind, 'kind and listKind may not be the same'));
  names.categories?.forEach((name, index) => check(name, `${path}.categories[${index}]`));
  return errors;
}

function storedVersionErrors({ spec, status }: CustomResourceDefinition): FieldError[] {
  const stored = status?.storedVersions ?? [];
  const path = 'status.storedVersions';
  if (stored.length === 0) return [invalid(path, null, 'must have at least one stored version')];
  const names = new Set((spec.versions ?? []).map((one) => one.name));
  return [
    ...(spec.versions ?? [])
      .filter((one) => one.storage && !stored.includes(one.name))
      .map((one) => invalid(path, stored, `must have the storage version ${one.name}`)),
    ...stored.flatMap((name, index) =>
      names.has(name)
        ? []
        : [
            invalid(
              `${path}[${index}]`,
              name,
              `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
            ),
          ],
    ),
  ];
}

function approvalErrors(
  object: CustomResourceDefinition,
  previous: CustomResourceDefinition | undefined,
): FieldError[] {
  const approval = apiApproval(object);
  if (approval === undefined || approval.reason === 'ApprovedAnnotation' || approval.reason === 'UnapprovedAnnotation')
    return [];
  if (previous !== undefined && apiApproval(previous)?.reason === approval.reason) return [];
  const path = `metadata.annotations[${approvalAnnotation}]`;
  return [
    approval.reason === 'MissingAnnotation'
      ? required(path, approval.message)
      : invalid(path, object.metadata.annotations?.[approvalAnnotation], approval.message),
  ];
}

const preserveErrors = (
  { spec }: CustomResourceDefinition,
  previous: CustomResourceDefinition | undefined,
): FieldError[] =>
  spec.preserveUnknownFields !== true || previous?.spec.preserveUnknownFields === true
    ? []
    : [
        invalid(
          'spec.preserveUnknownFields',
          true,
          'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
        ),
      ];

/** What is stored and cannot be kept, or is not looked at. */
export function definitionWarnings(
  object: CustomResourceDefinition,
  previous: CustomResourceDefinition | undefined,
): string[] {
  const formatsOf = (definition: CustomResourceDefinition | undefined): Set<string> => {
    const found = new Set<string>();
    for (const version of definition?.spec.versions ?? [])
      someSchema(schemaOf(version), ({ type, format }) => {
        if (format !== undefined && format !== '' && !isKnownFormat(type, format)) found.add(format);
        return false;
      });
    return found;
  };
  const known = formatsOf(previous);
  return [...formatsOf(object)]
    .filter((one) => !known.has(one))
    .map((one) => `unrecognized format ${JSON.stringify(one)}`);
}
