// Rules of what both kinds of policies and their bindings share: parameters and the policy's name.
import { forbidden, invalid, notSupported, required, type FieldError } from '../field-error.ts';
import type { ParamKind, ParamRef } from '../generated/types.ts';
import { validateLabelSelector } from '../meta/label-selector.ts';
import { dns1035Label, dns1123Subdomain, pathSegment } from '../meta/names.ts';
import { isAbsent, subdomainErrors, texts } from '../validation/fields.ts';

/** Undefined: no group version. */
export function parseGroupVersion(text: string): { readonly group: string; readonly version: string } | undefined {
  if (text === '/') return { group: '', version: '' };
  const parts = text.split('/');
  if (parts.length > 2) return undefined;
  return parts.length === 1 ? { group: '', version: parts[0]! } : { group: parts[0]!, version: parts[1]! };
}

export function validateParamKind(kind: ParamKind | undefined, path: string): FieldError[] {
  if (kind === undefined) return [];
  return [...validateApiVersion(kind.apiVersion, `${path}.apiVersion`), ...validateKindName(kind.kind, `${path}.kind`)];
}

function validateApiVersion(apiVersion: string | undefined, path: string): FieldError[] {
  if (isAbsent(apiVersion)) return [required(path)];
  const parsed = parseGroupVersion(apiVersion);
  if (parsed === undefined) return [invalid(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)];
  const { group, version } = parsed;
  const joined = (value: string, wrong: readonly string[]) =>
    wrong.length === 0 ? [] : [invalid(path, value, wrong.join(','))];
  return [
    ...(group === '' ? [] : joined(group, dns1123Subdomain(group))),
    ...(version === ''
      ? [invalid(path, apiVersion, 'version must be specified')]
      : joined(version, dns1035Label(version))),
  ];
}

function validateKindName(kind: string | undefined, path: string): FieldError[] {
  if (isAbsent(kind)) return [required(path)];
  const wrong = dns1035Label(kind.toLowerCase());
  return wrong.length === 0
    ? []
    : [invalid(path, kind, `may have mixed case, but should otherwise match: ${wrong.join(',')}`)];
}

export function validateParamRef(reference: ParamRef | undefined, path: string): FieldError[] {
  if (reference === undefined) return [];
  const { name = '', selector, parameterNotFoundAction: action } = reference;
  const hasBoth = name !== '' && selector !== undefined;
  const exclusive = (field: string) =>
    hasBoth ? [forbidden(`${path}.${field}`, 'name and selector are mutually exclusive')] : [];
  const actions = ['Deny', 'Allow'];
  return [
    ...(name === '' ? [] : texts(`${path}.name`, name, pathSegment(name))),
    ...exclusive('name'),
    ...validateLabelSelector(selector, `${path}.selector`),
    ...exclusive('selector'),
    ...(name === '' && selector === undefined ? [required(path, 'one of name or selector must be specified')] : []),
    ...(isAbsent(action)
      ? [required(`${path}.parameterNotFoundAction`)]
      : actions.includes(action)
        ? []
        : [notSupported(`${path}.parameterNotFoundAction`, action, actions)]),
  ];
}

export const validatePolicyName = (name: string | undefined, path: string): FieldError[] =>
  isAbsent(name) ? [required(path)] : subdomainErrors(path, name);

const reservedSuffix = '.static.k8s.io';
export const policyNameWarnings = (name: string | undefined): string[] =>
  name?.endsWith(reservedSuffix) === true
    ? [
        `metadata.name: names ending with "${reservedSuffix}" are reserved for static manifest-based configurations and cannot be managed via the API`,
      ]
    : [];
