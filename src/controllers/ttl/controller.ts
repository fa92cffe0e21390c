// Tells nodes' agents how long they may trust what they have read.
import { Nodes } from '#api/generated/kind-references.ts';
import type { Node } from '#api/generated/types.ts';
import {
  keyedController,
  partChanges,
  read,
  self,
  write,
  type Controller,
  type Lookup,
} from '../runtime/declaration.ts';
import { annotation, decide, secondsOf, sizeAfter } from './decide.ts';

export function timeToLive(): Controller {
  let size = 0;
  const concerned = (node: Node, lookup: Lookup): readonly string[] => {
    const nodes = lookup.list(Nodes);
    const before = size;
    size = sizeAfter(before, nodes.length);
    return size === before ? self(node) : nodes.map((one) => one.metadata.name!);
  };
  return keyedController({
    name: 'ttl',
    account: 'ttl-controller',
    reads: [
      read(
        Nodes,
        concerned,
        partChanges((node: Node) => node.metadata.annotations?.[annotation]),
      ),
    ],
    writes: [write(Nodes, 'patch')],
    snapshot(lookup, key) {
      const node = lookup.get(Nodes, undefined, key);
      return node === undefined ? undefined : { node, seconds: secondsOf(size) };
    },
    decide,
  });
}
