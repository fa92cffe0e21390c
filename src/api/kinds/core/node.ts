// Node: taints, addresses, what stays once it is set.
import { duplicate, forbidden, invalid, type FieldError } from '../../field-error.ts';
import type { Node } from '../../generated/types.ts';
import type { KindBehaviour } from '../../kind.ts';
import { cidrErrors, isDualStack } from '../../validation/addresses.ts';
import { amountErrors } from '../../validation/resources.ts';
import { nodeWarnings } from '../../validation/small-warnings.ts';
import { taintErrors } from '../../validation/scheduling.ts';

/** Upstream's paths: taints are reported below metadata. */
function commonErrors({ spec, status }: Node): FieldError[] {
  const errors = taintErrors('metadata.taints', spec?.taints);
  for (const list of ['capacity', 'allocatable'] as const)
    for (const [name, amount] of Object.entries(status?.[list] ?? {}))
      errors.push(...amountErrors(`status.${list}.${name}`, name, amount));
  return errors;
}

function podCidrErrors(cidrs: readonly string[]): FieldError[] {
  const errors = cidrs.flatMap((one, index) => cidrErrors(`spec.podCIDRs[${index}]`, one));
  if (cidrs.length > 1 && !isDualStack(cidrs))
    errors.push(invalid('spec.podCIDRs', cidrs, 'may specify no more than one CIDR for each IP family'));
  return errors;
}

const validate = (object: Node): FieldError[] => [
  ...commonErrors(object),
  ...podCidrErrors(object.spec?.podCIDRs ?? []),
];

export const node: KindBehaviour<Node> = {
  warnings: nodeWarnings,
  prepareForUpdate(object, previous, { subresource }) {
    if (subresource === 'status') object.spec = previous.spec as typeof object.spec;
  },
  validate,
  validateUpdate(object, previous, subresource) {
    // Upstream looks at the whole node, and then at the update: what is wrong in taints has two causes.
    const errors = [...(subresource === 'status' ? [] : validate(object)), ...commonErrors(object)];
    const seen = new Set<string>();
    for (const [index, address] of (object.status?.addresses ?? []).entries()) {
      const key = `${address.type}/${address.address}`;
      if (seen.has(key)) errors.push(duplicate(`status.addresses[${index}]`, address));
      seen.add(key);
    }
    const before = previous.spec?.podCIDRs ?? [];
    const now = object.spec?.podCIDRs ?? [];
    if (before.length > 0 && (before.length !== now.length || before.some((one, index) => one !== now[index])))
      errors.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
    const provider = previous.spec?.providerID ?? '';
    if (provider !== '' && provider !== object.spec?.providerID)
      errors.push(forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'));
    if ((object.spec?.externalID ?? '') !== (previous.spec?.externalID ?? ''))
      errors.push(forbidden('spec.externalID', 'may not be updated'));
    return errors;
  },
  selectableFields: ({ spec }) => ({ 'spec.unschedulable': String(spec?.unschedulable ?? false) }),
};
