// Resources of a Pod as a whole: enough for what its containers ask for.
import { forbidden, invalid, type FieldError } from '../field-error.ts';
import type { PodSpec } from '../generated/types.ts';
import { addQuantities, canonicalQuantity, compareQuantities, formatQuantity, type Quantity } from '../quantity.ts';
import { isHugePages, resourceRequirementErrors } from './resources.ts';

/** What containers need at most at one time: init containers run one after another, sidecars beside all that follow. */
function aggregate(spec: PodSpec, part: 'requests' | 'limits'): Map<string, Quantity> {
  const total = new Map<string, Quantity>();
  const add = (to: Map<string, Quantity>, amounts: Readonly<Record<string, string | number>> | undefined) => {
    for (const [name, amount] of Object.entries(amounts ?? {}))
      to.set(name, addQuantities(to.get(name) ?? '0', String(amount)));
  };
  for (const { resources } of spec.containers ?? []) add(total, resources?.[part]);
  const sidecars = new Map<string, Quantity>();
  const peak = new Map<string, Quantity>();
  for (const { resources, restartPolicy } of spec.initContainers ?? []) {
    const isSidecar = restartPolicy === 'Always';
    if (isSidecar) {
      add(total, resources?.[part]);
      add(sidecars, resources?.[part]);
    }
    const now = new Map(sidecars);
    if (!isSidecar) add(now, resources?.[part]);
    for (const [name, amount] of now)
      if (!peak.has(name) || compareQuantities(amount, peak.get(name)!) > 0) peak.set(name, amount);
  }
  for (const [name, amount] of peak)
    if (!total.has(name) || compareQuantities(amount, total.get(name)!) > 0) total.set(name, amount);
  return total;
}

export function podLevelResourceErrors(path: string, spec: PodSpec, claims: ReadonlySet<string>): FieldError[] {
  const { resources } = spec;
  if (resources === undefined) return [];
  if (spec.os?.name === 'windows') return [forbidden(path, 'may not be set for a windows pod')];
  const errors: FieldError[] = [];
  if (resources.claims !== undefined)
    errors.push(forbidden(`${path}.claims`, 'claims may not be set for Resources at pod-level'));
  errors.push(...resourceRequirementErrors(path, resources, claims, 'pod'));
  for (const part of ['requests', 'limits'] as const)
    for (const [name, sum] of aggregate(spec, part)) {
      const own = resources[part]?.[name];
      if (own !== undefined && (part === 'requests' || isHugePages(name)) && compareQuantities(sum, String(own)) > 0)
        errors.push(
          invalid(
            `${path}.${part}[${name}]`,
            canonicalQuantity(String(own)),
            `must be greater than or equal to aggregate container ${part} of ${formatQuantity(sum)}`,
          ),
        );
    }
  for (const [index, container] of (spec.containers ?? []).entries())
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const podLimit = resources.limits?.[name];
      if (podLimit !== undefined && compareQuantities(String(limit), String(podLimit)) > 0)
        errors.push(
          invalid(
            `${path}.containers[${index}][${name}].limits`,
            canonicalQuantity(String(limit)),
            `must be less than or equal to pod limits of ${canonicalQuantity(String(podLimit))}`,
          ),
        );
    }
  return errors;
}
