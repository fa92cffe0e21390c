// ServiceCIDR: says of each range of cluster IPs that it is ready, and keeps it while addresses of it are in use.
import { IPAddresses, ServiceCIDRs } from '#api/generated/kind-references.ts';
import {
  keyedController,
  partChanges,
  read,
  self,
  write,
  writeSubresource,
  type Lookup,
} from '../runtime/declaration.ts';
import { decide } from './decide.ts';

const everyRange = (_any: unknown, lookup: Lookup): readonly string[] =>
  lookup.list(ServiceCIDRs).map((one) => one.metadata.name!);

export const serviceCidrs = keyedController({
  name: 'service-cidr',
  account: 'service-cidrs-controller',
  component: 'service-cidr-controller',
  reads: [
    // One range may hold what another leaves.
    read(ServiceCIDRs, (one, lookup) => [...self(one), ...everyRange(one, lookup)]),
    read(
      IPAddresses,
      everyRange,
      partChanges(() => undefined),
    ),
  ],
  writes: [write(ServiceCIDRs, 'patch'), writeSubresource(ServiceCIDRs, 'status', 'update')],
  snapshot(lookup, key) {
    const range = lookup.get(ServiceCIDRs, undefined, key);
    return range === undefined
      ? undefined
      : { range, ranges: lookup.list(ServiceCIDRs), addresses: () => lookup.list(IPAddresses) };
  },
  decide,
});
