// The resource pools of a node: of each the slices of its newest generation, if all of them are there.
import type { CounterSet, Device, NodeSelector, ResourceSlice } from '#api/generated/types.ts';
import { matchesNodeSelector } from '#rules/matches-node-selector.ts';
import type { NodeInfo } from '../../node-info.ts';
import { poolOf, type PoolId } from './device-id.ts';

/** Slices as the scheduler's books hold them. */
export interface Slices {
  /** Those that name the node, and those that name none. */
  forNode(node: string): readonly ResourceSlice[];
  /** Of all generations, of all nodes. */
  ofPool(pool: PoolId): readonly ResourceSlice[];
}

export interface Pool {
  readonly id: PoolId;
  /** Some slices of the generation are missing: nothing is taken from it now. */
  readonly isIncomplete: boolean;
  /** Devices or counters contradict each other: nothing is taken from it. */
  readonly isInvalid: boolean;
  /** With devices that the node may use. */
  readonly slices: readonly ResourceSlice[];
  /** Of other nodes: their devices may use up the pool's counters. */
  readonly otherSlices: readonly ResourceSlice[];
  readonly counterSets: ReadonlyMap<string, CounterSet>;
}

interface Place {
  readonly nodeName?: string | undefined;
  readonly allNodes?: boolean | undefined;
  readonly nodeSelector?: NodeSelector | undefined;
}

/** Where nothing is said of nodes, none is meant. */
export function isFor({ nodeName, allNodes, nodeSelector }: Place, { name, node }: NodeInfo): boolean {
  if ((nodeName ?? '') !== '') return nodeName === name;
  return allNodes === true || (nodeSelector !== undefined && matchesNodeSelector(nodeSelector, node));
}

function concerns({ spec }: ResourceSlice, node: NodeInfo): boolean {
  if ((spec.sharedCounters ?? []).length > 0) return true;
  if (spec.perDeviceNodeSelection === true) return (spec.devices ?? []).some((device) => isFor(device, node));
  return isFor(spec, node);
}

const isNewer = (one: ResourceSlice, other: ResourceSlice): boolean =>
  one.spec.pool.generation > other.spec.pool.generation;

/** By name; those with devices that become ready only after binding come last. */
export function poolsOf(node: NodeInfo, slices: Slices): readonly Pool[] {
  const newest = new Map<PoolId, ResourceSlice[]>();
  for (const slice of slices.forNode(node.name)) {
    if (!concerns(slice, node)) continue;
    const id = poolOf(slice);
    const known = newest.get(id);
    if (known === undefined || isNewer(slice, known[0]!)) newest.set(id, [slice]);
    else if (!isNewer(known[0]!, slice)) known.push(slice);
  }
  const pools: Pool[] = [];
  for (const [id, own] of newest) {
    const { generation, resourceSliceCount } = own[0]!.spec.pool;
    let all: readonly ResourceSlice[] = own;
    if (own.length !== resourceSliceCount) {
      const known = slices.ofPool(id);
      // Another node has the pool now.
      if (known.some(({ spec }) => spec.pool.generation > generation)) continue;
      all = known.filter(({ spec }) => spec.pool.generation === generation);
    }
    pools.push(
      all.length === resourceSliceCount
        ? completePool(id, own, all)
        : { id, isIncomplete: true, isInvalid: false, slices: [], otherSlices: [], counterSets: new Map() },
    );
  }
  const order = (one: Pool): string => `${hasBindingConditions(one) ? 1 : 0}${one.id}`;
  return pools.toSorted((one, other) => (order(one) < order(other) ? -1 : 1));
}

const hasBindingConditions = ({ slices }: Pool): boolean =>
  slices.some(({ spec }) => (spec.devices ?? []).some((device) => (device.bindingConditions ?? []).length > 0));

function completePool(id: PoolId, own: readonly ResourceSlice[], all: readonly ResourceSlice[]): Pool {
  const sorted = own.toSorted((one, other) => (one.metadata.name! < other.metadata.name! ? -1 : 1));
  const slices = sorted.filter(({ spec }) => (spec.sharedCounters ?? []).length === 0);
  const counters = sorted.flatMap(({ spec }) => spec.sharedCounters ?? []);
  const counterSets = new Map(counters.map((one) => [one.name, one]));
  const names = new Set(own.map(({ metadata }) => metadata.name));
  const otherSlices = all.filter(({ metadata }) => !names.has(metadata.name));
  const devices = slices.flatMap(({ spec }) => spec.devices ?? []);
  const isInvalid =
    new Set(devices.map((one) => one.name)).size !== devices.length ||
    counterSets.size !== counters.length ||
    ![...devices, ...otherSlices.flatMap(({ spec }) => spec.devices ?? [])].every((one) =>
      hasCounters(one, counterSets),
    );
  return { id, isIncomplete: false, isInvalid, slices, otherSlices, counterSets };
}

const hasCounters = ({ consumesCounters = [] }: Device, sets: ReadonlyMap<string, CounterSet>): boolean =>
  consumesCounters.every(({ counterSet, counters }) => {
    const known = sets.get(counterSet)?.counters;
    return known !== undefined && Object.keys(counters).every((name) => Object.hasOwn(known, name));
  });
