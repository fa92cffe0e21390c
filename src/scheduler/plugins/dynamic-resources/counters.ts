// Counters that the devices of a pool share (KEP-4815): a partition of a device takes its part of them.
import type { Device } from '#api/generated/types.ts';
import { addQuantities, compareQuantities, parseQuantity, subtractQuantities, type Quantity } from '#api/quantity.ts';
import type { TakenDevices } from './allocated-devices.ts';
import { deviceId } from './device-id.ts';
import type { Pool } from './pools.ts';

/** What is left of the counters of the pools that one search looks at. */
export class Counters {
  readonly #taken: TakenDevices;
  /** By pool, then `set/counter`. */
  readonly #left = new Map<Pool, Map<string, Quantity>>();

  constructor(taken: TakenDevices) {
    this.#taken = taken;
  }

  /** False: too little is left, and nothing was taken. */
  take(pool: Pool, device: Device): boolean {
    const left = this.#of(pool);
    this.#change(left, device, -1);
    const isEnough = uses(device).every(([name]) => compareQuantities(left.get(name)!, '0') >= 0);
    if (!isEnough) this.#change(left, device, 1);
    return isEnough;
  }
  giveBack(pool: Pool, device: Device): void {
    this.#change(this.#of(pool), device, 1);
  }

  #of(pool: Pool): Map<string, Quantity> {
    let left = this.#left.get(pool);
    if (left !== undefined) return left;
    left = new Map();
    for (const { name: set, counters } of pool.counterSets.values())
      for (const [name, { value }] of Object.entries(counters))
        left.set(`${set}/${name}`, parseQuantity(String(value)));
    this.#left.set(pool, left);
    for (const { spec } of [...pool.slices, ...pool.otherSlices])
      for (const device of spec.devices ?? []) {
        const id = deviceId(spec.driver, spec.pool.name, device.name);
        if (this.#taken.isTaken(id) || this.#taken.isShared(id)) this.#change(left, device, -1);
      }
    return left;
  }

  #change(left: Map<string, Quantity>, device: Device, sign: 1 | -1): void {
    for (const [name, amount] of uses(device)) {
      const before = left.get(name)!;
      left.set(name, sign > 0 ? addQuantities(before, amount) : subtractQuantities(before, amount));
    }
  }
}

const uses = ({ consumesCounters = [] }: Device): readonly (readonly [string, Quantity])[] =>
  consumesCounters.flatMap(({ counterSet, counters }) =>
    Object.entries(counters).map(
      ([name, { value }]) => [`${counterSet}/${name}`, parseQuantity(String(value))] as const,
    ),
  );
