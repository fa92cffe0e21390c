// Keeps the flow schemas and priority levels that every cluster has, and says of each schema whether its level is there.
import { FlowSchemas, PriorityLevelConfigurations } from '#api/generated/kind-references.ts';
import { read, snapshotController, write, writeSubresource } from '../runtime/declaration.ts';
import { decide } from './decide.ts';

export const flowControl = snapshotController({
  name: 'flow-control',
  account: 'flow-control',
  reads: [read(FlowSchemas), read(PriorityLevelConfigurations)],
  writes: [
    write(FlowSchemas, 'create', 'update', 'delete'),
    write(PriorityLevelConfigurations, 'create', 'update', 'delete'),
    writeSubresource(FlowSchemas, 'status', 'update'),
  ],
  snapshot: (lookup) => ({
    schemas: lookup.list(FlowSchemas),
    levels: lookup.list(PriorityLevelConfigurations),
  }),
  decide,
});
