// For how many seconds a node's agent may keep Secrets and ConfigMaps that it has read: the more nodes there are, the longer.
import { Nodes } from '#api/generated/kind-references.ts';
import type { Node } from '#api/generated/types.ts';
import { nothing, patch, type Decision } from '../runtime/action.ts';

export interface TimeToLiveSnapshot {
  readonly node: Node;
  readonly seconds: number;
}

export const annotation = 'node.alpha.kubernetes.io/ttl';

/** Upstream's: they overlap, so that one node that comes and goes changes nothing for the others. */
const sizes = [
  { min: 0, max: 100, seconds: 0 },
  { min: 90, max: 500, seconds: 15 },
  { min: 450, max: 1000, seconds: 30 },
  { min: 900, max: 2000, seconds: 60 },
  { min: 1800, max: Infinity, seconds: 300 },
] as const;

/** The size of the cluster, as an index; begins with 0. */
export function sizeAfter(before: number, nodes: number): number {
  let size = before;
  while (nodes > sizes[size]!.max) size++;
  while (nodes < sizes[size]!.min) size--;
  return size;
}
export const secondsOf = (size: number): number => sizes[size]!.seconds;

export function decide({ node, seconds }: TimeToLiveSnapshot): Decision {
  if (node.metadata.annotations?.[annotation] === String(seconds)) return nothing;
  const value = { metadata: { annotations: { [annotation]: String(seconds) } } };
  return { actions: [patch(Nodes, node, { type: 'strategic', value }, { accept: ['NotFound'] })] };
}
