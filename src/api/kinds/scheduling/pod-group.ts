// PodGroup and Workload: Pods that are scheduled together, and templates of such groups. Upstream's rules are tags of the types:
// what was there and did not change is not looked at again.
import { duplicate, forbidden, invalid, required, tooMany, type FieldError } from '../../field-error.ts';
import { defaultGates, type FeatureGate } from '../../feature-gates.ts';
import type {
  PodGroup,
  PodGroupResourceClaim,
  PodGroupSchedulingConstraints,
  PodGroupSchedulingPolicy,
  PodGroupSpec,
  PodGroupStatus,
  PodGroupTemplate,
  PodGroupTemplateReference,
  Workload,
  WorkloadSpec,
} from '../../generated/types.ts';
import type { KindBehaviour, ValidationContext } from '../../kind.ts';
import { longName, pathSegment, qualifiedName, shortName } from '../../meta/names.ts';
import { conditionErrors } from '../../validation/conditions.ts';
import { isAbsent, oneOf, exactlyEqual, texts } from '../../validation/fields.ts';

const templatesMax = 8;
const claimsMax = 4;
const priorityMost = 1_000_000_000;

type Check = (value: string) => readonly string[];

const named = (path: string, value: string | undefined, check: Check): FieldError[] =>
  isAbsent(value) ? [required(path)] : texts(path, value, check(value));
const optionallyNamed = (path: string, value: string | undefined, check: Check): FieldError[] =>
  value === undefined ? [] : texts(path, value, check(value));
const unchangeable = (path: string): FieldError => invalid(path, null, 'field is immutable');

/** `a` and `b` say which member of a union is there; one must be. */
function unionErrors(path: string, members: Readonly<Record<string, unknown>>): FieldError[] {
  const names = Object.keys(members);
  const given = names.filter((name) => members[name] !== undefined);
  const all = names.map((name) => `\`${name}\``).join(', ');
  if (given.length === 0) return [invalid(path, '', `must specify one of: ${all}`)];
  return given.length > 1 ? [invalid(path, `{${given.join(', ')}}`, `must specify exactly one of: ${all}`)] : [];
}

function policyErrors(path: string, policy: Partial<PodGroupSchedulingPolicy> | undefined): FieldError[] {
  const { basic, gang } = policy ?? {};
  const errors = unionErrors(path, { basic, gang });
  if (gang === undefined) return errors;
  const count = gang.minCount ?? 0;
  if (count === 0) errors.push(required(`${path}.gang.minCount`));
  else if (count < 1) errors.push(invalid(`${path}.gang.minCount`, count, 'must be greater than or equal to 1'));
  return errors;
}

function constraintErrors(path: string, { topology = [] }: Partial<PodGroupSchedulingConstraints>): FieldError[] {
  if (topology.length > 1) return [tooMany(`${path}.topology`, topology.length, 1)];
  return topology.flatMap(({ key }, index) => named(`${path}.topology[${index}].key`, key, qualifiedName));
}

function claimErrors(path: string, claims: readonly PodGroupResourceClaim[] | undefined): FieldError[] {
  const list = claims ?? [];
  if (list.length > claimsMax) return [tooMany(path, list.length, claimsMax)];
  return [
    ...list.flatMap((one, index) =>
      list.findIndex(({ name }) => name === one.name) < index ? [duplicate(`${path}[${index}]`, one)] : [],
    ),
    ...list.flatMap(({ name, resourceClaimName, resourceClaimTemplateName }, index) => {
      const at = `${path}[${index}]`;
      return [
        ...unionErrors(at, { resourceClaimName, resourceClaimTemplateName }),
        ...named(`${at}.name`, name, shortName),
        ...optionallyNamed(`${at}.resourceClaimName`, resourceClaimName, longName),
        ...optionallyNamed(`${at}.resourceClaimTemplateName`, resourceClaimTemplateName, longName),
      ];
    }),
  ];
}

type Gates = ValidationContext['gates'];
type Shared = Pick<
  PodGroupTemplate,
  'schedulingConstraints' | 'resourceClaims' | 'disruptionMode' | 'priorityClassName' | 'priority'
>;

/** What a template and a group have in common. `isFixed`: of a group, where nothing of it may change. */
function sharedErrors(
  path: string,
  spec: Partial<Shared>,
  before: Partial<Shared> | undefined,
  isUpdate: boolean,
  gates: Gates,
  isFixed: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  const part = (name: keyof Shared, gate: FeatureGate | undefined, check: (at: string) => FieldError[]): void => {
    const at = `${path}.${name}`;
    if (before !== undefined && exactlyEqual(spec[name], before[name])) return;
    const isOff = gate !== undefined && !gates.isOn(gate);
    if (isOff) {
      if (!isAbsent(spec[name])) errors.push(forbidden(at, ''));
      return;
    }
    if (isUpdate && isFixed) errors.push(unchangeable(at));
    else errors.push(...check(at));
  };
  part('schedulingConstraints', 'TopologyAwareWorkloadScheduling', (at) =>
    constraintErrors(at, spec.schedulingConstraints ?? {}),
  );
  part('resourceClaims', undefined, (at) => (isUpdate ? [unchangeable(at)] : claimErrors(at, spec.resourceClaims)));
  part('disruptionMode', 'WorkloadAwarePreemption', (at) => {
    if (spec.disruptionMode === undefined) return isFixed ? [required(at)] : [];
    return oneOf(at, spec.disruptionMode, ['Pod', 'PodGroup']);
  });
  part('priorityClassName', 'WorkloadAwarePreemption', (at) =>
    isAbsent(spec.priorityClassName) ? [] : texts(at, spec.priorityClassName, longName(spec.priorityClassName)),
  );
  part('priority', 'WorkloadAwarePreemption', (at) =>
    spec.priority !== undefined && spec.priority > priorityMost
      ? [invalid(at, spec.priority, `must be less than or equal to ${priorityMost}`)]
      : [],
  );
  return errors;
}

/** Go's null is none. */
function referenceErrors(path: string, reference: Partial<PodGroupTemplateReference> | undefined | null): FieldError[] {
  if (reference === undefined || reference === null) return [];
  const workload = reference.workload ?? undefined;
  return [
    ...unionErrors(path, { workload }),
    ...(workload === undefined
      ? []
      : [
          ...named(`${path}.workload.workloadName`, workload.workloadName, longName),
          ...named(`${path}.workload.podGroupTemplateName`, workload.podGroupTemplateName, shortName),
        ]),
  ];
}

function groupErrors(
  spec: Partial<PodGroupSpec>,
  before: Partial<PodGroupSpec> | undefined,
  gates: Gates,
): FieldError[] {
  const isUpdate = before !== undefined;
  const changed = (name: 'podGroupTemplateRef' | 'schedulingPolicy') =>
    !isUpdate || !exactlyEqual(spec[name], before[name]);
  const errors: FieldError[] = [];
  if (changed('podGroupTemplateRef'))
    errors.push(
      ...(isUpdate
        ? [unchangeable('spec.podGroupTemplateRef')]
        : referenceErrors('spec.podGroupTemplateRef', spec.podGroupTemplateRef)),
    );
  if (changed('schedulingPolicy'))
    errors.push(
      ...(isUpdate
        ? [unchangeable('spec.schedulingPolicy')]
        : policyErrors('spec.schedulingPolicy', spec.schedulingPolicy)),
    );
  return [...errors, ...sharedErrors('spec', spec, before, isUpdate, gates, true)];
}

function statusErrors(
  status: Partial<PodGroupStatus>,
  before: Partial<PodGroupStatus>,
  claims: readonly PodGroupResourceClaim[],
): FieldError[] {
  const path = 'status.resourceClaimStatuses';
  const list = status.resourceClaimStatuses ?? [];
  const errors = [
    ...conditionErrors('status.conditions', status.conditions),
    ...list.flatMap(({ name }, index) =>
      claims.some((one) => one.name === name)
        ? []
        : [invalid(`${path}[${index}].name`, name, 'must match the name of an entry in `spec.resourceClaims`')],
    ),
  ];
  if (exactlyEqual(list, before.resourceClaimStatuses ?? [])) return errors;
  if (list.length > claimsMax) return [...errors, tooMany(path, list.length, claimsMax)];
  return [
    ...errors,
    ...list.flatMap((one, index) =>
      list.findIndex(({ name }) => name === one.name) < index ? [duplicate(`${path}[${index}]`, one)] : [],
    ),
    ...list.flatMap(({ resourceClaimName }, index) =>
      optionallyNamed(`${path}[${index}].resourceClaimName`, resourceClaimName, longName),
    ),
  ];
}

const gatesOf = (context: ValidationContext | undefined): Gates => context?.gates ?? defaultGates;

export const podGroup: KindBehaviour<PodGroup> = {
  validate: ({ spec }, context) => groupErrors(spec ?? {}, undefined, gatesOf(context)),
  validateUpdate: (object, previous, subresource, context) =>
    subresource === 'status'
      ? statusErrors(object.status ?? {}, previous.status ?? {}, object.spec?.resourceClaims ?? [])
      : groupErrors(object.spec ?? {}, previous.spec ?? {}, gatesOf(context)),
};

function templateErrors(path: string, template: Partial<PodGroupTemplate>, gates: Gates): FieldError[] {
  return [
    ...named(`${path}.name`, template.name, shortName),
    ...policyErrors(`${path}.schedulingPolicy`, template.schedulingPolicy),
    ...sharedErrors(path, template, undefined, false, gates, false),
  ];
}

function workloadErrors(spec: Partial<WorkloadSpec>, gates: Gates): FieldError[] {
  const { controllerRef, podGroupTemplates = [] } = spec;
  const path = 'spec.podGroupTemplates';
  const errors: FieldError[] = [];
  if (controllerRef !== undefined)
    errors.push(
      ...(isAbsent(controllerRef.apiGroup)
        ? []
        : texts('spec.controllerRef.apiGroup', controllerRef.apiGroup, longName(controllerRef.apiGroup))),
      ...named('spec.controllerRef.kind', controllerRef.kind, pathSegment),
      ...named('spec.controllerRef.name', controllerRef.name, pathSegment),
    );
  if (podGroupTemplates.length === 0) return [...errors, required(path)];
  if (podGroupTemplates.length > templatesMax)
    return [...errors, tooMany(path, podGroupTemplates.length, templatesMax)];
  return [
    ...errors,
    ...podGroupTemplates.flatMap((one, index) =>
      podGroupTemplates.findIndex(({ name }) => name === one.name) < index ? [duplicate(`${path}[${index}]`, one)] : [],
    ),
    ...podGroupTemplates.flatMap((one, index) => templateErrors(`${path}[${index}]`, one, gates)),
  ];
}

export const workload: KindBehaviour<Workload> = {
  validate: ({ spec }, context) => workloadErrors(spec ?? {}, gatesOf(context)),
  validateUpdate: ({ spec }, previous) => [
    ...(['controllerRef', 'podGroupTemplates'] as const).flatMap((name) =>
      exactlyEqual(spec?.[name], previous.spec?.[name]) ? [] : [unchangeable(`spec.${name}`)],
    ),
    ...((spec?.podGroupTemplates?.length ?? 0) === 0 ? [required('spec.podGroupTemplates')] : []),
  ],
};
