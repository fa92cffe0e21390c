// The rules of the parts that a version of a definition has. Upstream looks at what all versions say alike as if the
// definition said it once, and its errors have such paths: `spec.validation`, `spec.subresources`.
import type { CustomResourceDefinitionVersion } from '../generated/types.ts';
import { duplicate, invalid, required, tooMany, type FieldError } from '../field-error.ts';
import { equalJson } from '../patch/json-values.ts';
import { hasRules } from './rules/has-rules.ts';
import { rulesModule } from './rules/rules.ts';
import { propertyOf, type Schema } from './schema.ts';
import { hasStructuralSchema, schemaErrors } from './schema-rules.ts';

type Version = CustomResourceDefinitionVersion;
type Part = 'schema' | 'subresources' | 'additionalPrinterColumns' | 'selectableFields';

export interface VersionRules {
  readonly requireStructural: boolean;
  readonly oldVersions: readonly Version[];
}

export const schemaOf = (version: Version): Schema | undefined => version.schema?.openAPIV3Schema;

/** What all versions say alike. */
export function alikeParts(versions: readonly Version[]): ReadonlySet<Part> {
  const parts: readonly Part[] = ['schema', 'subresources', 'additionalPrinterColumns', 'selectableFields'];
  return new Set(
    parts.filter((part) => versions.every((one) => equalJson(one[part] ?? null, versions[0]![part] ?? null))),
  );
}

/** As upstream's errors print them. */
export const versionsAsPrinted = (versions: readonly Version[], alike: ReadonlySet<Part>): unknown =>
  versions.map((one) => ({
    Name: one.name,
    Served: one.served,
    Storage: one.storage,
    Deprecated: one.deprecated ?? false,
    DeprecationWarning: one.deprecationWarning ?? null,
    Schema: alike.has('schema') ? null : (one.schema ?? null),
    Subresources: alike.has('subresources') ? null : (one.subresources ?? null),
    AdditionalPrinterColumns: alike.has('additionalPrinterColumns') ? null : (one.additionalPrinterColumns ?? null),
    SelectableFields: alike.has('selectableFields') ? null : (one.selectableFields ?? null),
  }));

export function versionErrors(
  version: Version,
  path: string,
  alike: ReadonlySet<Part>,
  rules: VersionRules,
): FieldError[] {
  const own = (part: Part, errors: () => FieldError[]): FieldError[] => (alike.has(part) ? [] : errors());
  return [
    ...deprecationErrors(version, path),
    ...own('schema', () =>
      schemaPartErrors(version, `${path}.schema`, version.subresources?.status !== undefined, rules),
    ),
    ...own('subresources', () => scaleErrors(version, `${path}.subresources`)),
    ...own('additionalPrinterColumns', () => columnErrors(version, path)),
    ...own('selectableFields', () =>
      selectableErrors(version, schemaOf(version), `${path}.selectableFields`, rules.oldVersions),
    ),
  ];
}

/** Of the parts that are alike. */
export function alikeErrors(versions: readonly Version[], alike: ReadonlySet<Part>, rules: VersionRules): FieldError[] {
  const [version] = versions;
  if (version === undefined) return [];
  const hasStatus = versions.some((one) => one.subresources?.status !== undefined);
  return [
    ...(alike.has('schema') ? schemaPartErrors(version, 'spec.validation', hasStatus, rules) : []),
    ...(alike.has('subresources') ? scaleErrors(version, 'spec.subresources') : []),
    ...(alike.has('additionalPrinterColumns') ? columnErrors(version, 'spec') : []),
    ...(alike.has('selectableFields')
      ? selectableErrors(
          version,
          alike.has('schema') ? schemaOf(version) : undefined,
          'spec.selectableFields',
          rules.oldVersions,
        )
      : []),
  ];
}

function schemaPartErrors(
  version: Version,
  path: string,
  hasStatus: boolean,
  { requireStructural, oldVersions }: VersionRules,
): FieldError[] {
  const schema = schemaOf(version);
  if (schema === undefined) return [];
  const schemaPath = `${path}.openAPIV3Schema`;
  const wrong = schemaErrors(schema, schemaPath, { hasStatus, requireStructural });
  const looksAtRules =
    hasRules(schema) &&
    requireStructural &&
    hasStructuralSchema(schema) &&
    !wrong.some((one) => one.field.endsWith('.default'));
  if (!looksAtRules) return wrong;
  const ruleErrors = rulesModule().definitionRuleErrors(schema, schemaPath, {
    isUnchanged: oldVersions.some((one) => one.name === version.name && equalJson(schemaOf(one), schema)),
    isWrong: (at) => wrong.some((one) => one.field.startsWith(at)),
  });
  return [...wrong, ...ruleErrors];
}

function deprecationErrors(version: Version, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { deprecationWarning: warning } = version;
  if (warning !== undefined) {
    const at = `${path}.deprecationWarning`;
    if (version.deprecated !== true) errors.push(invalid(at, warning, 'can only be set for deprecated versions'));
    else {
      if (Buffer.byteLength(warning) > 256) errors.push(invalid(at, warning, 'must be <= 256 characters long'));
      if (warning === '') errors.push(invalid(at, warning, 'must not be an empty string'));
      const bad = /[^\P{C}]|[\u2028\u2029]/u.exec(warning);
      if (bad !== null)
        errors.push(
          invalid(
            at,
            warning,
            `must only contain printable UTF-8 characters; non-printable character found at index ${Buffer.byteLength(warning.slice(0, bad.index))}`,
          ),
        );
    }
  }
  return errors;
}

function columnErrors(version: Version, path: string): FieldError[] {
  const errors: FieldError[] = [];
  version.additionalPrinterColumns?.forEach((column, index) => {
    const at = `${path}.additionalPrinterColumns[${index}]`;
    const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
    const formats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
    const { name = '', type = '', format = '', jsonPath = '' } = column as Partial<typeof column>;
    if (name === '') errors.push(required(`${at}.name`));
    const text = `must be one of ${columnTypes.join(',')}`;
    if (type === '') errors.push(required(`${at}.type`, text));
    else if (!columnTypes.includes(type)) errors.push(invalid(`${at}.type`, type, text));
    if (format !== '' && !formats.includes(format))
      errors.push(invalid(`${at}.format`, format, `must be one of ${formats.join(',')}`));
    if (jsonPath === '') errors.push(required(`${at}.JSONPath`));
    else errors.push(...simplePathErrors(jsonPath, `${at}.JSONPath`));
  });
  return errors;
}

const simplePathErrors = (text: string, path: string): FieldError[] =>
  text.startsWith('.') ? [] : [invalid(path, text, 'must be a simple json path starting with .')];

function scaleErrors({ subresources }: Version, path: string): FieldError[] {
  const scale = subresources?.scale;
  if (scale === undefined) return [];
  const errors: FieldError[] = [];
  const check = (name: string, value: string, prefixes: readonly string[], where: string): void => {
    const at = `${path}.scale.${name}`;
    if (value === '') {
      errors.push(required(at));
      return;
    }
    const wrong = simplePathErrors(value, at);
    if (wrong.length > 0) errors.push(...wrong);
    else if (!prefixes.some((prefix) => value.startsWith(prefix)))
      errors.push(invalid(at, value, `should be a json path under ${where}`));
  };
  check('specReplicasPath', scale.specReplicasPath ?? '', ['.spec.'], '.spec');
  check('statusReplicasPath', scale.statusReplicasPath ?? '', ['.status.'], '.status');
  if ((scale.labelSelectorPath ?? '') !== '')
    check('labelSelectorPath', scale.labelSelectorPath!, ['.spec.', '.status.'], 'either .spec or .status');
  return errors;
}

const selectableFieldsMax = 8;

function selectableErrors(
  version: Version,
  schema: Schema | undefined,
  path: string,
  oldVersions: readonly Version[],
): FieldError[] {
  const fields = version.selectableFields ?? [];
  if (fields.length === 0) return [];
  if (schema === undefined) {
    const text = path.startsWith('spec.versions')
      ? 'may only be set when `version.schema.openAPIV3Schema` is not included'
      : 'may only be set when validations.schema is included';
    return [invalid(path, '', text)];
  }
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  fields.forEach((one, index) => {
    const { jsonPath = '' } = one as Partial<typeof one>;
    const at = `${path}[${index}].jsonPath`;
    if (jsonPath === '') {
      errors.push(required(at));
      return;
    }
    const parts = jsonPath.startsWith('.') ? jsonPath.slice(1).split('.') : undefined;
    if (parts === undefined) {
      errors.push(invalid(at, jsonPath, 'is an invalid path: expected [ or . but got: ' + jsonPath.slice(0, 1)));
      return;
    }
    let found: Schema | undefined = schema;
    for (const part of parts) found = propertyOf(found, part);
    if (found === undefined) {
      errors.push(invalid(at, jsonPath, `is an invalid path: does not refer to a valid field`));
      return;
    }
    if (parts[0] === 'metadata') errors.push(invalid(at, jsonPath, 'must not point to fields in metadata'));
    if (!['string', 'boolean', 'integer'].includes(found?.type ?? ''))
      errors.push(
        invalid(
          at,
          jsonPath,
          'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
        ),
      );
    if (seen.has(jsonPath)) errors.push(duplicate(at, jsonPath));
    seen.add(jsonPath);
  });
  const isOld = oldVersions.some(
    (one) => one.name === version.name && equalJson(one.selectableFields, version.selectableFields),
  );
  if (seen.size > selectableFieldsMax && !isOld) errors.push(tooMany(path, seen.size, selectableFieldsMax));
  return errors;
}
