// What a Pod asks of its node: the largest need at any moment of its life (KEP-753 for sidecars), with its overhead.
import type { PodSpec, Quantity as QuantityText, ResourceRequirements } from '#api/generated/types.ts';
import { addQuantities, compareQuantities, parseQuantity, type Quantity } from '#api/quantity.ts';

export type Resources = Readonly<Record<string, Quantity>>;
type Source = Readonly<Record<string, QuantityText>> | undefined;
type Which = 'requests' | 'limits';

function add(sum: Record<string, Quantity>, amounts: Source | Resources): void {
  for (const [name, amount] of Object.entries(amounts ?? {})) {
    const value = typeof amount === 'object' ? amount : parseQuantity(String(amount));
    sum[name] = sum[name] === undefined ? value : addQuantities(sum[name], value);
  }
}
function raise(most: Record<string, Quantity>, amounts: Resources): void {
  for (const [name, amount] of Object.entries(amounts))
    if (most[name] === undefined || compareQuantities(amount, most[name]) > 0) most[name] = amount;
}

function aggregate(spec: PodSpec, which: Which): Record<string, Quantity> {
  const of = (resources: ResourceRequirements | undefined): Source => resources?.[which];
  const total: Record<string, Quantity> = {};
  for (const container of spec.containers ?? []) add(total, of(container.resources));
  // Init containers run one after another beside the sidecars that were started before them.
  const sidecars: Record<string, Quantity> = {};
  const initPeak: Record<string, Quantity> = {};
  for (const container of spec.initContainers ?? []) {
    if (container.restartPolicy === 'Always') {
      add(total, of(container.resources));
      add(sidecars, of(container.resources));
      raise(initPeak, sidecars);
    } else {
      const moment = { ...sidecars };
      add(moment, of(container.resources));
      raise(initPeak, moment);
    }
  }
  raise(total, initPeak);
  return total;
}

/** Requests by resource name. Pod-level resources, where given, replace the sum of the containers. */
export function effectiveRequests(spec: PodSpec): Resources {
  const total = aggregate(spec, 'requests');
  for (const [name, amount] of Object.entries(spec.resources?.requests ?? {}))
    total[name] = parseQuantity(String(amount));
  add(total, spec.overhead);
  return total;
}

/** Limits by resource name; overhead is added only to what is limited. */
export function effectiveLimits(spec: PodSpec): Resources {
  const total = aggregate(spec, 'limits');
  for (const [name, amount] of Object.entries(spec.resources?.limits ?? {}))
    total[name] = parseQuantity(String(amount));
  for (const [name, amount] of Object.entries(spec.overhead ?? {}))
    if (total[name] !== undefined) total[name] = addQuantities(total[name], String(amount));
  return total;
}
