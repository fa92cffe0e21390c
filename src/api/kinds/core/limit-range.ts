// LimitRange: limits and defaults of what a namespace's Pods and claims ask for.
import { ownValue } from '#base/own-value.ts';
import { duplicate, forbidden, invalid, required, type FieldError } from '../../field-error.ts';
import type { LimitRange } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { canonicalQuantity, compareQuantities } from '../../quantity.ts';
import { qualifiedErrors } from '../../validation/fields.ts';
import { amountErrors, resourceNameErrors } from '../../validation/resources.ts';

const show = (amount: string | number) => canonicalQuantity(String(amount));

function validate({ spec }: LimitRange): FieldError[] {
  const errors: FieldError[] = [];
  const types = new Set<string>();
  for (const [index, limit] of (spec?.limits ?? []).entries()) {
    const at = `spec.limits[${index}]`;
    errors.push(...qualifiedErrors(`${at}.type`, limit.type));
    if (types.has(limit.type)) errors.push(duplicate(`${at}.type`, limit.type));
    types.add(limit.type);
    const names = new Set<string>();
    for (const list of ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const)
      for (const [name, amount] of Object.entries(limit[list] ?? {})) {
        names.add(name);
        errors.push(
          ...resourceNameErrors(`${at}.${list}[${name}]`, name),
          ...amountErrors(`${at}.${list}[${name}]`, name, amount),
        );
      }
    if (limit.type === 'Pod')
      for (const list of ['default', 'defaultRequest'] as const)
        if (Object.keys(limit[list] ?? {}).length > 0)
          errors.push(forbidden(`${at}.${list}`, "may not be specified when `type` is 'Pod'"));
    if (
      limit.type === 'PersistentVolumeClaim' &&
      limit.min?.['storage'] === undefined &&
      limit.max?.['storage'] === undefined
    )
      errors.push(required(`${at}`, 'either minimum or maximum storage value is required, but neither was provided'));
    for (const name of names) {
      const [low, high, preset, request] = [
        ownValue(limit.min, name),
        ownValue(limit.max, name),
        ownValue(limit.default, name),
        ownValue(limit.defaultRequest, name),
      ];
      const above = (a: string | number | undefined, b: string | number | undefined) =>
        a !== undefined && b !== undefined && compareQuantities(String(a), String(b)) > 0;
      if (above(low, high))
        errors.push(
          invalid(`${at}.min[${name}]`, show(low!), `min value ${show(low!)} is greater than max value ${show(high!)}`),
        );
      for (const [list, text, value] of [
        ['defaultRequest', 'default request', request],
        ['default', 'default', preset],
      ] as const) {
        if (above(low, value))
          errors.push(
            invalid(
              `${at}.${list}[${name}]`,
              show(value!),
              `min value ${show(low!)} is greater than ${text} value ${show(value!)}`,
            ),
          );
        if (above(value, high))
          errors.push(
            invalid(
              `${at}.${list}[${name}]`,
              show(value!),
              `${text} value ${show(value!)} is greater than max value ${show(high!)}`,
            ),
          );
      }
      if (above(request, preset))
        errors.push(
          invalid(
            `${at}.defaultRequest[${name}]`,
            show(request!),
            `default request value ${show(request!)} is greater than default limit value ${show(preset!)}`,
          ),
        );
      const ratio = ownValue(limit.maxLimitRequestRatio, name);
      if (ratio !== undefined && compareQuantities(String(ratio), '1') < 0)
        errors.push(invalid(`${at}.maxLimitRequestRatio[${name}]`, show(ratio), `ratio ${show(ratio)} is less than 1`));
    }
  }
  return errors;
}

export const limitRange: KindBehaviour<LimitRange> = {
  metadataInUpdate: ['whole'],
  validate,
  validateUpdate: validate,
};
