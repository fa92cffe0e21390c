// Which of the default flow schemas and priority levels are missing, changed or no longer ours; upstream's two strategies: what is
// mandatory is always as it must be, what is suggested while its annotation says so.
import { FlowSchemas, PriorityLevelConfigurations } from '#api/generated/kind-references.ts';
import type { FlowSchema, FlowSchemaCondition, PriorityLevelConfiguration } from '#api/generated/types.ts';
import type { KindReference, KubernetesObject } from '#api/kind.ts';
import { formatTime } from '#api/meta/time.ts';
import {
  autoUpdateAnnotation,
  defaultFlowSchemas,
  defaultPriorityLevels,
  mandatoryNames,
} from '#rules/flow-control-defaults.ts';
import { semanticallyEqual } from '#rules/semantically-equal.ts';
import { create, remove, update, updateStatus, type Action, type Decision } from '../runtime/action.ts';

export interface FlowControlSnapshot {
  readonly schemas: readonly FlowSchema[];
  readonly levels: readonly PriorityLevelConfiguration[];
}

type WithSpec = KubernetesObject & { readonly spec: object };

function upkeep<T extends WithSpec>(kind: KindReference<T>, defaults: readonly T[], there: readonly T[]): Action[] {
  const byName = new Map(there.map((one) => [one.metadata.name, one]));
  const actions: Action[] = [];
  for (const wanted of defaults) {
    const { name = '' } = wanted.metadata;
    const current = byName.get(name);
    if (current === undefined) {
      actions.push(create(kind, wanted, { accept: ['AlreadyExists'] }));
      continue;
    }
    if (current.metadata.deletionTimestamp !== undefined) continue;
    const annotation = current.metadata.annotations?.[autoUpdateAnnotation];
    const isMandatory = mandatoryNames.has(name);
    // Without the annotation nobody has decided yet: it is ours while nobody changed it (upstream: generation 1).
    const follows =
      isMandatory || annotation === 'true' || (annotation === undefined && current.metadata.generation === 1);
    const value = isMandatory || follows ? 'true' : 'false';
    const needsAnnotation = isMandatory ? annotation !== 'true' : annotation !== 'true' && annotation !== 'false';
    const needsSpec = follows && !semanticallyEqual(current.spec, wanted.spec);
    if (!needsAnnotation && !needsSpec) continue;
    const metadata = {
      ...current.metadata,
      annotations: { ...current.metadata.annotations, [autoUpdateAnnotation]: needsAnnotation ? value : annotation! },
    };
    actions.push(update(kind, { ...current, metadata, ...(needsSpec ? { spec: wanted.spec } : {}) }));
  }
  // What an earlier version had and this one has not.
  for (const one of there)
    if (
      one.metadata.annotations?.[autoUpdateAnnotation] === 'true' &&
      one.metadata.deletionTimestamp === undefined &&
      !defaults.some((wanted) => wanted.metadata.name === one.metadata.name)
    )
      actions.push(remove(kind, one));
  return actions;
}

function dangling(schema: FlowSchema, levels: ReadonlySet<string>, now: number): Action[] {
  const level = schema.spec.priorityLevelConfiguration.name;
  const exists = levels.has(level);
  const sentence = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`;
  const wanted: FlowSchemaCondition = {
    type: 'Dangling',
    status: exists ? 'False' : 'True',
    reason: exists ? 'Found' : 'NotFound',
    message: exists ? `${sentence} and it exists` : `${sentence} but there is no such object`,
  };
  const conditions = schema.status?.conditions ?? [];
  const current = conditions.find((one) => one.type === 'Dangling');
  if (
    current !== undefined &&
    current.status === wanted.status &&
    current.reason === wanted.reason &&
    current.message === wanted.message
  )
    return [];
  const changed = { ...wanted, lastTransitionTime: formatTime(now) };
  return [
    updateStatus(FlowSchemas, {
      ...schema,
      status: { ...schema.status, conditions: [...conditions.filter((one) => one !== current), changed] },
    }),
  ];
}

export function decide({ schemas, levels }: FlowControlSnapshot, now: number): Decision {
  const actions = [
    ...upkeep(PriorityLevelConfigurations, defaultPriorityLevels, levels),
    ...upkeep(FlowSchemas, defaultFlowSchemas, schemas),
  ];
  // Conditions once the objects are there: their changes come back here.
  if (actions.length > 0) return { actions };
  const names = new Set(levels.map((one) => one.metadata.name!));
  return { actions: schemas.flatMap((one) => dangling(one, names, now)) };
}
