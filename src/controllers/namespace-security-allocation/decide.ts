// Every namespace has a block of user ids, of supplemental groups, and SELinux categories, which no other namespace has.
// A block is reserved in the RangeAllocation before the namespace says it; one of a namespace that is gone is free again
// after the next repair, so that what its user ids still own on disks is not a newcomer's at once.
import { Namespaces, RangeAllocationsSecurityV1 as RangeAllocations } from '#api/generated/kind-references.ts';
import type { Namespace, RangeAllocationSecurityV1 as RangeAllocation } from '#api/generated/types.ts';
import { create, patch, update, type Action, type Decision, type EventRequest } from '../runtime/action.ts';
import { blockOffset, BlockSet, blockText, mcsLabel, uidRange } from './ranges.ts';

export interface AllocationSnapshot {
  readonly namespaces: readonly Namespace[];
  readonly allocation: RangeAllocation | undefined;
  /** Made new from what the namespaces say. */
  readonly isRepair: boolean;
  readonly untilRepairMs: number;
}

export const allocationName = 'scc-uid';
export const uidRangeAnnotation = 'openshift.io/sa.scc.uid-range';
export const groupsAnnotation = 'openshift.io/sa.scc.supplemental-groups';
export const mcsAnnotation = 'openshift.io/sa.scc.mcs';

export function decide(snapshot: AllocationSnapshot): Decision {
  const { namespaces, allocation, isRepair } = snapshot;
  const keepsOld = !isRepair && allocation !== undefined && allocation.range === uidRange;
  const blocks = keepsOld ? BlockSet.parse(allocation.data) : new BlockSet();
  for (const { metadata } of namespaces) {
    const offset = blockOffset(metadata.annotations?.[uidRangeAnnotation] ?? '');
    if (offset !== undefined) blocks.add(offset);
  }
  const given: Action[] = [];
  const events: EventRequest[] = [];
  for (const namespace of inOrder(namespaces.filter(isWithout))) {
    const offset = blocks.firstFree();
    if (offset === undefined) {
      const message = `the UID range ${uidRange} is full; you must widen the range in order to allocate more UIDs`;
      events.push({ about: namespace, type: 'Warning', reason: 'UIDRangeFull', message });
      break;
    }
    blocks.add(offset);
    given.push(patch(Namespaces, namespace, { type: 'merge', value: change(namespace, offset) }));
  }
  return {
    actions: [...reserve(allocation, blocks.toString()), ...given],
    wakeAfterMs: snapshot.untilRepairMs,
    events,
  };
}

const isWithout = ({ metadata }: Namespace): boolean =>
  metadata.annotations?.[uidRangeAnnotation] === undefined && metadata.deletionTimestamp === undefined;

/** The same in every run: the oldest first. */
const inOrder = (namespaces: readonly Namespace[]): readonly Namespace[] =>
  namespaces.toSorted((a, b) => {
    const [left, right] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp ?? ''}/${metadata.name!}`);
    return left! < right! ? -1 : 1;
  });

/** Only if nobody has changed the namespace meanwhile: it may have been given a block by hand. */
const change = ({ metadata }: Namespace, offset: number) => ({
  metadata: {
    resourceVersion: metadata.resourceVersion,
    annotations: {
      [uidRangeAnnotation]: blockText(offset),
      [groupsAnnotation]: blockText(offset),
      [mcsAnnotation]: metadata.annotations?.[mcsAnnotation] ?? mcsLabel(offset),
    },
  },
});

function reserve(allocation: RangeAllocation | undefined, data: string): readonly Action[] {
  if (allocation === undefined)
    return [
      create(RangeAllocations, {
        apiVersion: 'security.openshift.io/v1',
        kind: 'RangeAllocation',
        metadata: { name: allocationName },
        range: uidRange,
        data,
      }),
    ];
  if (allocation.range === uidRange && allocation.data === data) return [];
  return [update(RangeAllocations, { ...allocation, range: uidRange, data })];
}
