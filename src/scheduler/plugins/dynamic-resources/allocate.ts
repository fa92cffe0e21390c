// The structured allocator (KEP-4381): devices for all claims of a Pod on one node, or none. It tries combinations one after the
// other, depth first, and takes the first that fits, as upstream. Pure.
import type { Device, DeviceClass, ResourceClaimResourceV1, ResourceSlice } from '#api/generated/types.ts';
import { claimSearchStepsMax } from '#base/limits.ts';
import { deviceMatches } from '#rules/device-matches.ts';
import type { Quantity } from '#api/quantity.ts';
import type { NodeInfo } from '../../node-info.ts';
import type { TakenDevices } from './allocated-devices.ts';
import { capacityFits, capacityTaken, changeCapacities, type Capacities } from './consumed-capacity.ts';
import { constraintOf, type Constraint } from './constraints.ts';
import { Counters } from './counters.ts';
import { deviceId, type DeviceId } from './device-id.ts';
import { isFor, poolsOf, type Pool, type Slices } from './pools.ts';
import { isTainted, optionsOf, selectorsOf, type Option } from './requests.ts';

/** Devices of one claim at most: upstream's AllocationResultsMaxSize. */
const devicesPerClaimMax = 32;

/** Something is wrong with claim, class or pool; no node will do. */
export class AllocationError extends Error {}
/** Not on this node. */
export class NodeAllocationError extends Error {}

export interface DeviceSources {
  readonly slices: Slices;
  readonly taken: TakenDevices;
  deviceClass(name: string): DeviceClass | undefined;
}

export interface Candidate {
  readonly id: DeviceId;
  readonly device: Device;
  readonly slice: ResourceSlice;
  readonly pool: Pool;
}
export interface ChosenDevice extends Candidate {
  readonly option: Option;
  /** Of a device that several may have: what is taken of it. */
  readonly consumed: Capacities | undefined;
}
export interface ClaimChoice {
  readonly claim: ResourceClaimResourceV1;
  readonly devices: readonly ChosenDevice[];
  /** Of each request the alternative that was taken, with its class. */
  readonly options: readonly (PreparedOption & { readonly option: Option })[];
}

interface PreparedOption {
  readonly option: Option;
  readonly deviceClass: DeviceClass;
  /** Of mode All: which ones these are. */
  readonly all: readonly Candidate[] | undefined;
  readonly count: number;
}
interface Work {
  readonly claim: ResourceClaimResourceV1;
  readonly name: string;
  readonly requests: readonly (readonly PreparedOption[])[];
  readonly constraints: readonly Constraint[];
  /** Index of the alternative of each request. */
  readonly picked: number[];
  readonly devices: ChosenDevice[];
}
/** Many: the claim would have more devices than its status may hold. */
type Outcome = 'found' | 'none' | 'too many';

interface Position {
  readonly claim: number;
  readonly request: number;
  /** Undefined: none was chosen yet. */
  readonly option: number | undefined;
  readonly device: number;
}

/** Steps that the search for one Pod may take, over all nodes. */
export interface SearchBudget {
  steps: number;
}

/** Undefined: not on this node. Throws AllocationError and NodeAllocationError. */
export function allocate(
  node: NodeInfo,
  claims: readonly ResourceClaimResourceV1[],
  sources: DeviceSources,
  budget: SearchBudget,
): readonly ClaimChoice[] | undefined {
  return new Search(node, sources, budget).run(claims);
}

class Search {
  readonly #node: NodeInfo;
  readonly #sources: DeviceSources;
  readonly #budget: SearchBudget;
  readonly #pools: readonly Pool[];
  readonly #candidates: readonly Candidate[];
  readonly #counters: Counters;
  #work: readonly Work[] = [];
  #stepsLeft = claimSearchStepsMax;
  /** Devices that this search gives to claims, by index. */
  readonly #giving = new Map<DeviceId, Set<number>>();
  readonly #givingCapacity = new Map<DeviceId, { uses: number; readonly sums: Map<string, Quantity> }>();
  readonly #matching = new Map<Option, Map<DeviceId, boolean>>();

  constructor(node: NodeInfo, sources: DeviceSources, budget: SearchBudget) {
    this.#node = node;
    this.#sources = sources;
    this.#budget = budget;
    this.#pools = poolsOf(node, sources.slices);
    this.#counters = new Counters(sources.taken);
    this.#candidates = this.#pools.flatMap((pool) => (pool.isIncomplete || pool.isInvalid ? [] : candidatesOf(pool)));
  }

  run(claims: readonly ResourceClaimResourceV1[]): readonly ClaimChoice[] | undefined {
    this.#work = claims.map((claim) => this.#prepare(claim));
    if (this.#next({ claim: 0, request: 0, option: undefined, device: 0 }, 0) !== 'found') {
      if (this.#pools.some((pool) => pool.isInvalid))
        throw new NodeAllocationError('invalid resource pools were encountered');
      return undefined;
    }
    return this.#work.map(({ claim, devices, requests, picked }) => ({
      claim,
      devices,
      options: requests.map((options, index) => options[picked[index] ?? 0]!),
    }));
  }

  #prepare(claim: ResourceClaimResourceV1): Work {
    const name = `${claim.metadata.namespace}/${claim.metadata.name}`;
    const { requests = [], constraints = [] } = claim.spec.devices ?? {};
    const prepared = requests.map((request) => optionsOf(request).map((option) => this.#prepareOption(name, option)));
    const least = prepared.reduce((sum, options) => sum + Math.min(...options.map((one) => one.count)), 0);
    if (least > devicesPerClaimMax)
      throw new AllocationError(
        `claim ${name}: number of requested devices ${least} exceeds the claim limit of ${devicesPerClaimMax}`,
      );
    return {
      claim,
      name,
      requests: prepared,
      constraints: constraints.map((one, index) => {
        const made = constraintOf(one);
        if (made === undefined)
          throw new AllocationError(
            `claim ${name}, constraint #${index}: empty constraint (unsupported constraint type?)`,
          );
        return made;
      }),
      picked: [],
      devices: [],
    };
  }

  #prepareOption(claim: string, option: Option): PreparedOption {
    const where = `claim ${claim}, request ${option.name}`;
    const empty = option.selectors.findIndex(({ cel }) => cel === undefined);
    if (empty >= 0)
      throw new AllocationError(`${where}, selector #${empty}: CEL expression empty (unsupported selector type?)`);
    const deviceClass = this.#sources.deviceClass(option.className);
    if (deviceClass === undefined)
      throw new AllocationError(
        `${where}: could not retrieve device class ${option.className}: deviceclass.resource.k8s.io ${JSON.stringify(option.className)} not found`,
      );
    if (option.mode === 'ExactCount') return { option, deviceClass, all: undefined, count: option.count };
    if (option.mode !== 'All') throw new AllocationError(`${where}: unsupported count mode ${option.mode}`);
    for (const { id, isIncomplete, isInvalid } of this.#pools)
      if (isIncomplete || isInvalid)
        throw new AllocationError(
          `${where}: asks for all devices, but resource pool ${id} is currently ${isIncomplete ? 'being updated' : 'invalid'}`,
        );
    const all = this.#candidates.filter(
      (one) =>
        this.#isSelectable(claim, option, deviceClass, one) &&
        capacityFits(option.capacity, one.device, [this.#sources.taken.consumed(one.id)]),
    );
    return { option, deviceClass, all, count: all.length };
  }

  /** `from`: devices of one request are taken in order, so that no set of them is tried twice. */
  #next(at: Position, from: number): Outcome {
    this.#spend();
    const work = this.#work[at.claim];
    if (work === undefined) return 'found';
    const options = work.requests[at.request];
    if (options === undefined) {
      const outcome = this.#next({ claim: at.claim + 1, request: 0, option: undefined, device: 0 }, 0);
      // With fewer devices for an earlier claim this one could still work.
      return outcome === 'too many' ? 'none' : outcome;
    }
    if (at.option === undefined) return this.#anyOption(at, work, options);
    const { option, deviceClass, all, count } = options[at.option]!;
    if (all?.length === 0) return 'none';
    if (at.device >= count)
      return this.#next({ claim: at.claim, request: at.request + 1, option: undefined, device: 0 }, 0);
    if (work.devices.length + count - at.device > devicesPerClaimMax) return 'too many';
    const onward = { ...at, device: at.device + 1 };
    if (all !== undefined) {
      const undo = this.#take(at.claim, work, option, all[at.device]!, true);
      if (undo === undefined) return 'none';
      const outcome = this.#next(onward, 0);
      if (outcome !== 'found') undo();
      return outcome;
    }
    for (let index = from; index < this.#candidates.length; index++) {
      this.#spend();
      const candidate = this.#candidates[index]!;
      if (this.#isInUse(at.claim, option, candidate)) continue;
      if (!this.#isSelectable(work.name, option, deviceClass, candidate)) continue;
      const undo = this.#take(at.claim, work, option, candidate, false);
      if (undo === undefined) continue;
      const outcome = this.#next(onward, index + 1);
      if (outcome === 'found') return outcome;
      undo();
      if (outcome === 'too many') return outcome;
    }
    return 'none';
  }

  #anyOption(at: Position, work: Work, options: readonly PreparedOption[]): Outcome {
    let areTooMany = options.length > 0;
    for (const index of options.keys()) {
      const outcome = this.#next({ ...at, option: index }, 0);
      if (outcome === 'found') {
        work.picked[at.request] = index;
        return outcome;
      }
      if (outcome !== 'too many') areTooMany = false;
    }
    return areTooMany ? 'too many' : 'none';
  }

  #isInUse(claim: number, { adminAccess }: Option, { id }: Candidate): boolean {
    const giving = this.#giving.get(id);
    // Who looks after devices may have those that others use, each once in a claim.
    return adminAccess ? giving?.has(claim) === true : this.#sources.taken.isTaken(id) || (giving?.size ?? 0) > 0;
  }

  #isSelectable(claim: string, option: Option, deviceClass: DeviceClass, { id, device, slice }: Candidate): boolean {
    let known = this.#matching.get(option);
    if (known === undefined) this.#matching.set(option, (known = new Map()));
    let answer = known.get(id);
    if (answer !== undefined) return answer;
    answer = slice.spec.perDeviceNodeSelection !== true || isFor(device, this.#node);
    for (const { expression = '', where } of answer ? selectorsOf(option, deviceClass, claim) : []) {
      const match = deviceMatches(slice.spec.driver, device, expression);
      if ('error' in match) throw new AllocationError(`${where}: ${match.error}`);
      answer = match.matches;
      if (!answer) break;
    }
    known.set(id, answer);
    return answer;
  }

  /** What takes it back; undefined: it cannot be had. `must`: the request wants exactly this one. */
  #take(index: number, work: Work, option: Option, candidate: Candidate, must: boolean): (() => void) | undefined {
    const { id, device, slice, pool } = candidate;
    const isShareable = device.allowMultipleAllocations === true;
    if (this.#isInUse(index, option, candidate)) return undefined;
    if (isTainted(device.taints ?? [], option)) return undefined;
    const giving = this.#givingCapacity.get(id);
    if (!capacityFits(option.capacity, device, [this.#sources.taken.consumed(id), giving?.sums])) return undefined;
    // Those who share a device share its part of the counters.
    const needsCounters =
      (device.consumesCounters ?? []).length > 0 &&
      !(isShareable && (this.#sources.taken.isShared(id) || (giving?.uses ?? 0) > 0));
    if (needsCounters && !this.#counters.take(pool, device)) return undefined;
    for (const [number, constraint] of work.constraints.entries()) {
      if (constraint.add(option, slice.spec.driver, device)) continue;
      for (const before of work.constraints.slice(0, number)) before.remove(option);
      if (needsCounters) this.#counters.giveBack(pool, device);
      if (must)
        throw new AllocationError(
          `claim ${work.name}, request ${option.name}: cannot add device ${id} because a claim constraint would not be satisfied`,
        );
      return undefined;
    }
    const consumed = isShareable ? capacityTaken(option.capacity, device) : undefined;
    this.#give(index, id, consumed, 1);
    work.devices.push({ ...candidate, option, consumed });
    return () => {
      work.devices.pop();
      this.#give(index, id, consumed, -1);
      for (const constraint of work.constraints) constraint.remove(option);
      if (needsCounters) this.#counters.giveBack(pool, device);
    };
  }

  #give(claim: number, id: DeviceId, consumed: Capacities | undefined, sign: 1 | -1): void {
    if (consumed === undefined) {
      const claims = this.#giving.get(id) ?? new Set();
      this.#giving.set(id, claims);
      if (sign > 0) claims.add(claim);
      else claims.delete(claim);
      return;
    }
    const giving = this.#givingCapacity.get(id) ?? { uses: 0, sums: new Map<string, Quantity>() };
    this.#givingCapacity.set(id, giving);
    giving.uses += sign;
    changeCapacities(giving.sums, consumed, sign);
  }

  #spend(): void {
    if (--this.#stepsLeft < 0 || --this.#budget.steps < 0)
      throw new AllocationError(`node ${this.#node.name}: timed out trying to allocate devices`);
  }
}

const candidatesOf = (pool: Pool): readonly Candidate[] =>
  pool.slices.flatMap((slice) =>
    (slice.spec.devices ?? []).map((device) => ({
      id: deviceId(slice.spec.driver, slice.spec.pool.name, device.name),
      device,
      slice,
      pool,
    })),
  );
