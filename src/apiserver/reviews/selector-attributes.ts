// Field and label selectors of access reviews: as raw texts for the authorizers, with what had to be left out. Leaving a
// requirement out asks about more objects, never about fewer.
import { forbidden, invalid, required, type FieldError } from '#api/field-error.ts';
import { escapeFieldValue, fieldTerms } from '#api/meta/field-selector.ts';
import { parseLabelSelector } from '#api/meta/label-selector.ts';
import { labelValue, qualifiedName } from '#api/meta/names.ts';

interface AskedRequirement {
  readonly key?: string | undefined;
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
}
export interface AskedSelector {
  readonly rawSelector?: string | undefined;
  readonly requirements?: readonly AskedRequirement[] | undefined;
}
export interface SelectorText {
  readonly text?: string | undefined;
  /** Undefined: all of it is in the text. */
  readonly problem?: string | undefined;
}

export function checkRequirements(requirements: readonly AskedRequirement[], path: string): FieldError[] {
  const isLabel = path.includes('labelSelector');
  return requirements.flatMap(({ key = '', operator, values = [] }, index) => {
    const at = `${path}[${index}]`;
    const errors: FieldError[] = [];
    if (!isLabel && key === '') errors.push(required(`${at}.key`, 'must be specified'));
    if ((operator === 'In' || operator === 'NotIn') && values.length === 0)
      errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0)
      errors.push(forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    if (!isLabel) return errors;
    errors.push(...qualifiedName(key).map((text) => invalid(`${at}.key`, key, text)));
    for (const [valueIndex, value] of values.entries())
      errors.push(...labelValue(value).map((text) => invalid(`${at}.values[${valueIndex}]`, value, text)));
    return errors;
  });
}

const ignored = 'ignored due to parse error';
const partly = `partially ${ignored}`;

function joined(terms: readonly (string | undefined)[]): SelectorText {
  const known = terms.filter((one) => one !== undefined);
  if (known.length === terms.length) return { text: known.join(',') };
  return known.length === 0 ? { problem: ignored } : { text: known.join(','), problem: partly };
}

/** Throws nothing: what cannot be parsed is told. */
function raw(text: string, parse: (text: string) => unknown): SelectorText {
  try {
    parse(text);
    return { text };
  } catch {
    return { problem: ignored };
  }
}

export function fieldText(selector: AskedSelector | undefined | null): SelectorText {
  if (selector === undefined || selector === null) return {};
  const requirements = selector.requirements ?? [];
  if (requirements.length === 0) return raw(selector.rawSelector ?? '', fieldTerms);
  return joined(
    requirements.map(({ key = '', operator, values = [] }) => {
      const sign = operator === 'In' ? '=' : operator === 'NotIn' ? '!=' : undefined;
      return sign === undefined || values.length !== 1 ? undefined : `${key}${sign}${escapeFieldValue(values[0]!)}`;
    }),
  );
}

export function labelText(selector: AskedSelector | undefined | null): SelectorText {
  if (selector === undefined || selector === null) return {};
  const requirements = selector.requirements ?? [];
  if (requirements.length === 0) return raw(selector.rawSelector ?? '', parseLabelSelector);
  return joined(requirements.map(labelTerm));
}

function labelTerm({ key = '', operator, values = [] }: AskedRequirement): string | undefined {
  switch (operator) {
    case 'In':
      return `${key} in (${values.join(',')})`;
    case 'NotIn':
      return `${key} notin (${values.join(',')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    default:
      return undefined;
  }
}
