// autoscaling/v1 over the stored v2: v1 has one number, the use of CPU; all else of v2 is kept in annotations, in the form that
// upstream writes there (metrics as v1 has them, behavior with the names of upstream's own type).
import { applyDefaults } from '#api/schema/defaults.ts';
import { canonicalQuantity, compareQuantities } from '#api/quantity.ts';
import type { KubernetesObject, Mutable } from '#api/kind.ts';

type Fields = Readonly<Record<string, unknown>>;

const prefix = 'autoscaling.alpha.kubernetes.io/';
const annotationNames = [
  'metrics',
  'behavior',
  'scale-down-tolerance',
  'scale-up-tolerance',
  'current-metrics',
  'conditions',
];
const defaultCpuPercent = 80;

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : []);
/** Without members that are not there. */
const present = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
/** What Go writes for an amount that is there by value. */
const amount = (value: unknown): unknown => value ?? '0';
const isZeroAmount = (value: string | undefined): boolean => value === undefined || compareQuantities(value, '0') === 0;
const canonical = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? canonicalQuantity(String(value)) : undefined;

const isCpuPercent = (metric: Fields): boolean => {
  const resource = fieldsOf(metric['resource']);
  return (
    metric['type'] === 'Resource' &&
    resource['name'] === 'cpu' &&
    fieldsOf(resource['target'])['averageUtilization'] !== undefined
  );
};

/** Of a metric's source or status, by its member: what v1 writes for it. `side` is `target` or `current`. */
function toV1(member: string, side: 'target' | 'current', source: Fields): Fields {
  const { value, averageValue, averageUtilization } = fieldsOf(source[side]);
  const metric = fieldsOf(source['metric']);
  const { name: metricName, selector } = metric;
  const named = (what: string) => `${side}${what}`;
  switch (member) {
    case 'object':
      return present({
        target: source['describedObject'],
        metricName,
        [named('Value')]: amount(value),
        selector,
        averageValue,
      });
    case 'pods':
      return present({ metricName, [named('AverageValue')]: amount(averageValue), selector });
    case 'external':
      return present({
        metricName,
        metricSelector: selector,
        [named('Value')]: side === 'target' ? value : amount(value),
        [named('AverageValue')]: averageValue,
      });
    default: {
      const average = side === 'target' ? averageValue : amount(averageValue);
      return present({
        name: source['name'],
        [named('AverageUtilization')]: averageUtilization,
        [named('AverageValue')]: average,
        ...(member === 'containerResource' ? { container: source['container'] } : {}),
      });
    }
  }
}

function fromV1(member: string, side: 'target' | 'current', source: Fields): Fields {
  const value = canonical(source[`${side}Value`]);
  const average = canonical(source[`${side}AverageValue`]);
  const utilization = source[`${side}AverageUtilization`];
  const metric = (selector: unknown) => present({ name: source['metricName'] ?? '', selector });
  const one = (type: string, amounts: Fields) => present(side === 'target' ? { type, ...amounts } : amounts);
  switch (member) {
    case 'object': {
      const own = canonical(source['averageValue']);
      // v1 cannot leave the value out: a zero next to an average says nothing.
      const kept = own !== undefined && side === 'target' && isZeroAmount(value) ? undefined : (value ?? '0');
      return {
        describedObject: source['target'] ?? {},
        [side]: one(own === undefined ? 'Value' : 'AverageValue', { value: kept, averageValue: own }),
        metric: metric(source['selector']),
      };
    }
    case 'pods':
      return { metric: metric(source['selector']), [side]: one('AverageValue', { averageValue: average ?? '0' }) };
    case 'external':
      return {
        metric: metric(source['metricSelector']),
        [side]: one(value === undefined ? 'AverageValue' : 'Value', {
          value: side === 'target' ? value : (value ?? '0'),
          averageValue: average,
        }),
      };
    default:
      return present({
        name: source['name'] ?? '',
        container: member === 'containerResource' ? (source['container'] ?? '') : undefined,
        [side]: one(utilization === undefined ? 'AverageValue' : 'Utilization', {
          averageValue: side === 'target' ? average : (average ?? '0'),
          averageUtilization: utilization,
        }),
      });
  }
}

const members = ['object', 'pods', 'resource', 'containerResource', 'external'];
const converted = (
  metric: Fields,
  side: 'target' | 'current',
  convert: (member: string, side: 'target' | 'current', source: Fields) => Fields,
): Fields =>
  present({
    type: metric['type'] ?? '',
    ...Object.fromEntries(
      members
        .filter((member) => metric[member] !== undefined && metric[member] !== null)
        .map((member) => [member, convert(member, side, fieldsOf(metric[member]))]),
    ),
  });

/** Upstream writes its own type, which has no names for JSON: members in capitals, and null for what is not there. */
function goRules(rules: unknown): Fields | null {
  if (rules === undefined) return null;
  const { stabilizationWindowSeconds, selectPolicy, policies, tolerance } = fieldsOf(rules);
  return {
    StabilizationWindowSeconds: stabilizationWindowSeconds ?? null,
    SelectPolicy: selectPolicy ?? null,
    Policies:
      policies === undefined
        ? null
        : listOf(policies).map(({ type, value, periodSeconds }) => ({
            Type: type,
            Value: value,
            PeriodSeconds: periodSeconds,
          })),
    Tolerance: tolerance ?? null,
  };
}

/** Go reads names in any case. */
const lowered = (value: unknown): Fields =>
  Object.fromEntries(
    Object.entries(fieldsOf(value))
      .filter(([, one]) => one !== null)
      .map(([key, one]) => [key.toLowerCase(), one]),
  );
function rulesFromGo(value: unknown): Fields | undefined {
  if (value === undefined || value === null) return undefined;
  const rules = lowered(value);
  return present({
    stabilizationWindowSeconds: rules['stabilizationwindowseconds'],
    selectPolicy: rules['selectpolicy'],
    policies: Array.isArray(rules['policies'])
      ? rules['policies'].map((one) => {
          const policy = lowered(one);
          return {
            type: policy['type'] ?? '',
            value: policy['value'] ?? 0,
            periodSeconds: policy['periodseconds'] ?? 0,
          };
        })
      : // Rules that a client wrote into the annotation are complete, or refused.
        [],
    tolerance: canonical(rules['tolerance']),
  });
}

/** Without the annotations that conversions write. */
function ownAnnotations(annotations: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const rest = { ...annotations };
  for (const name of annotationNames) delete rest[prefix + name];
  return rest;
}

function withAnnotations(
  metadata: KubernetesObject['metadata'],
  annotations: Readonly<Record<string, string>>,
): KubernetesObject['metadata'] {
  const { annotations: _, ...rest } = metadata;
  return Object.keys(annotations).length === 0 ? rest : { ...rest, annotations };
}

/** Undefined: not there, or nothing that upstream could read. */
function annotationOf(metadata: KubernetesObject['metadata'], name: string): unknown {
  const text = metadata.annotations?.[prefix + name];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fromStorage(object: KubernetesObject): KubernetesObject {
  const { spec, status } = object as unknown as { spec?: unknown; status?: unknown };
  const { metrics, behavior, ...restSpec } = fieldsOf(spec);
  const { conditions, currentMetrics, ...restStatus } = fieldsOf(status);
  const annotations = ownAnnotations(object.metadata.annotations);
  const keep = (name: string, value: unknown) => (annotations[prefix + name] = JSON.stringify(value));

  const all = listOf(metrics);
  const others = all.filter((one) => !isCpuPercent(one)).map((one) => converted(one, 'target', toV1));
  const current = listOf(currentMetrics);
  if (others.length > 0) keep('metrics', others);
  if (current.length > 0)
    keep(
      'current-metrics',
      current.map((one) => converted(one, 'current', toV1)),
    );
  if (behavior !== undefined) {
    const { scaleUp, scaleDown } = fieldsOf(behavior);
    keep('behavior', { ScaleUp: goRules(scaleUp), ScaleDown: goRules(scaleDown) });
  }
  if (listOf(conditions).length > 0)
    keep(
      'conditions',
      listOf(conditions).map(({ type, status: state, lastTransitionTime, reason, message }) =>
        present({ type, status: state, lastTransitionTime: lastTransitionTime ?? null, reason, message }),
      ),
    );
  const cpu = all.find(isCpuPercent);
  const currentCpu = current.findLast(
    ({ type, resource }) =>
      type === 'Resource' &&
      fieldsOf(resource)['name'] === 'cpu' &&
      fieldsOf(fieldsOf(resource)['current'])['averageUtilization'] !== undefined,
  );
  return {
    ...object,
    apiVersion: 'autoscaling/v1',
    metadata: withAnnotations(object.metadata, annotations),
    spec: present({
      ...restSpec,
      targetCPUUtilizationPercentage: fieldsOf(fieldsOf(cpu?.['resource'])['target'])['averageUtilization'],
    }),
    status: present({
      currentReplicas: 0,
      desiredReplicas: 0,
      ...restStatus,
      currentCPUUtilizationPercentage: fieldsOf(fieldsOf(currentCpu?.['resource'])['current'])['averageUtilization'],
    }),
  } as KubernetesObject;
}

const cpuMetric = (side: 'target' | 'current', percent: unknown): Fields => ({
  type: 'Resource',
  resource: {
    name: 'cpu',
    [side]: { ...(side === 'target' ? { type: 'Utilization' } : {}), averageUtilization: percent },
  },
});

function toStorage(object: KubernetesObject): Mutable<KubernetesObject> {
  const { metadata, spec, status } = object as unknown as KubernetesObject & { spec?: unknown; status?: unknown };
  const { targetCPUUtilizationPercentage: percent, ...restSpec } = fieldsOf(spec);
  const { currentCPUUtilizationPercentage: currentPercent, ...restStatus } = fieldsOf(status);
  const others = listOf(annotationOf(metadata, 'metrics')).map((one) => converted(one, 'target', fromV1));
  const metrics = [...others, ...(percent === undefined ? [] : [cpuMetric('target', percent)])];
  const kept = annotationOf(metadata, 'current-metrics');
  const current = Array.isArray(kept)
    ? listOf(kept).map((one) => converted(one, 'current', fromV1))
    : currentPercent === undefined
      ? []
      : [cpuMetric('current', currentPercent)];
  const behavior = lowered(annotationOf(metadata, 'behavior'));
  const rules = present({ scaleUp: rulesFromGo(behavior['scaleup']), scaleDown: rulesFromGo(behavior['scaledown']) });
  const conditions = listOf(annotationOf(metadata, 'conditions'));
  const result = {
    ...object,
    apiVersion: 'autoscaling/v2',
    metadata: withAnnotations(metadata, ownAnnotations(metadata.annotations)),
    spec: {
      ...restSpec,
      metrics: metrics.length > 0 ? metrics : [cpuMetric('target', defaultCpuPercent)],
      ...(Object.keys(rules).length === 0 ? {} : { behavior: rules }),
    },
    status: {
      ...restStatus,
      ...(current.length === 0 ? {} : { currentMetrics: current }),
      ...(conditions.length === 0 ? {} : { conditions }),
    },
  } as unknown as Mutable<KubernetesObject>;
  applyDefaults('io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler', result);
  return result;
}

export const autoscaler = { fromStorage, toStorage };
