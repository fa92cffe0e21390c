// What an update of a Pod asks of the node that it is on must be among what that node declares (KEP-5328): a node of an earlier
// version would not do it. Upstream's NodeDeclaredFeatureValidator; what binding asks is the scheduler's matter.
import type { Node, Pod, PodSpec } from '#api/generated/types.ts';
import { Nodes } from '#api/generated/kind-references.ts';
import { storageKey } from '#api/kinds.ts';
import { forbiddenError } from '#api/status.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { isResource, only } from './operations.ts';
import { refusedName } from './refused-name.ts';

const changed: Readonly<Record<string, (before: PodSpec, now: PodSpec) => boolean>> = {
  InPlacePodLevelResourcesVerticalScaling: (before, now) => !semanticallyEqual(before.resources, now.resources),
  InPlacePodVerticalScalingInitContainers: (before, now) =>
    (before.initContainers ?? []).some(
      (one, index) =>
        one.restartPolicy !== 'Always' && !semanticallyEqual(one.resources, now.initContainers?.[index]?.resources),
    ),
};

export const nodeDeclaredFeatures: AdmissionPlugin = {
  name: 'NodeDeclaredFeatureValidator',
  concerns: only('pods'),
  validate(attributes: AdmissionAttributes, server: Server): void {
    const { operation, subresource, object, old, row } = attributes;
    if (operation !== 'UPDATE' || !isResource(attributes, '', 'pods')) return;
    if (subresource !== '' && subresource !== 'resize') return;
    const [{ spec }, before] = [object as unknown as Pod, (old as unknown as Pod).spec];
    const name = spec.nodeName ?? '';
    if (name === '') return;
    const wanted = Object.keys(changed).filter((feature) => changed[feature]!(before, spec));
    if (wanted.length === 0 || !server.gates.isOn('NodeDeclaredFeatures')) return;
    const refuse = (why: string) => forbiddenError({ group: '', resource: row.resource }, refusedName('', object), why);
    const node = server.options.store.get(storageKey(Nodes, undefined, name))?.object() as Node | undefined;
    if (node === undefined) throw refuse(`node ${JSON.stringify(name)} not found`);
    const missing = wanted.filter((feature) => node.status?.declaredFeatures?.includes(feature) !== true);
    if (missing.length > 0)
      throw refuse(
        `pod update requires features ${missing.join(', ')} which are not available on node ${JSON.stringify(name)}`,
      );
  },
};
