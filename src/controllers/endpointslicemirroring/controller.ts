// Mirrors hand-made Endpoints into EndpointSlices.
import { Endpoints, EndpointSlices, Services } from '#api/generated/kind-references.ts';
import type { EndpointSlice } from '#api/generated/types.ts';
import type { InformerIndex } from '#client/client.ts';
import { managedByLabel, serviceNameLabel } from '../endpointslice/decide.ts';
import { keyedController, partChanges, read, self, splitKey, write } from '../runtime/declaration.ts';
import { decide, managedByUs } from './decide.ts';

const mirrorIndex: InformerIndex<EndpointSlice> = {
  name: 'mirrored-endpoints',
  keysOf: ({ metadata }) =>
    metadata.labels?.[managedByLabel] === managedByUs && metadata.labels[serviceNameLabel] !== undefined
      ? [`${metadata.namespace!}/${metadata.labels[serviceNameLabel]}`]
      : [],
};

export const endpointSliceMirroring = keyedController({
  name: 'endpointslicemirroring',
  account: 'endpointslicemirroring-controller',
  component: 'endpoint-slice-mirroring-controller',
  reads: [
    read(
      Services,
      self,
      partChanges((one) => one.spec.selector),
    ),
    read(Endpoints, self),
    read(EndpointSlices, mirrorIndex.keysOf),
  ],
  writes: [write(EndpointSlices, 'create', 'update', 'delete')],
  snapshot(lookup, key) {
    const { namespace, name } = splitKey(key);
    return {
      service: lookup.get(Services, namespace, name),
      endpoints: lookup.get(Endpoints, namespace, name),
      slices: lookup.byIndex(EndpointSlices, mirrorIndex, key),
    };
  },
  decide,
});
