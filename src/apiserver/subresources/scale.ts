// autoscaling/v1 Scale of Deployments, ReplicaSets, StatefulSets and ReplicationControllers, and of custom resources that
// say where their replicas are: replicas and selector alone.
import type { LabelSelector } from '#api/generated/types.ts';
import { partsOfPath, valueAtPath } from '#api/custom/schema.ts';
import type { KindRow, KubernetesObject, Mutable } from '#api/kind.ts';
import { labelSelectorMatcher } from '#api/meta/label-selector.ts';
import type { ApiResponse } from '#api/request.ts';
import { apiVersionOf } from '#api/kinds.ts';
import { applyConfiguration } from '#api/managed-fields/apply-configuration.ts';
import { ownersAfterScale, ownersOfScale, type ScaleOwners } from '#api/managed-fields/scale-owners.ts';
import { decodeObject } from '#api/schema/decode.ts';
import { trackUpdate } from '#api/managed-fields/track-update.ts';
import { invalid } from '#api/field-error.ts';
import { internalError, invalidError, modifiedError, notFoundError } from '#api/status.ts';
import { negotiateOutput } from '../content/negotiate.ts';
import { objectOf, respondWith } from '../content/present.ts';
import { readWrittenBody } from '../content/read-body.ts';
import { readPatch } from '../content/read-patch.ts';
import { managerOf, writeOptions, type WriteOptions } from '../content/request-options.ts';
import { checkName, groupResource, storedOf } from '../registry/resource-request.ts';
import type { ResourceRequest } from '../registry/resource-request.ts';
import { checkApplied } from '../verbs/apply.ts';
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

/** What a scale of the row's objects is: read, owned and printed as a kind of its own. */
const scaleRowOf = (row: KindRow): KindRow => ({
  ...row,
  ...scaleKind,
  resource: 'scales',
  typeName: scaleType,
  custom: undefined,
  storage: undefined,
  columns: row.subresources['scale']?.columns ?? [],
  strategy: { ...row.strategy, resetFields: {} },
});

const ownersOf = (row: KindRow, { metadata }: KubernetesObject): ScaleOwners => ({
  entries: metadata.managedFields,
  path: partsOfPath(row.custom?.scale?.specReplicasPath ?? '.spec.replicas'),
  apiVersion: apiVersionOf(row),
});

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

/** The body of a PUT. Throws ApiError 400. */
async function readScale(
  request: ResourceRequest,
  scaleRow: KindRow,
  { fieldValidation }: WriteOptions,
): Promise<Mutable<KubernetesObject>> {
  const { context } = request;
  const body = await readWrittenBody(context.request, scaleRow, fieldValidation !== 'Ignore');
  const { object, warnings } = decodeObject(scaleRow, body.value, { ...body, fieldValidation });
  if (fieldValidation === 'Warn') context.warnings.push(...warnings);
  checkName(request, object);
  return object;
}

export async function scale(request: ResourceRequest): Promise<ApiResponse> {
  const { context, row } = request;
  const form = negotiateOutput(context.request);
  const { verb } = context.info;
  if (verb === 'get') {
    const stored = storedOf(request);
    await convertAhead(context.server, row, [stored]);
    const object = objectOf(row, stored) as Scalable;
    const path = row.custom?.scale?.specReplicasPath;
    if (path !== undefined && numbersOf(row, object).wanted === undefined)
      throw internalError(`the spec replicas field ${JSON.stringify(path)} does not exist`);
    return respondWith(context, scaleRowOf(row), scaleOf(row, object), form);
  }

  const options = writeOptions(context.request, verb === 'patch' ? 'PatchOptions' : 'UpdateOptions');
  const fieldValidation = options.fieldValidation;
  const scaleRow = scaleRowOf(row);
  const isStrict = fieldValidation !== 'Ignore';
  const patch =
    verb === 'patch'
      ? await readPatch(context.request, { allowsStrategic: row.custom === undefined, duplicates: isStrict })
      : undefined;
  if (patch?.type === 'apply') checkApplied(scaleRow, patch.body.value, options.fieldManager);
  const sent = patch === undefined ? await readScale(request, scaleRow, options) : undefined;
  const manager = managerOf(options, context.request);
  const { clock } = context.server.options;

  const wantedScale = (before: Scale): Mutable<KubernetesObject> => {
    if (sent !== undefined) return structuredClone(sent);
    const force = context.request.query.get('force') === 'true';
    if (patch!.apply === undefined)
      return applyConfiguration({
        row: scaleRow,
        live: before,
        applied: patch!.body.value,
        manager: options.fieldManager,
        force,
        subresource: 'scale',
        now: clock.now(),
      });
    const { metadata, ...rest } = before;
    const value = patch!.apply(scaleType, { ...rest, metadata: { ...metadata, managedFields: undefined } });
    const { object, warnings } = decodePatched(patch!, value, options, (how) => decodeObject(scaleRow, value, how));
    if (fieldValidation === 'Warn') context.warnings.push(...warnings);
    return object;
  };
  const transform = (current: KubernetesObject | undefined): Mutable<KubernetesObject> => {
    if (current === undefined) throw notFoundError(groupResource(row), request.name);
    const owners = ownersOf(row, current);
    const shown = scaleOf(row, current as Scalable);
    const before = { ...shown, metadata: { ...shown.metadata, managedFields: ownersOfScale(owners) } };
    const wanted = wantedScale(before);
    checkName(request, wanted);
    if (patch?.type !== 'apply')
      trackUpdate(scaleRow, before, wanted, { manager, subresource: 'scale', now: clock.now() });
    const { resourceVersion: version = '', uid = '' } = wanted.metadata;
    const replicas = (wanted as unknown as Scale).spec?.replicas ?? 0;
    // Custom resources have it among their own rules.
    if (replicas < 0 && row.custom === undefined)
      throw invalidError({ group: 'autoscaling', kind: 'Scale' }, request.name, [
        invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
      ]);
    if (version !== '' && version !== current.metadata.resourceVersion)
      throw modifiedError(groupResource(row), request.name);
    const copy = withReplicas(row, current, replicas);
    if (uid !== '') copy.metadata.uid = uid;
    const entries = ownersAfterScale(owners, wanted.metadata.managedFields);
    if (entries.length === 0) delete copy.metadata.managedFields;
    else copy.metadata.managedFields = entries as Mutable<typeof entries>;
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
  return respondWith(context, scaleRow, scaleOf(row, object as Scalable), form);
}
