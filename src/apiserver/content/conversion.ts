// Kinds that are served in another form than the stored one: events.k8s.io/v1 over core Events, autoscaling/v1 over v2, Projects over Namespaces.
// Field names differ; nothing is lost, for what the older form cannot say is kept in annotations or as it is stored.
import { apiVersionOf, kindTable } from '#api/kinds.ts';
import type { KindRow, KubernetesObject, Mutable } from '#api/kind.ts';
import type { StoredObject } from '#storage/store.ts';
import { projects } from '../projects/conversion.ts';

type Fields = Record<string, unknown>;

export interface Conversion {
  /** New objects; the argument stays as it is. */
  fromStorage(object: KubernetesObject): KubernetesObject;
  toStorage(object: KubernetesObject): Mutable<KubernetesObject>;
  /** Rules of the served kind beyond those of the stored one, on stored objects. Throws an ApiError. */
  check?(object: KubernetesObject, previous: KubernetesObject | undefined): void;
}

/** [in events.k8s.io, in core]. */
const eventFields = [
  ['note', 'message'],
  ['regarding', 'involvedObject'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
] as const;

function renamed(
  object: KubernetesObject,
  kind: Pick<KubernetesObject, 'apiVersion'>,
  names: ReadonlyMap<string, string>,
): Fields {
  const result: Fields = {};
  for (const [key, value] of Object.entries(object)) result[names.get(key) ?? key] = value;
  result['apiVersion'] = kind.apiVersion;
  return result;
}

const toCore = new Map<string, string>(eventFields);
const fromCore = new Map<string, string>(eventFields.map(([one, other]) => [other, one]));

const events: Conversion = {
  fromStorage: (object) => renamed(object, { apiVersion: 'events.k8s.io/v1' }, fromCore) as unknown as KubernetesObject,
  toStorage: (object) => renamed(object, { apiVersion: 'v1' }, toCore) as unknown as Mutable<KubernetesObject>,
};

interface MetricSpec {
  readonly type: string;
  readonly resource?: {
    readonly name: string;
    readonly target: { readonly type: string; readonly averageUtilization?: number };
  };
}
const metricsAnnotation = 'autoscaling.alpha.kubernetes.io/metrics';
const behaviourAnnotation = 'autoscaling.alpha.kubernetes.io/behavior';
const conditionsAnnotation = 'autoscaling.alpha.kubernetes.io/conditions';
const currentMetricsAnnotation = 'autoscaling.alpha.kubernetes.io/current-metrics';

const isCpuUtilization = (metric: MetricSpec): boolean =>
  metric.type === 'Resource' &&
  metric.resource?.name === 'cpu' &&
  metric.resource.target.averageUtilization !== undefined;

const annotated = (metadata: KubernetesObject['metadata'], more: Readonly<Record<string, unknown>>) => {
  const annotations: Record<string, string> = { ...metadata.annotations };
  for (const [key, value] of Object.entries(more))
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) annotations[key] = JSON.stringify(value);
  return Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations };
};

const autoscaler: Conversion = {
  fromStorage(object) {
    const { spec = {}, status = {} } = object as unknown as { spec?: Fields; status?: Fields };
    const { metrics = [], behavior, ...restSpec } = spec as { metrics?: MetricSpec[]; behavior?: unknown } & Fields;
    const {
      conditions,
      currentMetrics = [],
      ...restStatus
    } = status as {
      conditions?: unknown[];
      currentMetrics?: { type: string; resource?: { name: string; current: { averageUtilization?: number } } }[];
    } & Fields;
    const cpu = metrics.find(isCpuUtilization);
    const currentCpu = currentMetrics.find((one) => one.type === 'Resource' && one.resource?.name === 'cpu');
    return {
      ...object,
      apiVersion: 'autoscaling/v1',
      metadata: annotated(object.metadata, {
        [metricsAnnotation]: metrics.filter((one) => one !== cpu),
        [behaviourAnnotation]: behavior,
        [conditionsAnnotation]: conditions,
        [currentMetricsAnnotation]: currentMetrics.filter((one) => one !== currentCpu),
      }),
      spec: {
        ...restSpec,
        ...(cpu === undefined ? {} : { targetCPUUtilizationPercentage: cpu.resource!.target.averageUtilization }),
      },
      status: {
        ...restStatus,
        ...(currentCpu?.resource?.current.averageUtilization === undefined
          ? {}
          : { currentCPUUtilizationPercentage: currentCpu.resource.current.averageUtilization }),
      },
    } as KubernetesObject;
  },
  toStorage(object) {
    const {
      spec = {},
      status = {},
      metadata,
    } = object as unknown as KubernetesObject & { spec?: Fields; status?: Fields };
    const { targetCPUUtilizationPercentage: cpu, ...restSpec } = spec;
    const { currentCPUUtilizationPercentage: currentCpu, ...restStatus } = status;
    const annotations = { ...metadata.annotations };
    const take = (name: string): unknown => {
      const text = annotations[name];
      delete annotations[name];
      if (text === undefined) return undefined;
      try {
        return JSON.parse(text);
      } catch {
        return undefined; // as upstream: an annotation that no one can read is dropped
      }
    };
    const resource = (name: string, value: unknown, member: 'target' | 'current') => ({
      type: 'Resource',
      resource: {
        name,
        [member]: { ...(member === 'target' ? { type: 'Utilization' } : {}), averageUtilization: value },
      },
    });
    const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
    const metrics = [...(cpu === undefined ? [] : [resource('cpu', cpu, 'target')]), ...list(take(metricsAnnotation))];
    const behavior = take(behaviourAnnotation);
    const conditions = list(take(conditionsAnnotation));
    const current = [
      ...(currentCpu === undefined ? [] : [resource('cpu', currentCpu, 'current')]),
      ...list(take(currentMetricsAnnotation)),
    ];
    const { annotations: _, ...restMetadata } = metadata;
    return {
      ...object,
      apiVersion: 'autoscaling/v2',
      metadata: Object.keys(annotations).length === 0 ? restMetadata : { ...restMetadata, annotations },
      spec: {
        ...restSpec,
        ...(metrics.length === 0 ? {} : { metrics }),
        ...(behavior === undefined ? {} : { behavior }),
      },
      status: {
        ...restStatus,
        ...(current.length === 0 ? {} : { currentMetrics: current }),
        ...(conditions.length === 0 ? {} : { conditions }),
      },
    } as unknown as Mutable<KubernetesObject>;
  },
};

/** The row of the stored version: what is validated, admitted and written. */
export const storageRow = (row: KindRow): KindRow => {
  const { storage } = row;
  // Custom resources are looked at in the version of the request, and converted when they are read and written.
  if (row.custom !== undefined) return row;
  if (storage === undefined || (storage.group === row.group && storage.version === row.version)) return row;
  return kindTable.findKind(storage.group, storage.version, storage.kind) ?? row;
};

/** Undefined: stored as it is served. */
export function conversionOf(row: KindRow): Conversion | undefined {
  const { storage } = row;
  if (storage === undefined || (storage.group === row.group && storage.version === row.version)) return undefined;
  if (row.resource === 'events') return events;
  if (row.resource === 'horizontalpodautoscalers') return autoscaler;
  if (row.resource === 'projects') return projects;
  throw new Error(`no conversion of ${apiVersionOf(row)} ${row.kind} to its stored version`);
}

const cache = new WeakMap<StoredObject, Map<KindRow, KubernetesObject>>();

/** Whether the stored bytes are what this row serves. */
export const isStoredForm = (row: KindRow, stored: StoredObject): boolean =>
  row.custom === undefined
    ? conversionOf(row) === undefined
    : row.custom.fromStored(stored.object()) === stored.object();

/** Made once for a stored object and shared. */
export function convertedFrom(row: KindRow, stored: StoredObject): KubernetesObject {
  let byRow = cache.get(stored);
  if (byRow === undefined) cache.set(stored, (byRow = new Map()));
  let object = byRow.get(row);
  if (object === undefined) byRow.set(row, (object = conversionOf(row)!.fromStorage(stored.object())));
  return object;
}
