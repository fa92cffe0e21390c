// Where its node is becomes a label of a Pod: zone and region, when it is bound or made on the node. Upstream's PodTopologyLabels.
import type { Binding, Node, Pod } from '#api/generated/types.ts';
import { Nodes } from '#api/generated/kind-references.ts';
import type { Mutable } from '#api/kind.ts';
import { storageKey } from '#api/kinds.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { isResource, only } from './operations.ts';

const copied = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

function nodeName({ subresource, object }: AdmissionAttributes): string | undefined {
  if (subresource === '') return (object as unknown as Pod).spec.nodeName;
  const { target } = object as unknown as Binding;
  // A Binding that does not say what its target is goes without.
  return subresource === 'binding' && target.kind === 'Node' ? target.name : undefined;
}

export const podTopologyLabels: AdmissionPlugin = {
  name: 'PodTopologyLabels',
  concerns: only('pods'),
  seesActions: true,
  mutate(attributes: AdmissionAttributes, server: Server): void {
    if (attributes.operation !== 'CREATE' || !isResource(attributes, '', 'pods')) return;
    const name = nodeName(attributes) ?? '';
    if (name === '' || !server.gates.isOn('PodTopologyLabelsAdmission')) return;
    const node = server.options.store.get(storageKey(Nodes, undefined, name))?.object() as Node | undefined;
    const { metadata } = attributes.object as Mutable<Pod>;
    for (const key of copied) {
      const value = node?.metadata.labels?.[key];
      if (value !== undefined) metadata.labels = { ...metadata.labels, [key]: value };
    }
  },
};
