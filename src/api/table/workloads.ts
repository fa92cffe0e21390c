// Rows of what makes Pods.
import type {
  ControllerRevision,
  CronJob,
  DaemonSet,
  Deployment,
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  Job,
  PodDisruptionBudget,
  PodTemplate,
  ReplicaSet,
  ReplicationController,
  Scale,
  StatefulSet,
} from '../generated/types.ts';
import { conditionIsTrue } from '../meta/conditions.ts';
import { controllerOf } from '../meta/owner.ts';
import { ageOf, humanDuration, parseTime } from '../meta/time.ts';
import {
  age,
  containerImages,
  containerNames,
  labelsText,
  none,
  selectorText,
  unset,
  yesNo,
  type CellsOf,
} from './format.ts';

export const deploymentCells: CellsOf<Deployment> = (object, now) => {
  const { spec, status = {}, metadata } = object;
  const { containers } = spec.template.spec ?? {};
  return [
    metadata.name,
    `${status.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
    status.updatedReplicas ?? 0,
    status.availableReplicas ?? 0,
    age(object, now),
    containerNames(containers),
    containerImages(containers),
    selectorText(spec.selector).replace(none, ''),
  ];
};

export const scaleCells: CellsOf<Scale> = (object, now) => [
  object.metadata.name,
  object.spec?.replicas ?? 0,
  object.status?.replicas ?? 0,
  age(object, now),
];

export const replicaSetCells: CellsOf<ReplicaSet> = (object, now) => {
  const { spec, status, metadata } = object;
  const containers = spec.template?.spec?.containers;
  return [
    metadata.name,
    spec.replicas ?? 0,
    status?.replicas ?? 0,
    status?.readyReplicas ?? 0,
    age(object, now),
    containerNames(containers),
    containerImages(containers),
    selectorText(spec.selector),
  ];
};

export const replicationControllerCells: CellsOf<ReplicationController> = (object, now) => {
  const { spec, status, metadata } = object;
  const containers = spec?.template?.spec?.containers;
  return [
    metadata.name,
    spec?.replicas ?? 0,
    status?.replicas ?? 0,
    status?.readyReplicas ?? 0,
    age(object, now),
    containerNames(containers),
    containerImages(containers),
    labelsText(spec?.selector),
  ];
};

export const daemonSetCells: CellsOf<DaemonSet> = (object, now) => {
  const { spec, status, metadata } = object;
  const { containers, nodeSelector } = spec.template.spec ?? {};
  return [
    metadata.name,
    status?.desiredNumberScheduled ?? 0,
    status?.currentNumberScheduled ?? 0,
    status?.numberReady ?? 0,
    status?.updatedNumberScheduled ?? 0,
    status?.numberAvailable ?? 0,
    labelsText(nodeSelector),
    age(object, now),
    containerNames(containers),
    containerImages(containers),
    selectorText(spec.selector),
  ];
};

export const statefulSetCells: CellsOf<StatefulSet> = (object, now) => {
  const { spec, status, metadata } = object;
  const containers = spec.template.spec?.containers;
  return [
    metadata.name,
    `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`,
    age(object, now),
    containerNames(containers),
    containerImages(containers),
  ];
};

function jobStatus({ status, metadata }: Job): string {
  const has = (type: string) => conditionIsTrue(status?.conditions, type);
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(has) ?? 'Running';
}

export const jobCells: CellsOf<Job> = (object, now) => {
  const { spec, status, metadata } = object;
  const succeeded = status?.succeeded ?? 0;
  const parallelism = spec.parallelism ?? 0;
  const completions =
    spec.completions !== undefined
      ? `${succeeded}/${spec.completions}`
      : parallelism > 1
        ? `${succeeded}/1 of ${parallelism}`
        : `${succeeded}/1`;
  const start = parseTime(status?.startTime);
  const containers = spec.template.spec?.containers;
  return [
    metadata.name,
    jobStatus(object),
    completions,
    start === undefined ? '' : humanDuration((parseTime(status?.completionTime) ?? now) - start),
    age(object, now),
    containerNames(containers),
    containerImages(containers),
    selectorText(spec.selector),
  ];
};

export const cronJobCells: CellsOf<CronJob> = (object, now) => {
  const { spec, status, metadata } = object;
  const jobSpec = spec.jobTemplate.spec;
  const containers = jobSpec?.template.spec?.containers;
  return [
    metadata.name,
    spec.schedule,
    spec.timeZone ?? none,
    yesNo(spec.suspend),
    status?.active?.length ?? 0,
    status?.lastScheduleTime === undefined ? none : ageOf(status.lastScheduleTime, now),
    age(object, now),
    containerNames(containers),
    containerImages(containers),
    selectorText(jobSpec?.selector),
  ];
};

export const podDisruptionBudgetCells: CellsOf<PodDisruptionBudget> = (object, now) => [
  object.metadata.name,
  String(object.spec?.minAvailable ?? 'N/A'),
  String(object.spec?.maxUnavailable ?? 'N/A'),
  object.status?.disruptionsAllowed ?? 0,
  age(object, now),
];

export const podTemplateCells: CellsOf<PodTemplate> = ({ metadata, template }) => [
  metadata.name,
  containerNames(template?.spec?.containers),
  containerImages(template?.spec?.containers),
  labelsText(template?.metadata?.labels),
];

export const controllerRevisionCells: CellsOf<ControllerRevision> = (object, now) => {
  const owner = controllerOf(object);
  const group = owner?.apiVersion.split('/').slice(0, -1).join('/') ?? '';
  return [
    object.metadata.name,
    owner === undefined ? none : `${owner.kind.toLowerCase()}${group === '' ? '' : `.${group}`}/${owner.name}`,
    object.revision,
    age(object, now),
  ];
};

const unknownText = '<unknown>';

/** `30%/50%`, `cpu: 10m/20m`, `7/10 (avg)`. */
function metricText(metric: MetricSpec, status: MetricStatus | undefined): string {
  const source = metric.resource ?? metric.containerResource;
  if (source !== undefined) {
    const now = (metric.resource === undefined ? status?.containerResource : status?.resource)?.current;
    const { averageValue, averageUtilization: percent } = source.target;
    if (averageValue !== undefined) return `${source.name}: ${now?.averageValue ?? unknownText}/${averageValue}`;
    const current = now?.averageUtilization === undefined ? unknownText : `${now.averageUtilization}%`;
    return `${source.name}: ${current}/${percent === undefined ? '<auto>' : `${percent}%`}`;
  }
  if (metric.pods !== undefined)
    return `${status?.pods?.current.averageValue ?? unknownText}/${metric.pods.target.averageValue}`;
  const other = metric.object ?? metric.external;
  if (other === undefined) return '<unknown type>';
  const now = (metric.object === undefined ? status?.external : status?.object)?.current;
  return other.target.averageValue === undefined
    ? `${now?.value ?? unknownText}/${other.target.value}`
    : `${now?.averageValue ?? unknownText}/${other.target.averageValue} (avg)`;
}
const metricTexts = ({ spec, status }: HorizontalPodAutoscaler): string[] =>
  (spec.metrics ?? []).map((metric, index) => metricText(metric, status?.currentMetrics?.[index]));

export const horizontalPodAutoscalerCells: CellsOf<HorizontalPodAutoscaler> = (object, now) => {
  const { spec, status, metadata } = object;
  const metrics = metricTexts(object);
  return [
    metadata.name,
    `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`,
    metrics.length === 0
      ? none
      : metrics.length > 2
        ? `${metrics.slice(0, 2).join(', ')} + ${metrics.length - 2} more...`
        : metrics.join(', '),
    spec.minReplicas === undefined ? unset : String(spec.minReplicas),
    spec.maxReplicas,
    status?.currentReplicas ?? 0,
    age(object, now),
  ];
};
