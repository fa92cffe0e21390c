// Where a Pod may run: node selectors, affinity, tolerations, spreading.
import { duplicate, forbidden, invalid, notSupported, required, type FieldError } from '../field-error.ts';
import type {
  Affinity,
  LabelSelector,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  Taint,
  Toleration,
  TopologySpreadConstraint,
} from '../generated/types.ts';
import { validateLabelSelector } from '../meta/label-selector.ts';
import { labelValue, nameIsDnsLabel, nameIsDnsSubdomain } from '../meta/names.ts';
import { isAbsent, oneOf, optionalOneOf, positive, qualifiedErrors, texts } from './fields.ts';

const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function tolerationErrors(path: string, tolerations: readonly Toleration[] | undefined): FieldError[] {
  return (tolerations ?? []).flatMap((one, index) => {
    const at = `${path}[${index}]`;
    const { key = '', operator = '', value = '', effect = '' } = one;
    const errors = key === '' ? [] : qualifiedErrors(`${at}.key`, key);
    if (key === '' && operator !== 'Exists')
      errors.push(
        invalid(
          `${at}.operator`,
          operator,
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    if (one.tolerationSeconds !== undefined && effect !== 'NoExecute')
      errors.push(invalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    if (operator === 'Equal' || operator === '') {
      const wrong = labelValue(value);
      if (wrong.length > 0) errors.push(invalid(`${at}.operator`, value, wrong.join(';')));
    } else if (operator === 'Exists') {
      if (value !== '')
        errors.push(invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    } else
      errors.push(
        notSupported(
          `${at}.operator`,
          operator,
          operator === 'Lt' || operator === 'Gt' ? ['Equal', 'Exists', 'Lt', 'Gt'] : ['Equal', 'Exists'],
        ),
      );
    return effect === '' ? errors : [...errors, ...oneOf(`${at}.effect`, effect, taintEffects)];
  });
}

export function taintErrors(path: string, taints: readonly Taint[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (taints ?? []).flatMap((taint, index) => {
    const at = `${path}[${index}]`;
    const { key, value = '', effect } = taint;
    const errors = qualifiedErrors(`${at}.key`, key ?? '');
    const wrong = labelValue(value);
    if (wrong.length > 0) errors.push(invalid(`${at}.value`, value, wrong.join(';')));
    errors.push(...(isAbsent(effect) ? [required(`${at}.effect`)] : oneOf(`${at}.effect`, effect, taintEffects)));
    if (seen.has(`${effect}/${key}`)) {
      const twice = duplicate(at, taint);
      errors.push({ ...twice, message: `${twice.message}: taints must be unique by key and effect pair` });
    }
    seen.add(`${effect}/${key}`);
    return errors;
  });
}

function requirementErrors(path: string, one: NodeSelectorRequirement, checkValues: boolean): FieldError[] {
  const { operator, values = [] } = one;
  const errors: FieldError[] = [];
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0)
        errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0)
        errors.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1)
        errors.push(required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      break;
    default:
      errors.push(invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator'));
  }
  errors.push(...qualifiedErrors(`${path}.key`, one.key ?? ''));
  if (checkValues)
    for (const [index, value] of values.entries())
      errors.push(...texts(`${path}.values[${index}]`, value, labelValue(value)));
  return errors;
}

function fieldRequirementErrors(path: string, one: NodeSelectorRequirement): FieldError[] {
  const { operator, values = [] } = one;
  const errors: FieldError[] = [];
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length !== 1)
      errors.push(
        required(`${path}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"),
      );
  } else errors.push(invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator'));
  if (one.key !== 'metadata.name')
    return [...errors, invalid(`${path}.key`, one.key ?? '', 'not a valid field selector key')];
  return [
    ...errors,
    ...values.flatMap((value, index) => texts(`${path}.values[${index}]`, value, nameIsDnsSubdomain(value, false))),
  ];
}

const termErrors = (path: string, term: NodeSelectorTerm, checkValues: boolean): FieldError[] => [
  ...(term.matchExpressions ?? []).flatMap((one, index) =>
    requirementErrors(`${path}.matchExpressions[${index}]`, one, checkValues),
  ),
  ...(term.matchFields ?? []).flatMap((one, index) => fieldRequirementErrors(`${path}.matchFields[${index}]`, one)),
];

export function nodeSelectorErrors(path: string, selector: NodeSelector): FieldError[] {
  const at = `${path}.nodeSelectorTerms`;
  if ((selector.nodeSelectorTerms?.length ?? 0) === 0)
    return [required(at, 'must have at least one node selector term')];
  return selector.nodeSelectorTerms.flatMap((term, index) => termErrors(`${at}[${index}]`, term, true));
}

const weightErrors = (path: string, weight: number): FieldError[] =>
  weight <= 0 || weight > 100 ? [invalid(`${path}.weight`, weight, 'must be in the range 1-100')] : [];

function labelKeyErrors(
  path: string,
  matching: readonly string[] | undefined,
  mismatching: readonly string[] | undefined,
  selector: LabelSelector | undefined,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [field, keys] of [
    ['matchLabelKeys', matching],
    ['mismatchLabelKeys', mismatching],
  ] as const) {
    if (keys === undefined || keys.length === 0) continue;
    if (selector === undefined)
      errors.push(forbidden(`${path}.${field}`, 'must not be specified when labelSelector is not set'));
    else keys.forEach((key, index) => errors.push(...qualifiedErrors(`${path}.${field}[${index}]`, key)));
  }
  const selected = new Set(Object.keys(selector?.matchLabels ?? {}));
  const firstOf = new Map((matching ?? []).map((key, index): [string, number] => [key, index]).toReversed());
  for (const { key } of selector?.matchExpressions ?? []) {
    const index = firstOf.get(key);
    if (index !== undefined && selected.has(key))
      errors.push(invalid(`${path}[${index}]`, key, 'exists in both matchLabelKeys and labelSelector'));
    selected.add(key);
  }
  const refused = new Set(mismatching);
  for (const [index, key] of (matching ?? []).entries())
    if (refused.has(key))
      errors.push(
        invalid(`${path}.matchLabelKeys[${index}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'),
      );
  return errors;
}

function podTermErrors(path: string, term: PodAffinityTerm): FieldError[] {
  return [
    ...validateLabelSelector(term.labelSelector, `${path}.labelSelector`),
    ...validateLabelSelector(term.namespaceSelector, `${path}.namespaceSelector`),
    ...(term.namespaces ?? []).flatMap((name) => texts(`${path}.namespace`, name, nameIsDnsLabel(name, false))),
    ...labelKeyErrors(path, term.matchLabelKeys, term.mismatchLabelKeys, term.labelSelector),
    ...(isAbsent(term.topologyKey) ? [required(`${path}.topologyKey`, 'can not be empty')] : []),
    ...qualifiedErrors(`${path}.topologyKey`, term.topologyKey ?? ''),
  ];
}

const requiredTerms = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferredTerms = 'preferredDuringSchedulingIgnoredDuringExecution';

const podAffinityErrors = (path: string, affinity: PodAffinity): FieldError[] => [
  ...(affinity[requiredTerms] ?? []).flatMap((term, index) =>
    podTermErrors(`${path}.${requiredTerms}[${index}]`, term),
  ),
  ...(affinity[preferredTerms] ?? []).flatMap((term, index) => {
    const at = `${path}.${preferredTerms}[${index}]`;
    return [...weightErrors(at, term.weight), ...podTermErrors(`${at}.podAffinityTerm`, term.podAffinityTerm)];
  }),
];

export function affinityErrors(path: string, affinity: Affinity | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const node = affinity?.nodeAffinity;
  if (node !== undefined) {
    const at = `${path}.nodeAffinity`;
    const hard = node[requiredTerms];
    if (hard !== undefined) errors.push(...nodeSelectorErrors(`${at}.${requiredTerms}`, hard));
    for (const [index, term] of (node[preferredTerms] ?? []).entries()) {
      const of = `${at}.${preferredTerms}[${index}]`;
      errors.push(...weightErrors(of, term.weight), ...termErrors(`${of}.preference`, term.preference, false));
    }
  }
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const one = affinity?.[kind];
    if (one !== undefined) errors.push(...podAffinityErrors(`${path}.${kind}`, one));
  }
  return errors;
}

export function spreadErrors(path: string, constraints: readonly TopologySpreadConstraint[] | undefined): FieldError[] {
  const keyOf = (one: TopologySpreadConstraint) => JSON.stringify([one.topologyKey, one.whenUnsatisfiable]);
  const last = new Map((constraints ?? []).map((one, index) => [keyOf(one), index]));
  return (constraints ?? []).flatMap((one, index) => {
    const at = `${path}[${index}]`;
    const { topologyKey, whenUnsatisfiable } = one;
    const repeated = last.get(keyOf(one)) !== index;
    const errors = [
      ...positive(`${at}.maxSkew`, one.maxSkew ?? 0),
      ...(isAbsent(topologyKey) ? [required(`${at}.topologyKey`, 'can not be empty')] : []),
      ...oneOf(`${at}.whenUnsatisfiable`, whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']),
    ];
    if (repeated)
      errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${whenUnsatisfiable}}`));
    if (one.minDomains !== undefined) {
      errors.push(...positive(`${at}.minDomains`, one.minDomains));
      if (whenUnsatisfiable !== 'DoNotSchedule')
        errors.push(
          invalid(
            `${at}.minDomains`,
            one.minDomains,
            `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`,
          ),
        );
    }
    return [
      ...errors,
      ...optionalOneOf(`${at}.nodeAffinityPolicy`, one.nodeAffinityPolicy, ['Honor', 'Ignore']),
      ...optionalOneOf(`${at}.nodeTaintsPolicy`, one.nodeTaintsPolicy, ['Honor', 'Ignore']),
      ...labelKeyErrors(at, one.matchLabelKeys, undefined, one.labelSelector),
      ...validateLabelSelector(one.labelSelector, `${at}.labelSelector`),
    ];
  });
}
