// Pods get the number that their PriorityClass stands for.
import type { Pod, PriorityClass } from '#api/generated/types.ts';
import { PriorityClasses } from '#api/generated/kind-references.ts';
import type { Mutable } from '#api/kind.ts';
import { storageKey, storagePrefix } from '#api/kinds.ts';
import { forbiddenError } from '#api/status.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { isResource } from './operations.ts';
import { refusedName } from './refused-name.ts';

const refuse = (pod: Pod, text: string) => forbiddenError({ group: '', resource: 'pods' }, refusedName('', pod), text);

function classOf(pod: Pod, server: Server): PriorityClass | undefined {
  const { store } = server.options;
  const name = pod.spec.priorityClassName ?? '';
  if (name !== '') {
    const found = store.get(storageKey(PriorityClasses, undefined, name))?.object() as PriorityClass | undefined;
    if (found === undefined) throw refuse(pod, `no PriorityClass with name ${name} was found`);
    return found;
  }
  // Several may claim to be the default for a moment: the least priority wins.
  return store
    .list(storagePrefix(PriorityClasses))
    .items.map((stored) => stored.object() as PriorityClass)
    .filter((one) => one.globalDefault === true)
    .toSorted((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}

function mutate(attributes: AdmissionAttributes, server: Server): void {
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
  const found = classOf(pod, server);
  if (found !== undefined && (pod.spec.priorityClassName ?? '') === '')
    pod.spec.priorityClassName = found.metadata.name;
  const value = found?.value ?? 0;
  const policy = found?.preemptionPolicy ?? 'PreemptLowerPriority';
  if (pod.spec.priority !== undefined && pod.spec.priority !== value)
    throw refuse(
      pod,
      `the integer value of priority (${pod.spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  pod.spec.priority = value;
  if (pod.spec.preemptionPolicy !== undefined && pod.spec.preemptionPolicy !== policy)
    throw refuse(
      pod,
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

export const priority: AdmissionPlugin = { name: 'Priority', mutate, validate };
