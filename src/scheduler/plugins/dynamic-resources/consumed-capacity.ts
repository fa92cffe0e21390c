// How much of a device's capacity a request takes (KEP-5075): what it asks for, rounded as the device's policy says.
import type { CapacityRequestPolicy, CapacityRequirements, Device, DeviceCapacity } from '#api/generated/types.ts';
import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  quantityValue,
  subtractQuantities,
  type Quantity,
} from '#api/quantity.ts';

/** By the capacity's name. */
export type Capacities = ReadonlyMap<string, Quantity>;

const parse = (text: string | number): Quantity => parseQuantity(String(text));

/** Of every capacity that the device has. */
export const capacityTaken = (asked: CapacityRequirements | undefined, device: Device): Capacities =>
  new Map(
    Object.entries(device.capacity ?? {}).map(([name, one]) => [name, amountTaken(asked?.requests?.[name], one)]),
  );

function amountTaken(asked: string | number | undefined, { value, requestPolicy }: DeviceCapacity): Quantity {
  if (asked === undefined) return parse(requestPolicy?.default ?? value);
  const amount = parse(asked);
  const { validRange, validValues } = requestPolicy ?? {};
  if (validRange !== undefined) {
    const least = parse(validRange.min);
    if (compareQuantities(amount, least) < 0) return least;
    if (validRange.step === undefined) return amount;
    const [from, step] = [quantityValue(least), quantityValue(parse(validRange.step))];
    const added = quantityValue(amount) - from;
    const steps = added / step + (added % step === 0n ? 0n : 1n);
    return { value: from + steps * step, scale: 0, format: 'BinarySI' };
  }
  return validValues?.map(parse).find((one) => compareQuantities(amount, one) <= 0) ?? amount;
}

/** Undefined: the device lacks a capacity that is asked for, not enough is left, or its policy does not allow the amount. */
export function capacityFits(
  asked: CapacityRequirements | undefined,
  device: Device,
  inUse: readonly (Capacities | undefined)[],
): boolean {
  const all = device.capacity ?? {};
  if (Object.keys(asked?.requests ?? {}).some((name) => !Object.hasOwn(all, name))) return false;
  for (const [name, amount] of capacityTaken(asked, device)) {
    const { value, requestPolicy } = all[name]!;
    if (!allows(requestPolicy, amount)) return false;
    let sum = amount;
    for (const one of inUse) {
      const used = one?.get(name);
      if (used !== undefined) sum = addQuantities(sum, used);
    }
    if (compareQuantities(sum, parse(value)) > 0) return false;
  }
  return true;
}

function allows(policy: CapacityRequestPolicy | undefined, amount: Quantity): boolean {
  if (policy === undefined) return true;
  if (policy.default !== undefined && compareQuantities(amount, parse(policy.default)) === 0) return true;
  const { validRange, validValues = [] } = policy;
  if (validRange !== undefined) {
    if (validRange.max !== undefined && compareQuantities(amount, parse(validRange.max)) > 0) return false;
    if (validRange.step === undefined) return true;
    return (
      (quantityValue(amount) - quantityValue(parse(validRange.min))) % quantityValue(parse(validRange.step)) === 0n
    );
  }
  return validValues.length === 0 || validValues.some((one) => compareQuantities(amount, parse(one)) === 0);
}

/** `sign`: 1 adds, -1 takes away. */
export function changeCapacities(sums: Map<string, Quantity>, by: Capacities, sign: 1 | -1): void {
  for (const [name, amount] of by) {
    const sum = sums.get(name);
    if (sign > 0) sums.set(name, sum === undefined ? amount : addQuantities(sum, amount));
    else if (sum !== undefined) sums.set(name, subtractQuantities(sum, amount));
  }
}
