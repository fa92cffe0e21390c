// One metric of an autoscaler: how many replicas it asks for, and what the status tells of it. Upstream's computeReplicasForMetric.
import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
  Pod,
} from '#api/generated/types.ts';
import { selectorGoText } from '#api/meta/selector-go-text.ts';
import { formatQuantity, milliValue, quantityToNumber } from '#api/quantity.ts';
import { messageOf } from '#base/errors.ts';
import type { MetricsApis } from './metrics-apis.ts';
import {
  type Proposal,
  replicasForShare,
  replicasForUsage,
  replicasForUtilization,
  replicasForValue,
} from './replicas.ts';
import { MetricError, type Tolerances } from './samples.ts';

export interface MetricInput {
  readonly autoscaler: HorizontalPodAutoscaler;
  readonly namespace: string;
  /** Of the Pods of its target. */
  readonly selector: string;
  readonly pods: readonly Pod[];
  readonly specReplicas: number;
  readonly statusReplicas: number;
  readonly nowMs: number;
}

export interface MetricProposal {
  readonly replicas: number;
  /** For the event of a change. */
  readonly name: string;
  readonly status: MetricStatus;
}

/** `reason` is that of the event and the condition; `message` what they say; `wrapped` what the look as a whole says. */
export class FailedMetric extends Error {
  readonly reason: string;
  readonly wrapped: string;

  constructor(reason: string, message: string, wrapped: string) {
    super(message);
    this.reason = reason;
    this.wrapped = wrapped;
  }
}

const defaultTolerance = 0.1;

export function tolerancesOf({ spec }: HorizontalPodAutoscaler): Tolerances {
  const of = (tolerance: string | number | undefined) =>
    tolerance === undefined ? defaultTolerance : quantityToNumber(String(tolerance));
  return { scaleDown: of(spec?.behavior?.scaleDown?.tolerance), scaleUp: of(spec?.behavior?.scaleUp?.tolerance) };
}

const decimal = (milli: number): string =>
  formatQuantity({ value: BigInt(Math.trunc(milli)), scale: -3, format: 'DecimalSI' });
const resourceQuantity = (resource: string, milli: number): string =>
  resource === 'memory' ? formatQuantity({ value: BigInt(milli), scale: -3, format: 'BinarySI' }) : decimal(milli);
const milli = (quantity: string | number): number => milliValue(String(quantity));

async function told<T>(prefix: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new MetricError(`${prefix}: ${messageOf(error)}`, { cause: error });
  }
}

export async function proposalOf(apis: MetricsApis, input: MetricInput, spec: MetricSpec): Promise<MetricProposal> {
  switch (spec.type) {
    case 'Object':
      return await failing(
        'FailedGetObjectMetric',
        'failed to get object metric value',
        objectMetric(apis, input, spec),
      );
    case 'Pods':
      return await failing('FailedGetPodsMetric', 'failed to get pods metric value', podsMetric(apis, input, spec));
    case 'Resource':
      return await failing(
        'FailedGetResourceMetric',
        `failed to get ${spec.resource?.name} resource metric value`,
        resourceMetric(apis, input, spec),
      );
    case 'ContainerResource':
      return await failing(
        'FailedGetContainerResourceMetric',
        `failed to get ${spec.containerResource?.container} container metric value`,
        containerMetric(apis, input, spec),
      );
    case 'External':
      return await failing(
        'FailedGetExternalMetric',
        `failed to get ${spec.external?.metric.name} external metric value`,
        externalMetric(apis, input, spec),
      );
    default: {
      const message = `unknown metric source type ${JSON.stringify(spec.type)}`;
      throw new FailedMetric('InvalidMetricSourceType', message, message);
    }
  }
}

async function failing(reason: string, prefix: string, work: Promise<MetricProposal>): Promise<MetricProposal> {
  try {
    return await work;
  } catch (error) {
    throw new FailedMetric(reason, messageOf(error), `${prefix}: ${messageOf(error)}`);
  }
}

const podInput = (
  input: MetricInput,
  samples: Parameters<typeof replicasForUsage>[0]['samples'],
  resource: string,
) => ({
  pods: input.pods,
  samples,
  currentReplicas: input.specReplicas,
  resource,
  tolerances: tolerancesOf(input.autoscaler),
  nowMs: input.nowMs,
});

async function objectMetric(apis: MetricsApis, input: MetricInput, { object }: MetricSpec): Promise<MetricProposal> {
  const { describedObject, metric, target } = object!;
  const status = (current: MetricValueStatus): MetricStatus => ({
    type: 'Object',
    object: { describedObject, metric: { name: metric.name, selector: metric.selector }, current },
  });
  const tolerances = tolerancesOf(input.autoscaler);
  const value = () =>
    told(
      `unable to get metric ${metric.name}`,
      apis.object(input.namespace, describedObject, metric.name, metric.selector),
    ).catch((error: unknown) => {
      throw new MetricError(
        `${messageOf(error)} on ${describedObject.kind} ${input.namespace}/${describedObject.name}`,
        { cause: error },
      );
    });
  if (target.type === 'Value' && target.value !== undefined) {
    const { replicas, usage } = replicasForValue(
      { pods: input.pods, currentReplicas: input.specReplicas, tolerances },
      await value(),
      milli(target.value),
    );
    return {
      replicas,
      name: `${describedObject.kind} metric ${metric.name}`,
      status: status({ value: decimal(usage) }),
    };
  }
  if (target.type === 'AverageValue' && target.averageValue !== undefined) {
    const total = await told(`failed to get ${metric.name} object metric`, value());
    const { replicas, usage } = replicasForShare(input.statusReplicas, tolerances, total, milli(target.averageValue));
    return {
      replicas,
      name: `external metric ${metric.name}(${goText(metric.selector)})`,
      status: status({ averageValue: decimal(usage) }),
    };
  }
  throw new MetricError('invalid object metric source: neither a value target nor an average value target was set');
}

const goText = (selector: Parameters<typeof selectorGoText>[0] | undefined): string =>
  selector === undefined ? 'nil' : selectorGoText(selector);

async function podsMetric(apis: MetricsApis, input: MetricInput, { pods }: MetricSpec): Promise<MetricProposal> {
  const { metric, target } = pods!;
  const samples = await told(
    `unable to get metric ${metric.name}`,
    apis.pods(input.namespace, input.selector, metric.name, metric.selector),
  );
  const { replicas, usage } = replicasForUsage(podInput(input, samples, ''), milli(target.averageValue ?? 0));
  return {
    replicas,
    name: `pods metric ${metric.name}`,
    status: {
      type: 'Pods',
      pods: { metric: { name: metric.name, selector: metric.selector }, current: { averageValue: decimal(usage) } },
    },
  };
}

interface ResourceProposal {
  readonly replicas: number;
  readonly name: string;
  readonly current: MetricValueStatus;
}

async function ofResource(
  apis: MetricsApis,
  input: MetricInput,
  resource: string,
  container: string,
  target: MetricTarget,
): Promise<ResourceProposal> {
  const samples = () =>
    told(
      `unable to get metrics for resource ${resource}`,
      apis.resource(input.namespace, input.selector, resource, container),
    );
  const current = ({ usage, utilization }: Proposal): MetricValueStatus => ({
    averageValue: resourceQuantity(resource, usage),
    ...(utilization === undefined ? {} : { averageUtilization: utilization }),
  });
  if (target.averageValue !== undefined) {
    const proposal = await told(
      `failed to get ${resource} usage`,
      samples().then((found) => replicasForUsage(podInput(input, found, resource), milli(target.averageValue!))),
    );
    return { replicas: proposal.replicas, name: `${resource} resource`, current: current(proposal) };
  }
  const { averageUtilization } = target;
  if (averageUtilization === undefined)
    throw new MetricError(
      'invalid resource metric source: neither an average utilization target nor an average value (usage) target was set',
    );
  const proposal = await told(
    `failed to get ${resource} utilization`,
    samples().then((found) => replicasForUtilization(podInput(input, found, resource), averageUtilization, container)),
  );
  const what = container === '' ? 'resource' : 'container resource';
  return {
    replicas: proposal.replicas,
    name: `${resource} ${what} utilization (percentage of request)`,
    current: current(proposal),
  };
}

async function resourceMetric(
  apis: MetricsApis,
  input: MetricInput,
  { resource }: MetricSpec,
): Promise<MetricProposal> {
  const { name: resourceName, target } = resource!;
  const { replicas, name, current } = await ofResource(apis, input, resourceName, '', target);
  return { replicas, name, status: { type: 'Resource', resource: { name: resourceName, current } } };
}

async function containerMetric(
  apis: MetricsApis,
  input: MetricInput,
  { containerResource }: MetricSpec,
): Promise<MetricProposal> {
  const { name: resourceName, container, target } = containerResource!;
  const { replicas, name, current } = await ofResource(apis, input, resourceName, container, target);
  return {
    replicas,
    name,
    status: { type: 'ContainerResource', containerResource: { name: resourceName, container, current } },
  };
}

async function externalMetric(
  apis: MetricsApis,
  input: MetricInput,
  { external }: MetricSpec,
): Promise<MetricProposal> {
  const { metric, target } = external!;
  const tolerances = tolerancesOf(input.autoscaler);
  const name = `external metric ${metric.name}(${goText(metric.selector)})`;
  const status = (current: MetricValueStatus): MetricStatus => ({
    type: 'External',
    external: { metric: { name: metric.name, selector: metric.selector }, current },
  });
  const total = async () => {
    const values = await told(
      `unable to get external metric ${input.namespace}/${metric.name}/${goText(metric.selector)}`,
      apis.external(input.namespace, metric.name, metric.selector),
    );
    return Math.min(
      Number.MAX_SAFE_INTEGER,
      values.reduce((sum, one) => sum + one, 0),
    );
  };
  if (target.averageValue !== undefined) {
    const value = await told(`failed to get ${metric.name} external metric`, total());
    const { replicas, usage } = replicasForShare(input.statusReplicas, tolerances, value, milli(target.averageValue));
    return { replicas, name, status: status({ averageValue: decimal(usage) }) };
  }
  if (target.value !== undefined) {
    const targetValue = milli(target.value);
    const { replicas, usage } = await told(
      `failed to get external metric ${metric.name}`,
      total().then((value) =>
        replicasForValue({ pods: input.pods, currentReplicas: input.specReplicas, tolerances }, value, targetValue),
      ),
    );
    return { replicas, name, status: status({ value: decimal(usage) }) };
  }
  throw new MetricError('invalid external metric source: neither a value target nor an average value target was set');
}
