// autoscaling/v1 Scale of Deployments, ReplicaSets, StatefulSets and ReplicationControllers: replicas and selector alone.
import type { LabelSelector } from '#api/generated/types.ts';
import type { KubernetesObject, Mutable } from '#api/kind.ts';
import { labelSelectorMatcher } from '#api/meta/label-selector.ts';
import type { ApiResponse } from '#api/request.ts';
import { decodeType } from '#api/schema/decode.ts';
import { trackUpdate } from '#api/managed-fields/track-update.ts';
import { invalid } from '#api/field-error.ts';
import { badRequestError, invalidError, modifiedError, notFoundError } from '#api/status.ts';
import { negotiateOutput } from '../content/negotiate.ts';
import { respondWith } from '../content/present.ts';
import { readBody, unknownFormatError } from '../content/read-body.ts';
import { readPatch } from '../content/read-patch.ts';
import { managerOf, writeOptions } from '../content/request-options.ts';
import { groupResource, storedOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { updateObject } from '../registry/update-object.ts';

const scaleType = 'io.k8s.api.autoscaling.v1.Scale';

interface Scalable extends KubernetesObject {
  readonly spec?: {
    readonly replicas?: number | undefined;
    readonly selector?: LabelSelector | Readonly<Record<string, string>> | undefined;
  };
  readonly status?: { readonly replicas?: number | undefined };
}
interface Scale extends KubernetesObject {
  readonly spec: { readonly replicas?: number | undefined };
}

function selectorText(object: Scalable): string {
  const selector = object.spec?.selector;
  if (selector === undefined) return '';
  const isMap = object.kind === 'ReplicationController' || object.kind === 'DeploymentConfig';
  return labelSelectorMatcher(
    isMap ? { matchLabels: selector as Readonly<Record<string, string>> } : (selector as LabelSelector),
  ).toString();
}

const scaleOf = (object: Scalable): Scale => {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = selectorText(object);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: object.spec?.replicas ?? 0 },
    status: { replicas: object.status?.replicas ?? 0, ...(selector === '' ? {} : { selector }) },
  } as Scale;
};

export async function scale(request: ResourceRequest): Promise<ApiResponse> {
  const { context, row } = request;
  const form = { ...negotiateOutput(context.request), transform: 'none' as const };
  const { verb } = context.info;
  if (verb === 'get') return respondWith(context, row, scaleOf(storedOf(request).object() as Scalable), form);

  const options = writeOptions(context.request, verb === 'patch' ? 'PatchOptions' : 'UpdateOptions');
  const fieldValidation = options.fieldValidation;
  const patch = verb === 'patch' ? await readPatch(context.request) : undefined;
  if (patch !== undefined && patch.apply === undefined)
    throw unknownFormatError(
      'application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json',
    );
  const sent = patch === undefined ? await readBody(context.request) : undefined;
  const manager = managerOf(options, context.request);
  const { clock } = context.server.options;

  const transform = (current: KubernetesObject | undefined): Mutable<KubernetesObject> => {
    if (current === undefined) throw notFoundError(groupResource(row), request.name);
    const before = scaleOf(current as Scalable);
    const value = patch === undefined ? sent?.value : patch.apply!(scaleType, before);
    const wanted = decodeType(scaleType, value, { fieldValidation }).object as unknown as Scale;
    const { name = '', resourceVersion: version = '' } = wanted.metadata ?? {};
    if (name !== '' && name !== request.name)
      throw badRequestError(`the name of the object (${name}) does not match the name on the URL (${request.name})`);
    if (version !== '' && version !== current.metadata.resourceVersion)
      throw modifiedError(groupResource(row), request.name);
    const replicas = wanted.spec?.replicas ?? 0;
    if (replicas < 0)
      throw invalidError({ group: 'autoscaling', kind: 'Scale' }, request.name, [
        invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
      ]);
    const copy = structuredClone(current) as Mutable<Scalable>;
    copy.spec = { ...copy.spec, replicas };
    trackUpdate(row, current, copy, { manager, subresource: 'scale', now: clock.now() });
    return copy;
  };
  const written = await updateObject({ ...request, subresource: '' }, transform, {
    dryRun: options.dryRun,
    createWhenAbsent: false,
    retriesConflicts: true,
    fieldManager: manager,
  });
  const object = written.type === 'stored' ? written.stored.object() : written.object;
  return respondWith(context, row, scaleOf(object as Scalable), form);
}
