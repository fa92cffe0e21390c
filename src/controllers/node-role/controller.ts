// Gives nodes that joined their role: they may not give it to themselves.
import { Nodes } from '#api/generated/kind-references.ts';
import type { Node } from '#api/generated/types.ts';
import { keyedController, partChanges, read, self, write } from '../runtime/declaration.ts';
import { decide } from './decide.ts';

export const nodeRole = keyedController({
  name: 'node-role',
  account: 'node-controller',
  reads: [
    read(
      Nodes,
      self,
      partChanges((node: Node) => node.metadata.labels),
    ),
  ],
  writes: [write(Nodes, 'patch')],
  snapshot: (lookup, key) => lookup.get(Nodes, undefined, key),
  decide,
});
