// POST of a Binding: gives a pod its node, once. By pods/NAME/binding or by the namespace's bindings.
import type { Binding, Pod } from '#api/generated/types.ts';
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import { kindTable } from '#api/kinds.ts';
import { notSupported, required } from '#api/field-error.ts';
import type { FieldError } from '#api/field-error.ts';
import type { ApiResponse } from '#api/request.ts';
import { pathSegment } from '#api/meta/names.ts';
import { formatTime } from '#api/meta/time.ts';
import { ApiError, badRequestError, conflictError, notFoundError } from '#api/status.ts';
import { readCreated } from '../content/read-created.ts';
import { admitAction } from '../registry/admit-action.ts';
import { groupResource, isTerminating } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { updateObject } from '../registry/update-object.ts';
import { respondObject, successStatus } from '../responses.ts';

function checkBinding(binding: Binding): void {
  const errors: FieldError[] = [];
  const kind = binding.target?.kind ?? '';
  if (kind !== '' && kind !== 'Node') errors.push(notSupported('target.kind', kind, ['Node', '<empty>']));
  if ((binding.target?.name ?? '') === '') errors.push(required('target.name'));
  // Upstream gives out the bare list of what is wrong, which is not an answer that says Invalid.
  if (errors.length > 0) {
    const texts = errors.map(({ field, message }) => `${field}: ${message}`);
    throw new ApiError(500, '', texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`);
  }
}

function checkName(name: string): void {
  if (name === '') throw badRequestError('Name parameter required.');
  const problems = pathSegment(name);
  if (problems.length > 0)
    throw badRequestError(`Name parameter invalid: ${JSON.stringify(name)}: ${problems.join(';')}`);
}

export async function bindPod(request: ResourceRequest): Promise<ApiResponse> {
  const { context } = request;
  const { object, options } = await readCreated({ ...request, row: kindTable.find('', 'v1', 'bindings')! });
  const binding = object as unknown as Binding;
  if ((binding.metadata.namespace ?? request.namespace) !== request.namespace)
    throw badRequestError('the namespace of the provided object does not match the namespace sent on the request');
  const row = kindTable.find('', 'v1', 'pods')!;
  const name = binding.metadata.name ?? '';
  if (request.name !== '' && name !== request.name)
    throw badRequestError('name in URL does not match name in Binding object');
  checkBinding(binding);
  checkName(name);
  await admitAction(
    { ...request, name },
    {
      operation: 'CREATE',
      object: binding,
      kind: { group: '', version: 'v1', kind: 'Binding' },
      dryRun: options.dryRun,
    },
  );
  // Admission may have changed it.
  checkBinding(binding);
  const now = context.server.options.clock.now();
  const bind = (current: KubernetesObject | undefined): Mutable<KubernetesObject> => {
    if (current === undefined) throw notFoundError(groupResource(row), name);
    const pod = structuredClone(current) as Mutable<Pod>;
    const conflict = (cause: string) => conflictError({ group: '', resource: 'pods/binding' }, name, cause);
    if ((binding.metadata?.uid ?? '') !== '' && binding.metadata.uid !== pod.metadata.uid)
      throw conflict(
        `Precondition failed: UID in precondition: ${binding.metadata.uid}, UID in object meta: ${pod.metadata.uid}`,
      );
    if (
      (binding.metadata?.resourceVersion ?? '') !== '' &&
      binding.metadata.resourceVersion !== pod.metadata.resourceVersion
    )
      throw conflict(
        `Precondition failed: ResourceVersion in precondition: ${binding.metadata.resourceVersion}, ResourceVersion in object meta: ${pod.metadata.resourceVersion}`,
      );
    if (isTerminating(current)) throw conflict(`pod ${name} is being deleted, cannot be assigned to a host`);
    if (pod.spec === undefined || (pod.spec.nodeName ?? '') !== '')
      throw conflict(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec?.nodeName ?? '')}`);
    if ((pod.spec.schedulingGates ?? []).length > 0) throw conflict(`pod ${name} has non-empty .spec.schedulingGates`);
    pod.spec.nodeName = binding.target.name!;
    if (binding.metadata?.annotations !== undefined)
      pod.metadata.annotations = { ...pod.metadata.annotations, ...binding.metadata.annotations };
    if (binding.metadata?.labels !== undefined && context.server.gates.isOn('PodTopologyLabelsAdmission'))
      pod.metadata.labels = { ...pod.metadata.labels, ...binding.metadata.labels };
    const conditions = (pod.status ??= {}).conditions ?? [];
    const scheduled = conditions.find((one) => one.type === 'PodScheduled');
    pod.status.conditions = [
      ...conditions.filter((one) => one !== scheduled),
      {
        type: 'PodScheduled',
        status: 'True',
        lastProbeTime: null as never,
        lastTransitionTime: scheduled?.status === 'True' ? scheduled.lastTransitionTime : formatTime(now),
      },
    ];
    return pod;
  };
  await updateObject({ ...request, row, name, subresource: 'binding' }, bind, {
    dryRun: options.dryRun,
    createWhenAbsent: false,
    retriesConflicts: true,
    fieldManager: '',
    isInternal: true,
  });
  return respondObject({ ...successStatus(undefined, 201) }, 201);
}
