// Rules of admission policies, their expressions included. Loaded with the first policy: the expressions' language is large.
// Texts of upstream's pkg/apis/admissionregistration/validation.
import { duplicate, invalid, notSupported, required, tooMany, type FieldError } from '../field-error.ts';
import type {
  AuditAnnotation,
  MatchCondition,
  MutatingAdmissionPolicy,
  Mutation,
  ValidatingAdmissionPolicy,
  Validation,
  Variable,
} from '../generated/types.ts';
import { byteLength, qualifiedName } from '../meta/names.ts';
import { isAbsent, qualifiedErrors, requiredOneOf, semanticEqual } from '../validation/fields.ts';
import { validateParamKind } from './bindings.ts';
import { policyExpressions, type PolicyExpressions, type WantedResult } from './expressions.ts';
import { validateMatchResources, validateMutatingOperations } from './match-resources.ts';

type Policy = ValidatingAdmissionPolicy | MutatingAdmissionPolicy;

const matchConditionsMax = 64;
const auditAnnotationsMax = 20;
const valueExpressionBytesMax = 5 * 1024;
const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
/** Words that the expressions' grammar keeps for itself. */
const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

const isBlank = (text: string | undefined): boolean => (text ?? '').trim() === '';

/** `shown`: as the message shows the expression. */
function expressionErrors(
  expressions: PolicyExpressions,
  path: string,
  shown: string,
  wanted: WantedResult,
  expression = shown,
): FieldError[] {
  const { problem } = expressions.compile(expression, wanted);
  return problem === undefined ? [] : [invalid(path, shown, problem)];
}

/** Of webhooks as well. */
export function validateMatchConditions(
  conditions: readonly MatchCondition[] | undefined,
  expressions: PolicyExpressions,
  path: string,
): FieldError[] {
  const all = conditions ?? [];
  const seen = new Set<string>();
  return [
    ...(all.length > matchConditionsMax ? [tooMany(path, all.length, matchConditionsMax)] : []),
    ...all.flatMap(({ name, expression }, index) => {
      const at = `${path}[${index}]`;
      const errors = isBlank(expression)
        ? [required(`${at}.expression`)]
        : expressionErrors(expressions, `${at}.expression`, expression.trim(), 'condition');
      if (isAbsent(name)) return [...errors, required(`${at}.name`)];
      errors.push(...qualifiedErrors(`${at}.name`, name));
      if (seen.has(name)) errors.push(duplicate(`${at}.name`, name));
      seen.add(name);
      return errors;
    }),
  ];
}

function validateVariable({ name, expression }: Variable, expressions: PolicyExpressions, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (isBlank(name)) errors.push(required(`${path}.name`, 'name is not specified'));
  else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) || reserved.has(name))
    errors.push(invalid(`${path}.name`, name, 'must be a valid CEL identifier'));
  if (isBlank(expression)) return [...errors, required(`${path}.expression`, 'expression is not specified')];
  const { problem } = expressions.addVariable(name, expression);
  return problem === undefined ? errors : [...errors, invalid(`${path}.expression`, expression, problem)];
}

function validateValidation(one: Validation, expressions: PolicyExpressions, path: string): FieldError[] {
  const { expression, message = '', messageExpression = '', reason } = one;
  return [
    ...(isBlank(expression)
      ? [required(`${path}.expression`, 'expression is not specified')]
      : expressionErrors(expressions, `${path}.expression`, expression, 'condition')),
    ...(messageExpression === ''
      ? []
      : isBlank(messageExpression)
        ? [invalid(`${path}.messageExpression`, messageExpression, 'must be non-empty if specified')]
        : expressionErrors(expressions, `${path}.messageExpression`, messageExpression, 'message')),
    ...(message === ''
      ? []
      : isBlank(message)
        ? [invalid(`${path}.message`, message, 'must be non-empty if specified')]
        : /[\n\r]/.test(message.trim())
          ? [invalid(`${path}.message`, message, 'must not contain line breaks')]
          : []),
    ...(reason === undefined || reasons.includes(reason) ? [] : [notSupported(`${path}.reason`, reason, reasons)]),
  ];
}

function validateAuditAnnotation(
  { key, valueExpression }: AuditAnnotation,
  policyName: string,
  expressions: PolicyExpressions,
  path: string,
): FieldError[] {
  const whole = `${policyName}/${key}`;
  const errors =
    policyName === ''
      ? [invalid(`${path}.key`, key, 'requires metadata.name be non-empty')]
      : qualifiedName(whole).map((text) => invalid(`${path}.key`, whole, text));
  const at = `${path}.valueExpression`;
  const trimmed = (valueExpression ?? '').trim();
  if (trimmed === '') errors.push(required(at, 'valueExpression is not specified'));
  else if (byteLength(trimmed) > valueExpressionBytesMax)
    errors.push(required(at, `must not exceed ${valueExpressionBytesMax} bytes in length`));
  else errors.push(...expressionErrors(expressions, at, valueExpression, 'annotation', trimmed));
  return errors;
}

function validateAuditAnnotations(object: ValidatingAdmissionPolicy, expressions: PolicyExpressions): FieldError[] {
  const path = 'spec.auditAnnotations';
  const all = object.spec.auditAnnotations ?? [];
  // As upstream prints its own type.
  const shown = all.map((one) => ({ Key: one.key, ValueExpression: one.valueExpression }));
  return [
    ...(all.length > auditAnnotationsMax
      ? [invalid(path, shown, `must not have more than ${auditAnnotationsMax} auditAnnotations`)]
      : []),
    ...all.flatMap((one, index) => [
      ...validateAuditAnnotation(one, object.metadata.name ?? '', expressions, `${path}[${index}]`),
      ...(all.findIndex((other) => other.key === one.key) < index ? [duplicate(`${path}[${index}].key`, one.key)] : []),
    ]),
  ];
}

/** What both kinds have, in upstream's order; the rest of their expressions follows in `expressions`. */
function validateCommon(
  { spec }: Policy,
  previous: Policy | undefined,
  expressions: PolicyExpressions,
  furtherMatchErrors: (path: string) => FieldError[],
): FieldError[] {
  const path = 'spec.matchConstraints';
  const hasNewConditions =
    previous === undefined ||
    !semanticEqual(spec.paramKind, previous.spec.paramKind) ||
    !semanticEqual(spec.matchConditions, previous.spec.matchConditions);
  return [
    ...requiredOneOf('spec.failurePolicy', spec.failurePolicy, ['Fail', 'Ignore']),
    ...validateParamKind(spec.paramKind, 'spec.paramKind'),
    ...(spec.matchConstraints === undefined
      ? [required(path)]
      : [
          ...validateMatchResources(spec.matchConstraints, path),
          ...((spec.matchConstraints.resourceRules?.length ?? 0) === 0 ? [required(`${path}.resourceRules`)] : []),
          ...furtherMatchErrors(path),
        ]),
    ...(hasNewConditions
      ? validateMatchConditions(
          spec.matchConditions,
          // Conditions come before the variables: they have none.
          policyExpressions({ hasParams: spec.paramKind !== undefined, hasVariables: false }),
          'spec.matchConditions',
        )
      : []),
    ...(spec.variables ?? []).flatMap((one, index) => validateVariable(one, expressions, `spec.variables[${index}]`)),
  ];
}

export function validateValidatingPolicy(
  given: ValidatingAdmissionPolicy,
  previous?: ValidatingAdmissionPolicy,
): FieldError[] {
  const object = { ...given, spec: given.spec ?? {} };
  const { spec } = object;
  const expressions = policyExpressions({
    hasParams: spec.paramKind !== undefined,
    hasVariables: (spec.variables?.length ?? 0) > 0,
  });
  const errors = validateCommon(object, previous, expressions, () => []);
  if ((spec.validations?.length ?? 0) === 0 && (spec.auditAnnotations?.length ?? 0) === 0) {
    const text = 'validations or auditAnnotations must contain at least one item';
    return [...errors, required('spec.validations', text), required('spec.auditAnnotations', text)];
  }
  return [
    ...errors,
    ...(spec.validations ?? []).flatMap((one, index) =>
      validateValidation(one, expressions, `spec.validations[${index}]`),
    ),
    ...validateAuditAnnotations(object, expressions),
  ];
}

function validateMutation(one: Mutation, expressions: PolicyExpressions, path: string): FieldError[] {
  const { patchType, applyConfiguration, jsonPatch } = one;
  const expressionOf = (given: { expression?: string | undefined }, field: string, wanted: WantedResult) =>
    isBlank(given.expression)
      ? [required(`${path}.${field}.expression`)]
      : expressionErrors(expressions, `${path}.${field}.expression`, given.expression!.trim(), wanted);
  const missing = (field: string) => required(`${path}.${field}`, `must be specified when patchType is ${patchType}`);
  const superfluous = (field: string) =>
    invalid(`${path}.${field}`, `{${field}}`, `must not be specified when patchType is ${patchType}`);
  switch (patchType) {
    case undefined:
    case '':
      return [required(`${path}.patchType`)];
    case 'JSONPatch':
      return [
        ...(jsonPatch === undefined ? [missing('jsonPatch')] : expressionOf(jsonPatch, 'jsonPatch', 'json-patch')),
        ...(applyConfiguration === undefined ? [] : [superfluous('applyConfiguration')]),
      ];
    case 'ApplyConfiguration':
      return [
        ...(applyConfiguration === undefined
          ? [missing('applyConfiguration')]
          : expressionOf(applyConfiguration, 'applyConfiguration', 'apply-configuration')),
        ...(jsonPatch === undefined ? [] : [superfluous('jsonPatch')]),
      ];
    default:
      return [notSupported(`${path}.patchType`, patchType, ['ApplyConfiguration', 'JSONPatch'])];
  }
}

export function validateMutatingPolicy(
  given: MutatingAdmissionPolicy,
  previous?: MutatingAdmissionPolicy,
): FieldError[] {
  const object = { ...given, spec: given.spec ?? {} };
  const { spec } = object;
  const expressions = policyExpressions({ hasParams: spec.paramKind !== undefined, hasVariables: true });
  return [
    ...validateCommon(object, previous, expressions, (path) => validateMutatingOperations(spec.matchConstraints, path)),
    ...((spec.mutations?.length ?? 0) === 0
      ? [required('spec.mutations', 'mutations must contain at least one item')]
      : spec.mutations!.flatMap((one, index) => validateMutation(one, expressions, `spec.mutations[${index}]`))),
    ...requiredOneOf('spec.reinvocationPolicy', spec.reinvocationPolicy, ['IfNeeded', 'Never']),
  ];
}
