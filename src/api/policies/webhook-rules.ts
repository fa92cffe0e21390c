// Rules of webhook configurations. Loaded with the first one: conditions are expressions, whose language is large. Texts of
// upstream's pkg/apis/admissionregistration/validation and apiserver/pkg/util/webhook.
import { duplicate, invalid, notSupported, required, type FieldError } from '../field-error.ts';
import type { MutatingWebhook } from '../generated/types.ts';
import { equalJson } from '../patch/json-values.ts';
import { validateLabelSelector } from '../meta/label-selector.ts';
import { dns1035Label, dns1123Subdomain } from '../meta/names.ts';
import { validateClientConfig } from '../validation/webhook-client.ts';
import { policyExpressions } from './expressions.ts';
import { validateRuleWithOperations } from './match-resources.ts';
import { validateMatchConditions } from './policy-rules.ts';

/** Both kinds have webhooks of this shape; validating ones are never called again. */
export interface WithWebhooks {
  readonly webhooks?: readonly MutatingWebhook[] | undefined;
}

const reviewVersions = ['v1', 'v1beta1'];
const quietSideEffects = ['None', 'NoneOnDryRun'];
const anySideEffects = ['None', 'NoneOnDryRun', 'Some', 'Unknown'];
const timeoutSecondsMax = 30;

interface Strictness {
  readonly allowedSideEffects: readonly string[];
  readonly needsKnownReviewVersion: boolean;
  readonly needsUniqueNames: boolean;
  readonly checksConditions: boolean;
}

const hasKnownVersion = ({ admissionReviewVersions = [] }: Partial<MutatingWebhook>): boolean =>
  admissionReviewVersions.some((one) => reviewVersions.includes(one));

/** What was stored before a rule was there may stay as it is. */
function strictnessOf(object: WithWebhooks, previous: WithWebhooks | undefined): Strictness {
  if (previous === undefined)
    return {
      allowedSideEffects: quietSideEffects,
      needsKnownReviewVersion: true,
      needsUniqueNames: true,
      checksConditions: true,
    };
  const old = previous.webhooks ?? [];
  const now = object.webhooks ?? [];
  const names = old.map((one) => one.name);
  return {
    allowedSideEffects: old.every((one) => quietSideEffects.includes(one.sideEffects))
      ? quietSideEffects
      : anySideEffects,
    needsKnownReviewVersion: old.every(hasKnownVersion),
    needsUniqueNames: new Set(names).size === names.length,
    checksConditions:
      now.length !== old.length ||
      now.some((one, index) => !equalJson(one.matchConditions ?? [], old[index]!.matchConditions ?? [])),
  };
}

export function validateWebhooks(object: WithWebhooks, previous?: WithWebhooks): FieldError[] {
  const strictness = strictnessOf(object, previous);
  const seen = new Set<string>();
  return (object.webhooks ?? []).flatMap((webhook, index) => {
    const path = `webhooks[${index}]`;
    const errors = [
      ...validateWebhook(webhook, strictness, path),
      ...validateReviewVersions(webhook.admissionReviewVersions, strictness, `${path}.admissionReviewVersions`),
    ];
    if (strictness.needsUniqueNames && seen.has(webhook.name)) errors.push(duplicate(`${path}.name`, webhook.name));
    if ((webhook.name ?? '') !== '') seen.add(webhook.name);
    return errors;
  });
}

function validateQualifiedName(name: string | undefined, path: string): FieldError[] {
  if (name === undefined || name === '') return [required(path)];
  const wrong = dns1123Subdomain(name);
  if (wrong.length > 0) return [invalid(path, name, wrong.join(','))];
  return name.split('.').length < 3
    ? [invalid(path, name, 'should be a domain with at least three segments separated by dots')]
    : [];
}

const oneOf = (path: string, value: string | undefined, known: readonly string[]): FieldError[] =>
  value === undefined || known.includes(value) ? [] : [notSupported(path, value, known)];

function validateWebhook(webhook: MutatingWebhook, strictness: Strictness, path: string): FieldError[] {
  const { sideEffects, timeoutSeconds } = webhook as Partial<MutatingWebhook>;
  const { allowedSideEffects, checksConditions } = strictness;
  return [
    ...validateQualifiedName(webhook.name, `${path}.name`),
    ...(webhook.rules ?? []).flatMap((rule, index) => validateRuleWithOperations(rule, `${path}.rules[${index}]`)),
    ...oneOf(`${path}.failurePolicy`, webhook.failurePolicy, ['Fail', 'Ignore']),
    ...oneOf(`${path}.matchPolicy`, webhook.matchPolicy, ['Equivalent', 'Exact']),
    ...(sideEffects === undefined
      ? [required(`${path}.sideEffects`, `must specify one of ${allowedSideEffects.join(', ')}`)]
      : oneOf(`${path}.sideEffects`, sideEffects, allowedSideEffects)),
    ...(timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > timeoutSecondsMax)
      ? [
          invalid(
            `${path}.timeoutSeconds`,
            timeoutSeconds,
            `the timeout value must be between 1 and ${timeoutSecondsMax} seconds`,
          ),
        ]
      : []),
    ...validateLabelSelector(webhook.namespaceSelector, `${path}.namespaceSelector`),
    ...validateLabelSelector(webhook.objectSelector, `${path}.objectSelector`),
    ...oneOf(`${path}.reinvocationPolicy`, webhook.reinvocationPolicy, ['IfNeeded', 'Never']),
    ...validateClientConfig(webhook.clientConfig, `${path}.clientConfig`),
    ...(checksConditions
      ? validateMatchConditions(
          webhook.matchConditions,
          policyExpressions({ hasParams: false, hasVariables: false }),
          `${path}.matchConditions`,
        )
      : []),
  ];
}

function validateReviewVersions(
  versions: readonly string[] | undefined,
  { needsKnownReviewVersion }: Strictness,
  path: string,
): FieldError[] {
  if (versions === undefined || versions.length === 0)
    return [required(path, `must specify one of ${reviewVersions.join(', ')}`)];
  return [
    ...versions.flatMap((version, index) =>
      versions.indexOf(version) < index
        ? [invalid(`${path}[${index}]`, version, 'duplicate version')]
        : dns1035Label(version).map((text) => invalid(`${path}[${index}]`, version, text)),
    ),
    ...(needsKnownReviewVersion && !versions.some((one) => reviewVersions.includes(one))
      ? [invalid(path, versions, `must include at least one of ${reviewVersions.join(', ')}`)]
      : []),
  ];
}
