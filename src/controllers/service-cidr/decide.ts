// A range of cluster IPs: ready as long as nobody deletes it; then kept until no address in it would be left without a range.
import { ServiceCIDRs } from '#api/generated/kind-references.ts';
import type { Condition, IPAddress, ServiceCIDR } from '#api/generated/types.ts';
import { withCondition } from '#api/meta/conditions.ts';
import { formatTime, parseTime } from '#api/meta/time.ts';
import { covers, parseRange, type Range } from '#rules/addresses.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { nothing, patch, updateStatus, type Action, type Decision } from '../runtime/action.ts';

export interface RangeSnapshot {
  readonly range: ServiceCIDR;
  readonly ranges: readonly ServiceCIDR[];
  readonly addresses: () => readonly IPAddress[];
}

export const rangeFinalizer = 'networking.k8s.io/service-cidr-finalizer';
const managedBy = 'ipaddress.kubernetes.io/managed-by';
const allocator = 'ipallocator.k8s.io';
/** From the deletion to the end: whoever gives out addresses must have seen it. */
const graceMs = 10_000;

const ready = { status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' };
const stillInUse = {
  status: 'False',
  reason: 'Terminating',
  message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
};

const partsOf = ({ spec }: ServiceCIDR): readonly Range[] => (spec?.cidrs ?? []).map(parseRange);

export function decide(snapshot: RangeSnapshot, now: number): Decision {
  const { range } = snapshot;
  const { deletionTimestamp, finalizers = [] } = range.metadata;
  // What is written first brings it here again.
  if (deletionTimestamp === undefined)
    return finalizers.includes(rangeFinalizer)
      ? { actions: told(range, ready, now) }
      : { actions: [withFinalizers(range, [...finalizers, rangeFinalizer])] };
  if (!finalizers.includes(rangeFinalizer)) return nothing;
  if (!mayGo(snapshot)) return { actions: told(range, stillInUse, now) };
  const leftMs = (parseTime(deletionTimestamp) ?? 0) + graceMs - now;
  if (leftMs > 0) return { actions: [], wakeAfterMs: leftMs };
  const left = finalizers.filter((one) => one !== rangeFinalizer);
  return { actions: [withFinalizers(range, left)] };
}

function mayGo({ range, ranges, addresses }: RangeSnapshot): boolean {
  const own = partsOf(range);
  const others = ranges.filter((one) => one.metadata.name !== range.metadata.name).flatMap(partsOf);
  if (own.every((part) => others.some((other) => covers(other, part)))) return true;
  return !addresses().some(({ metadata }) => {
    if (metadata.labels?.[managedBy] !== allocator) return false;
    const name = metadata.name ?? '';
    const address = parseRange(`${name}/${name.includes(':') ? 128 : 32}`);
    if (!own.some((part) => covers(part, address))) return false;
    return !others.some((other) => covers(other, address));
  });
}

const withFinalizers = (range: ServiceCIDR, finalizers: readonly string[]): Action =>
  patch(ServiceCIDRs, range, {
    type: 'merge',
    value: { metadata: { resourceVersion: range.metadata.resourceVersion, finalizers } },
  });

function told(range: ServiceCIDR, wanted: Pick<Condition, 'status' | 'reason' | 'message'>, now: number): Action[] {
  const before = range.status?.conditions ?? [];
  const conditions = withCondition(before, { type: 'Ready', ...wanted, lastTransitionTime: formatTime(now) });
  return semanticallyEqual(conditions, before)
    ? []
    : [updateStatus(ServiceCIDRs, { ...range, status: { ...range.status, conditions } })];
}
