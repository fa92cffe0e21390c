// Groups of Pods: kept while Pods are in them, made from templates that exist, and Jobs that are scheduled as a gang keep their
// size. Upstream's PodGroupProtection, PodGroupWorkloadExists and JobValidation, of the gates GenericWorkload and WorkloadWithJob.
import { PodGroups, Workloads } from '#api/generated/kind-references.ts';
import type { Job, PodGroup, Workload } from '#api/generated/types.ts';
import type { Mutable } from '#api/kind.ts';
import { storageKey, storagePrefix } from '#api/kinds.ts';
import { forbiddenError } from '#api/status.ts';
import type { AdmissionAttributes, AdmissionPlugin, Server } from '../context.ts';
import { isCreate, isResource, only } from './operations.ts';
import { refusedName } from './refused-name.ts';

const group = 'scheduling.k8s.io';
const resource = 'podgroups';
const finalizer = 'scheduling.k8s.io/podgroup-protection';

function mutate(attributes: AdmissionAttributes, server: Server): void {
  if (!isCreate(attributes, group, resource) || !server.gates.isOn('GenericWorkload')) return;
  const { metadata } = attributes.object!;
  if (metadata.finalizers?.includes(finalizer) !== true)
    metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
}

function checkWorkload(attributes: AdmissionAttributes, { options: { store } }: Server): void {
  const wanted = (attributes.object as Mutable<PodGroup>).spec?.podGroupTemplateRef?.workload;
  if (wanted === undefined) return;
  const refuse = (text: string) =>
    forbiddenError({ group, resource }, refusedName(attributes.name, attributes.object), `PodGroup rejected: ${text}`);
  const [name, template] = [JSON.stringify(wanted.workloadName), JSON.stringify(wanted.podGroupTemplateName)];
  const found = store.get(storageKey(Workloads, attributes.namespace, wanted.workloadName))?.object() as
    | Workload
    | undefined;
  if (found === undefined) throw refuse(`Workload ${name} not found`);
  if (found.metadata.deletionTimestamp !== undefined) throw refuse(`Workload ${name} is being deleted`);
  if (!found.spec.podGroupTemplates.some((one) => one.name === wanted.podGroupTemplateName))
    throw refuse(`PodGroupTemplate ${template} not found in Workload ${name}`);
}

/** The group of the Job's Pods that is scheduled as a whole. */
function gangOf(job: Job, namespace: string, { options: { store } }: Server): PodGroup | undefined {
  const isGang = (one: PodGroup | undefined) => (one?.spec.schedulingPolicy?.gang === undefined ? undefined : one);
  const named = job.spec?.template?.spec?.schedulingGroup?.podGroupName;
  if (named !== undefined)
    return isGang(store.get(storageKey(PodGroups, namespace, named))?.object() as PodGroup | undefined);
  return store
    .list(storagePrefix(PodGroups, namespace))
    .items.map((stored) => stored.object() as PodGroup)
    .find(
      (one) =>
        isGang(one) !== undefined &&
        one.metadata.ownerReferences?.some((owner) => owner.controller === true && owner.uid === job.metadata.uid),
    );
}

function checkParallelism(attributes: AdmissionAttributes, server: Server): void {
  const [job, old] = [attributes.object as unknown as Job, attributes.old as Job];
  if (job.spec?.parallelism === old.spec?.parallelism) return;
  const gang = gangOf(old, attributes.namespace, server);
  if (gang !== undefined)
    throw forbiddenError(
      { group: 'batch', resource: 'jobs' },
      refusedName(attributes.name, attributes.object),
      `cannot change parallelism for a Job referencing gang-scheduled PodGroup ${JSON.stringify(gang.metadata.name)}`,
    );
}

function validate(attributes: AdmissionAttributes, server: Server): void {
  if (!server.gates.isOn('GenericWorkload')) return;
  if (isCreate(attributes, group, resource)) checkWorkload(attributes, server);
  else if (
    attributes.operation === 'UPDATE' &&
    attributes.subresource === '' &&
    isResource(attributes, 'batch', 'jobs')
  )
    checkParallelism(attributes, server);
}

export const podGroups: AdmissionPlugin = {
  name: 'PodGroups',
  concerns: only('podgroups.scheduling.k8s.io', 'jobs.batch'),
  mutate,
  validate,
};
