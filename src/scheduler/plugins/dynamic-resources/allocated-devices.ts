// Which devices are taken, by the claims that have them. Kept up to date claim by claim: looking through all of them for every
// Pod would take too long.
import type { AllocationResult, DeviceRequestAllocationResult } from '#api/generated/types.ts';
import { parseQuantity, type Quantity } from '#api/quantity.ts';
import { changeCapacities, type Capacities } from './consumed-capacity.ts';
import { deviceOfResult, type DeviceId } from './device-id.ts';

/** What a search asks of the books. */
export interface TakenDevices {
  /** Some claim has it alone. */
  isTaken(device: DeviceId): boolean;
  /** Claims share it. */
  isShared(device: DeviceId): boolean;
  /** Of a shared device, what is taken of each capacity. */
  consumed(device: DeviceId): Capacities | undefined;
}

interface Shared {
  claims: number;
  readonly sums: Map<string, Quantity>;
}

const consumedBy = ({ consumedCapacity = {} }: DeviceRequestAllocationResult): Capacities =>
  new Map(Object.entries(consumedCapacity).map(([name, amount]) => [name, parseQuantity(String(amount))]));

export class AllocatedDevices implements TakenDevices {
  /** How often: a claim that was copied by hand must not free the other's device. */
  readonly #taken = new Map<DeviceId, number>();
  readonly #shared = new Map<DeviceId, Shared>();

  isTaken(device: DeviceId): boolean {
    return this.#taken.has(device);
  }
  isShared(device: DeviceId): boolean {
    return this.#shared.has(device);
  }
  consumed(device: DeviceId): Capacities | undefined {
    return this.#shared.get(device)?.sums;
  }
  add(allocation: AllocationResult | undefined): void {
    this.#change(allocation, 1);
  }
  /** Of an allocation that was added. */
  remove(allocation: AllocationResult | undefined): void {
    this.#change(allocation, -1);
  }
  #change(allocation: AllocationResult | undefined, sign: 1 | -1): void {
    for (const result of allocation?.devices?.results ?? []) {
      // Whoever looks after a device takes nothing of it away.
      if (result.adminAccess === true) continue;
      const id = deviceOfResult(result);
      if (result.shareID === undefined) {
        const count = (this.#taken.get(id) ?? 0) + sign;
        if (count > 0) this.#taken.set(id, count);
        else this.#taken.delete(id);
        continue;
      }
      const shared = this.#shared.get(id) ?? { claims: 0, sums: new Map() };
      shared.claims += sign;
      changeCapacities(shared.sums, consumedBy(result), sign);
      if (shared.claims > 0) this.#shared.set(id, shared);
      else this.#shared.delete(id);
    }
  }
}
