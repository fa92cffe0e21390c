// autoscaling/v1 Scale of Deployments, ReplicaSets, StatefulSets and ReplicationControllers, and of custom resources that
// say where their replicas are: replicas and selector alone.
import type { LabelSelector } from '#api/generated/types.ts';
import { partsOfPath, valueAtPath } from '#api/custom/schema.ts';
import type { KindRow, KubernetesObject, Mutable } from '#api/kind.ts';
import { labelSelectorMatcher } from '#api/meta/label-selector.ts';
import type { ApiResponse } from '#api/request.ts';
import { decodeType } from '#api/schema/decode.ts';
import { trackUpdate } from '#api/managed-fields/track-update.ts';
import { invalid } from '#api/field-error.ts';
import { badRequestError, internalError, invalidError, modifiedError, notFoundError } from '#api/status.ts';
import { negotiateOutput } from '../content/negotiate.ts';
import { objectOf, respondWith } from '../content/present.ts';
import { readWrittenBody, unknownFormatError } from '../content/read-body.ts';
import { readPatch } from '../content/read-patch.ts';
import { managerOf, writeOptions } from '../content/request-options.ts';
import { groupResource, storedOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { decodePatched } from '../verbs/patch.ts';
import { convertAhead } from '../custom-resources/conversion.ts';
import { updateObject } from '../registry/update-object.ts';

const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
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

interface Numbers {
  /** Undefined: not said. */
  readonly wanted: number | undefined;
  readonly actual: number | undefined;
  readonly selector: string;
}

const count = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

function numbersOf(row: KindRow, object: Scalable): Numbers {
  const paths = row.custom?.scale;
  if (paths === undefined)
    return { wanted: object.spec?.replicas, actual: object.status?.replicas, selector: selectorText(object) };
  const selector = paths.labelSelectorPath === undefined ? '' : valueAtPath(object, paths.labelSelectorPath);
  return {
    wanted: count(valueAtPath(object, paths.specReplicasPath)),
    actual: count(valueAtPath(object, paths.statusReplicasPath)),
    selector: typeof selector === 'string' ? selector : '',
  };
}

function withReplicas(row: KindRow, current: KubernetesObject, replicas: number): Mutable<KubernetesObject> {
  const copy = structuredClone(current) as Mutable<KubernetesObject>;
  setReplicas(row, copy, replicas);
  return copy;
}

function setReplicas(row: KindRow, copy: Mutable<KubernetesObject>, replicas: number): void {
  const parts = partsOfPath(row.custom?.scale?.specReplicasPath ?? '.spec.replicas');
  let at = copy as unknown as Record<string, unknown>;
  for (const part of parts.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
  at[parts.at(-1)!] = replicas;
}

const scaleOf = (row: KindRow, object: Scalable): Scale => {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const { wanted, actual, selector } = numbersOf(row, object);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    // Go leaves out none wanted, and tells of none there.
    spec: (wanted ?? 0) === 0 ? {} : { replicas: wanted },
    status: { replicas: actual ?? 0, ...(selector === '' ? {} : { selector }) },
  } as Scale;
};

export async function scale(request: ResourceRequest): Promise<ApiResponse> {
  const { context, row } = request;
  const form = { ...negotiateOutput(context.request), transform: 'none' as const };
  const { verb } = context.info;
  if (verb === 'get') {
    const stored = storedOf(request);
    await convertAhead(context.server, row, [stored]);
    const object = objectOf(row, stored) as Scalable;
    const path = row.custom?.scale?.specReplicasPath;
    if (path !== undefined && numbersOf(row, object).wanted === undefined)
      throw internalError(`the spec replicas field ${JSON.stringify(path)} does not exist`);
    return respondWith(context, row, scaleOf(row, object), form);
  }

  const options = writeOptions(context.request, verb === 'patch' ? 'PatchOptions' : 'UpdateOptions');
  const fieldValidation = options.fieldValidation;
  const patch =
    verb === 'patch'
      ? await readPatch(context.request, {
          allowsStrategic: row.custom === undefined,
          duplicates: fieldValidation !== 'Ignore',
        })
      : undefined;
  if (patch !== undefined && patch.apply === undefined)
    throw unknownFormatError(
      'application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json',
    );
  const sent =
    patch === undefined ? await readWrittenBody(context.request, scaleKind, fieldValidation !== 'Ignore') : undefined;
  const manager = managerOf(options, context.request);
  const { clock } = context.server.options;

  const transform = (current: KubernetesObject | undefined): Mutable<KubernetesObject> => {
    if (current === undefined) throw notFoundError(groupResource(row), request.name);
    const before = scaleOf(row, current as Scalable);
    const value = patch === undefined ? sent?.value : patch.apply!(scaleType, before);
    const { object, warnings } =
      patch === undefined
        ? decodeType(scaleType, value, { ...sent, fieldValidation })
        : decodePatched(patch, value, options, (how) => decodeType(scaleType, value, how));
    if (fieldValidation === 'Warn') context.warnings.push(...warnings);
    const wanted = object as unknown as Scale;
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
    const copy = withReplicas(row, current, replicas);
    trackUpdate(row, current, copy, { manager, subresource: 'scale', now: clock.now() });
    return copy;
  };
  const written = await updateObject({ ...request, subresource: '' }, transform, {
    dryRun: options.dryRun,
    createWhenAbsent: false,
    retriesConflicts: true,
    fieldManager: manager,
    shownAs: {
      subresource: 'scale',
      kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
      show: (object) => scaleOf(row, object as Scalable) as Mutable<KubernetesObject>,
      take(object, shown) {
        const replicas = (shown as Scale).spec?.replicas ?? 0;
        if (replicas !== (numbersOf(row, object as Scalable).wanted ?? 0)) setReplicas(row, object, replicas);
      },
    },
  });
  const object = written.type === 'stored' ? objectOf(row, written.stored) : written.object;
  return respondWith(context, row, scaleOf(row, object as Scalable), form);
}
