// A node without a role is a worker. Who gave it another one is left alone.
import { Nodes } from '#api/generated/kind-references.ts';
import type { Node } from '#api/generated/types.ts';
import { nothing, patch, type Decision } from '../runtime/action.ts';

const prefix = 'node-role.kubernetes.io/';

export function decide(node: Node): Decision {
  if (Object.keys(node.metadata.labels ?? {}).some((label) => label.startsWith(prefix))) return nothing;
  const value = { metadata: { labels: { [`${prefix}worker`]: '' } } };
  return { actions: [patch(Nodes, node, { type: 'merge', value })] };
}
