// Gives namespaces their user ids and SELinux categories: a part of OpenShift's cluster-policy-controller.
import { Namespaces, RangeAllocationsSecurityV1 as RangeAllocations } from '#api/generated/kind-references.ts';
import type { Namespace, RangeAllocationSecurityV1 as RangeAllocation } from '#api/generated/types.ts';
import { partChanges, read, snapshotController, write, type Controller } from '../runtime/declaration.ts';
import { allocationName, decide, groupsAnnotation, mcsAnnotation, uidRangeAnnotation } from './decide.ts';

/** Upstream's. */
const repairEveryMs = 8 * 3_600_000;

const everything = [''];
const isOurs = ({ metadata }: RangeAllocation) => metadata.name === allocationName;

export function namespaceSecurityAllocation(): Controller {
  let nextRepairMs = 0;
  return snapshotController({
    name: 'namespace-security-allocation',
    account: 'namespace-security-allocation-controller',
    accountNamespace: 'openshift-infra',
    reads: [
      read(
        Namespaces,
        () => everything,
        partChanges(({ metadata }: Namespace) =>
          [uidRangeAnnotation, groupsAnnotation, mcsAnnotation].map((name) => metadata.annotations?.[name]),
        ),
      ),
      read(RangeAllocations, (one: RangeAllocation) => (isOurs(one) ? everything : [])),
    ],
    writes: [write(RangeAllocations, 'create', 'update'), write(Namespaces, 'patch')],
    snapshot(lookup, { monotonicMs, failure }) {
      const isRepair = monotonicMs >= nextRepairMs || failure !== undefined;
      if (isRepair) nextRepairMs = monotonicMs + repairEveryMs;
      return {
        namespaces: lookup.list(Namespaces),
        allocation: lookup.get(RangeAllocations, undefined, allocationName),
        isRepair,
        untilRepairMs: nextRepairMs - monotonicMs,
      };
    },
    decide,
  });
}
