// What a custom resource definition's status should say next: pure. Names that another definition of the group has are not
// given twice; a definition whose names were accepted is served. Texts and reasons of upstream's controllers.
import { apiApproval } from '#api/custom/api-approval.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionStatus,
} from '#api/generated/types.ts';
import { formatTime } from '#api/meta/time.ts';
import { equalJson } from '#api/patch/json-values.ts';

export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

export const conditionOf = (
  definition: CustomResourceDefinition,
  type: string,
): CustomResourceDefinitionCondition | undefined => definition.status?.conditions?.find((one) => one.type === type);

type Told = Pick<CustomResourceDefinitionCondition, 'status' | 'reason' | 'message'>;

/** The same list when nothing changes. The time moves when the status does. */
function withCondition(
  conditions: readonly CustomResourceDefinitionCondition[],
  type: string,
  { status, reason, message }: Told,
  now: number,
): readonly CustomResourceDefinitionCondition[] {
  const known = conditions.find((one) => one.type === type);
  if (known?.status === status && known.reason === reason && known.message === message) return conditions;
  const lastTransitionTime = known?.status === status ? known.lastTransitionTime : formatTime(now);
  const next = { type, status, lastTransitionTime, reason, message };
  return known === undefined ? [...conditions, next] : conditions.map((one) => (one === known ? next : one));
}

/** The same definition when nothing changes. */
export function terminating(definition: CustomResourceDefinition, told: Told, now: number): CustomResourceDefinition {
  const before = definition.status?.conditions ?? [];
  const conditions = withCondition(before, 'Terminating', told, now);
  return conditions === before ? definition : { ...definition, status: { ...definition.status, conditions } };
}

export function withoutCleanup(definition: CustomResourceDefinition): CustomResourceDefinition {
  const finalizers = (definition.metadata.finalizers ?? []).filter((one) => one !== cleanupFinalizer);
  return { ...definition, metadata: { ...definition.metadata, finalizers } };
}

/** Undefined: nothing to change. */
export function nextStatus(
  definition: CustomResourceDefinition,
  others: readonly CustomResourceDefinition[],
  now: number,
): CustomResourceDefinitionStatus | undefined {
  const before: CustomResourceDefinitionStatus = definition.status ?? {};
  let conditions = before.conditions ?? [];
  let { acceptedNames } = before;
  if (!equalJson(definition.spec.names, acceptedNames) || conditionOf(definition, 'NamesAccepted') === undefined) {
    const { names, conflict } = acceptNames(definition, others);
    acceptedNames = names;
    conditions = withCondition(
      conditions,
      'NamesAccepted',
      conflict ?? { status: 'True', reason: 'NoConflicts', message: 'no conflicts found' },
      now,
    );
  }
  const isAccepted = conditions.some((one) => one.type === 'NamesAccepted' && one.status === 'True');
  const isEstablished = conditionOf(definition, 'Established')?.status === 'True';
  if (!isEstablished)
    conditions = withCondition(
      conditions,
      'Established',
      isAccepted
        ? { status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }
        : { status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' },
      now,
    );
  const approval = apiApproval(definition);
  if (approval !== undefined)
    conditions = withCondition(conditions, 'KubernetesAPIApprovalPolicyConformant', approval, now);
  const next: CustomResourceDefinitionStatus = { ...before, conditions, acceptedNames };
  return equalJson(next, before) ? undefined : next;
}

interface Accepted {
  readonly names: CustomResourceDefinitionNames;
  readonly conflict: Told | undefined;
}

const noNames: CustomResourceDefinitionNames = { plural: '', kind: '' };

function acceptNames(definition: CustomResourceDefinition, others: readonly CustomResourceDefinition[]): Accepted {
  const wanted = definition.spec.names;
  const accepted = definition.status?.acceptedNames ?? noNames;
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const other of [definition, ...others]) {
    if (other.spec.group !== definition.spec.group) continue;
    const { plural, singular, shortNames, kind, listKind } = other.status?.acceptedNames ?? noNames;
    for (const name of [plural, singular, ...(shortNames ?? [])]) if (name) resources.add(name);
    for (const name of [kind, listKind]) if (name) kinds.add(name);
  }
  const inUse = (name: string): string => `${JSON.stringify(name)} is already in use`;
  let conflict: Told | undefined;
  const refuse = (reason: string, message: string): void => void (conflict = { status: 'False', reason, message });
  const take = (name: string | undefined, mine: string | undefined, taken: ReadonlySet<string>, reason: string) => {
    if (name === undefined || name === mine || !taken.has(name)) return name;
    refuse(reason, inUse(name));
    return mine;
  };
  const plural = take(wanted.plural, accepted.plural, resources, 'PluralConflict') ?? '';
  const singular = take(wanted.singular, accepted.singular, resources, 'SingularConflict');
  let { shortNames } = accepted;
  if (!equalJson(wanted.shortNames, shortNames)) {
    const taken = (wanted.shortNames ?? []).filter(
      (name) => accepted.shortNames?.includes(name) !== true && resources.has(name),
    );
    if (taken.length === 0) ({ shortNames } = wanted);
    else refuse('ShortNamesConflict', taken.length === 1 ? inUse(taken[0]!) : `[${taken.map(inUse).join(', ')}]`);
  }
  const kind = take(wanted.kind, accepted.kind, kinds, 'KindConflict') ?? '';
  const listKind = take(wanted.listKind, accepted.listKind, kinds, 'ListKindConflict');
  return {
    conflict,
    names: {
      plural,
      ...(singular === undefined ? {} : { singular }),
      ...(shortNames === undefined ? {} : { shortNames }),
      kind,
      ...(listKind === undefined ? {} : { listKind }),
      ...(wanted.categories === undefined ? {} : { categories: wanted.categories }),
    },
  };
}
