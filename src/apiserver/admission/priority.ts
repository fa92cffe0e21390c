// Pods get the number that their PriorityClass stands for.
import type { Pod, PodGroup, PriorityClass } from '#api/generated/types.ts';
import { PriorityClasses } from '#api/generated/kind-references.ts';
import type { Mutable } from '#api/kind.ts';
import { storageKey, storagePrefix } from '#api/kinds.ts';
import { forbiddenError, type ApiError } from '#api/status.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { isCreate, isResource, only } from './operations.ts';
import { refusedName } from './refused-name.ts';

type Refuse = (text: string) => ApiError;

function classOf(name: string, server: Server, refuse: Refuse): PriorityClass | undefined {
  const { store } = server.options;
  if (name !== '') {
    const found = store.get(storageKey(PriorityClasses, undefined, name))?.object() as PriorityClass | undefined;
    if (found === undefined) throw refuse(`no PriorityClass with name ${name} was found`);
    return found;
  }
  // Several may claim to be the default for a moment: the least priority wins.
  return store
    .list(storagePrefix(PriorityClasses))
    .items.map((stored) => stored.object() as PriorityClass)
    .filter((one) => one.globalDefault === true)
    .toSorted((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}

/** Of the gate WorkloadAwarePreemption: groups of Pods have a priority as well. */
function mutatePodGroup(attributes: AdmissionAttributes, server: Server): void {
  if (!server.gates.isOn('WorkloadAwarePreemption')) return;
  const { spec } = attributes.object as Mutable<PodGroup>;
  if (spec === undefined) return;
  const refuse: Refuse = (text) =>
    forbiddenError({ group: 'scheduling.k8s.io', resource: 'podgroups' }, attributes.name, text);
  const found = classOf(spec.priorityClassName ?? '', server, refuse);
  const value = found?.value ?? 0;
  if (spec.priority !== undefined && spec.priority !== value)
    throw refuse(
      `priority set in the pod group (${spec.priority}) must match the priority computed (${value}) based on the priority class set in the spec`,
    );
  spec.priority = value;
  if (found !== undefined) spec.priorityClassName = found.metadata.name;
}

function mutate(attributes: AdmissionAttributes, server: Server): void {
  if (isCreate(attributes, 'scheduling.k8s.io', 'podgroups')) return mutatePodGroup(attributes, server);
  if (attributes.subresource !== '' || !isResource(attributes, '', 'pods')) return;
  const pod = attributes.object as Mutable<Pod> | undefined;
  if (pod?.spec === undefined) return;
  if (attributes.operation === 'UPDATE') {
    // Both follow from the class, which cannot change; a client may leave them out.
    const old = attributes.old as Pod;
    if (pod.spec.priority === undefined) pod.spec.priority = old.spec.priority;
    if (pod.spec.preemptionPolicy === undefined) pod.spec.preemptionPolicy = old.spec.preemptionPolicy;
    return;
  }
  if (attributes.operation !== 'CREATE') return;
  const refuse: Refuse = (text) => forbiddenError({ group: '', resource: 'pods' }, refusedName('', pod), text);
  const found = classOf(pod.spec.priorityClassName ?? '', server, refuse);
  if (found !== undefined && (pod.spec.priorityClassName ?? '') === '')
    pod.spec.priorityClassName = found.metadata.name;
  const value = found?.value ?? 0;
  const policy = found?.preemptionPolicy ?? 'PreemptLowerPriority';
  if (pod.spec.priority !== undefined && pod.spec.priority !== value)
    throw refuse(
      `the integer value of priority (${pod.spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  pod.spec.priority = value;
  if (pod.spec.preemptionPolicy !== undefined && pod.spec.preemptionPolicy !== policy)
    throw refuse(
      `the string value of PreemptionPolicy (${pod.spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  pod.spec.preemptionPolicy = policy;
}

function validate(attributes: AdmissionAttributes, server: Server): void {
  if (!isResource(attributes, 'scheduling.k8s.io', 'priorityclasses') || attributes.object === undefined) return;
  const one = attributes.object as unknown as PriorityClass;
  if (one.globalDefault !== true) return;
  const other = server.options.store
    .list(storagePrefix(PriorityClasses))
    .items.map((stored) => stored.object() as PriorityClass)
    .find((there) => there.globalDefault === true && there.metadata.name !== one.metadata.name);
  if (other !== undefined)
    throw forbiddenError(
      { group: 'scheduling.k8s.io', resource: 'priorityclasses' },
      refusedName('', one),
      `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`,
    );
}

export const priority: AdmissionPlugin = {
  name: 'Priority',
  concerns: only('pods', 'podgroups.scheduling.k8s.io', 'priorityclasses.scheduling.k8s.io'),
  mutate,
  validate,
};
